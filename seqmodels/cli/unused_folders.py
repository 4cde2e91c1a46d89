"""The folders of a run that ends before it has begun."""

import contextlib
from pathlib import Path
from typing import Any

import lightning.pytorch as pl

SETTINGS = {"config.yaml", "hparams.yaml"}


class UnusedFolders(pl.Callback):
    """Sees whether training begins, and else takes away the folders that were made for it.

    Args:
        run: The folder of the run.
        around: That in which it is.
    """

    def __init__(self, run: Path, around: Path) -> None:
        self.run, self.around = run, around
        self.is_new = {folder: not folder.exists() for folder in (run, around)}
        self.begun = False

    def on_train_batch_start(self, *_: Any) -> None:
        self.begun = True

    def remove(self) -> None:
        """Removes what this process has made, unless training has begun or something else is in it."""
        if self.begun or not self.is_new[self.run]:
            return
        with contextlib.suppress(OSError):  # there is none; or it isn't empty
            files = list(self.run.iterdir())
            if {file.name for file in files} <= SETTINGS:
                for file in files:
                    file.unlink()
                self.run.rmdir()
            if self.is_new[self.around]:
                self.around.rmdir()
