"""A short run of ``seqmodels fit``."""

from collections.abc import Callable
from pathlib import Path

import pytest

from seqmodels.cli import main


@pytest.fixture
def fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """``fit("--trainer.max_epochs", "2")``: the exit code of a small model's training on a text in an empty folder."""
    monkeypatch.chdir(tmp_path)
    Path("my.txt").write_text("how vexingly quick daft zebras jump! " * 150)
    small = ("--data.path", "my.txt", "--data.batch_size", "4", "--data.steps", "16", "--model.hidden_size", "8")
    quiet = ("--trainer.accelerator", "cpu", "--trainer.enable_progress_bar", "false")
    return lambda *options: main(["fit", *small, *quiet, *options])
