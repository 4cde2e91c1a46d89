"""``seqmodels inspect``: a table, pictures and a page from a checkpoint and a text."""

import lightning.pytorch as pl
import pytest
import torch
from quick_fit import QUIET

from seqmodels.cli import main
from seqmodels.data import build_tokenizer
from seqmodels.tasks import LanguageModel, SequenceTagger

CODE = "".join(f"def f{number % 7}(a, b):\n    return 'x' + a[{number}]  # so\n" for number in range(30))


def saved(model, path):
    trainer = pl.Trainer(**QUIET)
    trainer.strategy.connect(model)
    trainer.save_checkpoint(path)
    return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint of two cells each, a text, and a checkpoint of another task."""
    folder = tmp_path_factory.mktemp("inspect")
    torch.manual_seed(0)
    tokenizer = build_tokenizer("character", CODE)
    for cell in ("gru", "lstm"):
        saved(LanguageModel(tokenizer, cell=cell, hidden_size=6), folder / f"{cell}.ckpt")
    saved(SequenceTagger(tokenizer=build_tokenizer("word", "a b"), labels=["A"], hidden_size=2), folder / "tagger.ckpt")
    (folder / "code.py").write_text(CODE)
    (folder / "other.txt").write_text("§" * 2000)
    return folder


@pytest.fixture(autouse=True)
def there(folder, monkeypatch):
    monkeypatch.chdir(folder)


def test_a_table_a_page_and_pictures_come_of_it(capsys, folder):
    assert main(["inspect", "gru.ckpt", "--file", "code.py", "--folder", "one"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "gru (gru.ckpt): chosen on the first half of the text, scored on the second"
    found = {line.split()[0]: line.split() for line in said[2:-1] if "hardly changes" not in line}
    assert set(found) == {"python_string_or_comment", "python_bracket_depth", "line_position"}
    assert found["line_position"][1].startswith("h[")
    assert all(0 <= float(number) <= 1 for number in found["line_position"][-2:])
    assert {line.split()[0] for line in said if "hardly changes" in line} == {"indentation", "python_if"}
    assert said[-1] == "page: one/index.html"
    assert (folder / "one" / "index.html").stat().st_size > 10_000
    assert {path.name for path in (folder / "one").iterdir()} == {
        *("index.html", "units_1.png", "units_1.svg", "units_1.pdf")
    }


def test_two_cells_stand_on_one_page(capsys, folder):
    options = ["--properties", r"line_position,regex:\d", "--names", "h,sigmoid(*),z", "--folder", "two"]
    assert main(["inspect", "gru.ckpt", "lstm.ckpt", "--file", "code.py", *options]) == 0
    said = capsys.readouterr().out
    assert said.count("chosen on the first half") == 2
    page = (folder / "two" / "index.html").read_text()
    assert "gru (gru.ckpt)" in page
    assert "lstm (lstm.ckpt)" in page
    assert "sigmoid(f)" in page


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["tagger.ckpt", "--file", "code.py"], ["tagger.ckpt", "SequenceTagger", "LanguageModel"]),
        (["gru.ckpt", "--file", "none.py"], ["none.py", "no such file"]),
        (["gru.ckpt", "--file", "other.txt"], ["never seen", "§"]),
        (["gru.ckpt", "--file", "code.py", "--properties", "line_positio"], ["did you mean 'line_position'"]),
        (["gru.ckpt", "--file", "code.py", "--names", "q"], ["nothing is called 'q'"]),
        (["gru.ckpt", "--file", "code.py", "--layers", "rnn.layers.9"], ["rnn.layers.0"]),
        (["gru.ckpt", "--file", "code.py", "--characters", "10"], ["--characters is 10"]),
        (["gru.ckpt", "--file", "code.py", "--folder", "code.py"], ["code.py", "give another --folder"]),
        (["gru.ckpt"], ["--file"]),
        (["code.py", "--file", "code.py"], ["code.py"]),
    ],
)
def test_a_mistake_is_one_line(capsys, arguments, parts):
    assert main(["inspect", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert all(part in said for part in parts)
