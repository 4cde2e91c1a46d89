"""What is written down while a trial trains, so that it can be watched, killed at any moment and continued."""

from __future__ import annotations

import dataclasses
import math
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor

from seqmodels.compare.files import write_json
from seqmodels.compare.problem import Problem
from seqmodels.compare.results import Point
from seqmodels.compare.training import Training
from seqmodels.errors import OptionError
from seqmodels.training.monitor import count_elements

LAST, BEST, PROGRESS = "last.ckpt", "best.ckpt", "progress.json"


class TrialRecorder(pl.Callback):
    """Keeps the history of a trial, its last state and its best weights in a folder.

    After each validation ``last.ckpt`` holds all that is needed to go on, history included; ``best.ckpt`` the weights
    that did best; ``progress.json`` how far the trial is, for those who watch.

    Args:
        problem: Whose metric is read.
        training: Says when the trial is at its end.
        folder: Of the trial.
        until: Step at which to pause before that.
    """

    def __init__(self, problem: Problem, training: Training, folder: Path, until: int | None = None) -> None:
        self.problem, self.training, self.folder, self.until = problem, training, folder, until
        self.history: list[Point] = []
        self.step, self.seconds, self.tokens, self.value = 0, 0.0, 0, math.nan
        self._started = 0.0
        self._losses: list[Tensor] = []

    def progress(self) -> float:
        """Share of the trial that is behind us, 1 or a little more at its end."""
        if self.training.seconds is not None:
            return self.seconds / self.training.seconds
        return self.step / self.training.last_step

    def state_dict(self) -> dict[str, Any]:
        return {
            "history": [list(dataclasses.astuple(point)) for point in self.history],
            "step": self.step,
            "seconds": self.seconds,
            "tokens": self.tokens,
            "value": self.value,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.history = [Point(*values) for values in state_dict["history"]]
        for name in ("step", "seconds", "tokens", "value"):
            setattr(self, name, state_dict[name])

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        self.step += 1  # before the step of the learning rate's schedule, which asks how far we are
        self._started = time.perf_counter()

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loss = outputs["loss"] if isinstance(outputs, dict) else outputs
        if isinstance(loss, Tensor):
            self._losses.append(loss.detach())
        self.tokens += count_elements(batch) * trainer.world_size
        self.seconds += time.perf_counter() - self._started
        if self.progress() >= 1 or self.step == self.until:
            trainer.should_stop = True  # after a validation

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.sanity_checking:
            return
        value = self._metric(trainer)
        # Of many small numbers on a device one is read back, here, and not one a step.
        loss = float(torch.stack(self._losses).mean()) if self._losses else math.nan
        self._losses = []
        self.history.append(Point(self.step, self.seconds, self.tokens, value, loss))
        if self.problem.is_better(value, self.value):
            self.value = value
            trainer.save_checkpoint(self.folder / BEST, weights_only=True)
        trainer.save_checkpoint(self.folder / LAST)
        if trainer.is_global_zero:
            write_json(self.folder / PROGRESS, {"step": self.step, "seconds": self.seconds, "value": value})

    def _metric(self, trainer: pl.Trainer) -> float:
        return read_metric(trainer, f"val_{self.problem.metric}", self.problem)


def read_metric(trainer: pl.Trainer, name: str, problem: Problem) -> float:
    """What the module logged under a name.

    Raises:
        OptionError: If it logs nothing of that name; lists what it logs.
    """
    metrics = trainer.callback_metrics
    if name not in metrics:
        raise OptionError(
            f"problem {problem.name}: {problem.model} logs no {name!r}; "
            f"it logs: {', '.join(sorted(metrics)) or 'nothing'}"
        )
    return float(metrics[name])
