"""``seqmodels fit`` with the data that are no texts of a person's own: generated ones, and music."""

import pickle
from pathlib import Path

import pytest

from seqmodels.cli import main

QUIET = ("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false", "--model.hidden_size", "4")
SEQUENCES = ("--data.batches", "2", "--data.eval_batches", "1")
WINDOWS = ("--data.windows", "2", "--data.eval_windows", "1")
PAIRS = {
    "Copying": ("LanguageModel", "--data.delay", "3", *SEQUENCES),
    "Memorisation": ("LanguageModel", *SEQUENCES),
    "Arithmetic": ("LanguageModel", *WINDOWS),
    "XMLTags": ("LanguageModel", *WINDOWS),
    "Adding": ("SequenceRegressor", "--model.input_size", "2", *SEQUENCES),
    "PolyphonicMusic": ("MusicModel", "--data.path", "scale.pickle"),
}
BEST = "runs/version_0/checkpoints/best.ckpt"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pieces = [[[60], [62], [64]], [[60], [72]]]
    Path("scale.pickle").write_bytes(pickle.dumps({"train": pieces, "valid": pieces, "test": pieces}))


@pytest.mark.parametrize("data", PAIRS)
def test_a_task_trains_on_the_data_made_for_it(data, capsys):
    task, *options = PAIRS[data]
    assert main(["fit", "--model", task, "--data", data, *options, *QUIET]) == 0
    assert f"checkpoint: {BEST}" in capsys.readouterr().out


def test_a_checkpoint_is_tested_on_data_of_its_own_characters(capsys):
    assert main(["fit", "--data", "XMLTags", *WINDOWS, *QUIET]) == 0
    assert main(["test", "--data", "XMLTags", *WINDOWS, *QUIET, "--ckpt_path", BEST]) == 0
    assert "test_loss" in capsys.readouterr().out
    assert main(["test", "--data", "Arithmetic", *WINDOWS, *QUIET, "--ckpt_path", BEST]) == 2
    assert "Arithmetic has the characters '+-.0123456789=abc" in capsys.readouterr().err.strip().splitlines()[-1]
