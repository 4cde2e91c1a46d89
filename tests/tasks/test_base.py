"""Checkpoints of tasks: what is in them, and what is refused."""

import importlib
import sys

import lightning.pytorch as pl
import pytest
import torch
from quick_fit import save_untrained
from small_language_models import QUIET, TEXT, fit, loader, model

from seqmodels.cli import main
from seqmodels.data import build_tokenizer
from seqmodels.errors import CheckpointError, UnknownCell
from seqmodels.tasks import LanguageModel, load


@pytest.mark.parametrize("unit", ["character", "byte", "word", "subword"])
def test_a_checkpoint_holds_all_that_writing_needs(tmp_path, unit):
    lm = LanguageModel(build_tokenizer(unit, TEXT, 300 if unit == "subword" else None), hidden_size=8, cell="mut2")
    trainer = fit(lm, folder=tmp_path)
    path = tmp_path / "model.ckpt"
    trainer.save_checkpoint(path)
    torch.load(path, weights_only=True)
    for again in (load(path), LanguageModel.load_from_checkpoint(path)):
        assert again.generate("the", length=20, seed=1) == lm.generate("the", length=20, seed=1)
        assert again.rnn.cell.__class__.__name__ == "MUT2"
        assert not again.training


def test_saving_what_was_loaded_changes_no_tensor(tmp_path):
    lm = model()
    trainer = fit(lm, folder=tmp_path)
    trainer.save_checkpoint(tmp_path / "first.ckpt")
    again = load(tmp_path / "first.ckpt")
    other = pl.Trainer(max_epochs=0, enable_checkpointing=False, default_root_dir=tmp_path, **QUIET)
    other.fit(again, loader(again))
    other.save_checkpoint(tmp_path / "second.ckpt")
    first, second = (
        torch.load(tmp_path / name, weights_only=True)["state_dict"] for name in ("first.ckpt", "second.ckpt")
    )
    assert first.keys() == second.keys()
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_a_cell_that_is_another_than_the_checkpoints_is_refused(tmp_path):
    lm = model()
    trainer = fit(lm, folder=tmp_path)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    with pytest.raises(CheckpointError, match=r"cell has the path seqmodels\.plugins\.lstm:LSTM") as raised:
        LanguageModel.load_from_checkpoint(tmp_path / "model.ckpt", cell="gru")
    assert "\n" not in str(raised.value)


def test_other_checkpoints_are_refused(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "foreign.ckpt")
    torch.save({"seqmodels": {"task": "os:system"}}, tmp_path / "hostile.ckpt")
    for name in ("foreign.ckpt", "hostile.ckpt", "missing.ckpt"):
        with pytest.raises(CheckpointError, match=name):
            load(tmp_path / name)


@pytest.mark.parametrize(
    "task", ["seqmodels.tasks.gone:Gone", "seqmodels.tasks.base.gone:Gone", "seqmodels.tasks.base:Gone"]
)
def test_a_task_that_this_version_lacks_is_one_line(tmp_path, one_line, task):
    torch.save({"seqmodels": {"task": task}}, tmp_path / "model.ckpt")
    with one_line(CheckpointError, "model.ckpt: is of", task, "which this version of seqmodels doesn't have"):
        load(tmp_path / "model.ckpt")


@pytest.fixture
def checkpoint_of_a_script(tmp_path, monkeypatch):
    """A checkpoint whose cell is in a module of its own, which says that it runs, and is imported no more."""
    (tmp_path / "owncells.py").write_text(
        "from seqmodels.plugins.elman import Elman\n\n\nclass Own(Elman):\n    pass\n\n\nprint('it runs')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    path = save_untrained(model(cell="owncells:Own"), tmp_path / "own.ckpt")
    monkeypatch.delitem(sys.modules, "owncells")
    yield path
    sys.modules.pop("owncells", None)


def test_a_checkpoint_imports_no_module_by_itself(checkpoint_of_a_script, one_line, capsys):
    capsys.readouterr()
    for read in (load, LanguageModel.load_from_checkpoint):
        with one_line(UnknownCell, "owncells:Own", "import owncells before", "--cell owncells:Own"):
            read(checkpoint_of_a_script)
    assert not capsys.readouterr().out
    importlib.import_module("owncells")
    assert load(checkpoint_of_a_script).generate("the", length=3)
    assert main(["generate", checkpoint_of_a_script, "--length", "3"]) == 0


def test_the_command_line_names_the_cell_that_a_checkpoint_does_not_import(checkpoint_of_a_script, capsys):
    capsys.readouterr()
    assert main(["generate", checkpoint_of_a_script]) == 2
    said = capsys.readouterr()
    assert "it runs" not in said.out
    assert "--cell owncells:Own" in said.err
    assert main(["generate", checkpoint_of_a_script, "--cell", "owncells:Own", "--length", "3"]) == 0
