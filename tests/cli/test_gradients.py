"""``seqmodels gradients``: pictures from nothing, and of a trained model."""

import pytest
from quick_fit import save_untrained

from seqmodels.cli import main
from seqmodels.data import build_tokenizer
from seqmodels.tasks import LanguageModel

TEXT = "to be or not to be\n" * 20


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gradients")
    model = LanguageModel(build_tokenizer("character", TEXT), cell="gru", hidden_size=6)
    save_untrained(model, folder / "gru.ckpt")
    (folder / "my.txt").write_text(TEXT)
    (folder / "short.txt").write_text("to")
    return folder


@pytest.fixture(autouse=True)
def there(folder, monkeypatch):
    monkeypatch.chdir(folder)


def test_one_command_draws_the_three_pictures(capsys, folder):
    assert main(["gradients"]) == 0
    drawn = ("two_regimes", "clipping", "forget_path")
    assert capsys.readouterr().out.splitlines() == [f"gradients/{name}.png" for name in drawn]
    assert {path.name for path in (folder / "gradients").iterdir()} == {
        f"{name}.{kind}" for name in drawn for kind in ("png", "svg", "pdf")
    }


def test_any_cells_are_drawn_before_training(capsys, folder):
    cells = ["lstm", "gru", "elman", "exprnn", "cornn", "lmu", "lru", "narx", "mut1", "mut2"]
    assert main(["gradients", "--cells", ",".join(cells), "--steps", "30", "--folder", "any"]) == 0
    assert capsys.readouterr().out == "any/cells.png\n"
    drawn = (folder / "any" / "cells.svg").read_text()
    assert [cell for cell in cells if f">{cell}<" not in drawn] == []


def test_a_models_own_map_is_drawn(capsys, folder):
    assert main(["gradients", "gru.ckpt", "--file", "my.txt", "--steps", "9", "--folder", "own"]) == 0
    assert capsys.readouterr().out == "own/gradient_map.png\n"
    assert "rnn.layers.0" in (folder / "own" / "gradient_map.svg").read_text()


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["gru.ckpt"], "give a checkpoint and --file"),
        (["gru.ckpt", "--file", "my.txt", "--cells", "lstm"], "--cells draws cells before training"),
        (["--cells", "lstn"], "did you mean 'lstm'?"),
        (["--steps", "9"], "--steps has no effect on the three pictures"),
        (["--cells", "lstm", "--steps", "1"], "--steps is 1"),
        (["--file", "my.txt"], "give a checkpoint and --file"),
        (["gru.ckpt", "--file", "my.txt", "--steps", "1"], "--steps is 1"),
        (["gru.ckpt", "--file", "short.txt"], "short.txt: has 2 tokens; give a longer text"),
        (["gru.ckpt", "--file", "my.txt", "--steps", "4", "--folder", "my.txt"], "my.txt: can't be written"),
    ],
)
def test_a_mistake_is_one_line(capsys, arguments, part):
    assert main(["gradients", *arguments]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert part in said
