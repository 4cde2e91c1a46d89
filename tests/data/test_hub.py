"""Names of datasets: what is a mistyped path, and a hub that can't be reached."""

import os
import time

import datasets
import pytest
from huggingface_hub import constants
from patience import PATIENCE

from seqmodels.data import hub
from seqmodels.data.hub import open_dataset
from seqmodels.errors import DataError


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current directory, with a folder in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "names").mkdir()
    (tmp_path / "names" / "Italian.jsonl").write_text('{"text": "Rossi"}\n')
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("./nmaes", "did you mean 'names'?"),
        ("names_/", "did you mean 'names'?"),
        ("nmaes", "did you mean 'names'?"),
        ("names/Itallian.jsonl", f"did you mean {os.path.join('names', 'Italian.jsonl')!r}?"),
        ("~/words", "check the name"),
        ("owner/words.tsv", "check the name"),
        ("a/b/c/d", "check the name"),
        ("words/", "check the name"),
        ("C:\\words", "check the name"),
    ],
)
def test_what_looks_like_a_path_never_goes_to_the_hub(monkeypatch, one_line, name, hint):
    monkeypatch.setattr(hub, "_hub_answers", lambda: pytest.fail("the hub was asked"))
    with one_line(DataError, f"{name}: no such file or folder; ", hint):
        open_dataset(name)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("name", ["imdb", "owner/words", "owner/words/en", "wikitext/wikitext-2-raw-v1"])
def test_an_unreachable_hub_is_one_line_soon(monkeypatch, one_line, name):
    def silent(*_, **__):
        raise OSError

    monkeypatch.setattr("huggingface_hub.utils.get_session", silent)
    started = time.monotonic()
    with one_line(DataError, name, "the Hugging Face hub can't be reached"):
        open_dataset(name)
    assert time.monotonic() - started < 60
    assert (datasets.config.HF_HUB_OFFLINE, constants.HF_HUB_OFFLINE) == (False, False)  # as before


def test_a_hub_that_says_nothing_is_not_waited_for(monkeypatch):
    monkeypatch.setattr("huggingface_hub.utils.get_session", lambda: time.sleep(600))
    monkeypatch.setattr(hub, "_SECONDS_TO_PROBE", 0.1)
    started = time.monotonic()
    assert not hub._hub_answers()
    assert time.monotonic() - started < PATIENCE


def test_a_hub_that_answers_is_asked(monkeypatch):
    class Session:
        def head(self, url, timeout):
            assert url == constants.ENDPOINT

    monkeypatch.setattr("huggingface_hub.utils.get_session", Session)
    monkeypatch.setattr(datasets, "load_dataset", lambda name: {"train": [name, datasets.config.HF_HUB_OFFLINE]})
    assert open_dataset("owner/words") == {"train": ["owner/words", False]}
