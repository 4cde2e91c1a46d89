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
from seqmodels.training.monitor import count_tokens
from seqmodels.training.random_state import gather_from_ranks, get_random_state, set_random_state

LAST, BEST, PROGRESS = "last.ckpt", "best.ckpt", "progress.json"
RANDOM_STATE = "random_state_of_trial"


class TrialRecorder(pl.Callback):
    """Keeps the history of a trial, its last state and its best weights in a folder.

    After each validation ``last.ckpt`` holds all that is needed to go on, history included, where the training loader
    can go on within an epoch; ``best.ckpt`` the weights that did best; ``progress.json`` how far the trial is.

    Args:
        problem: Whose metric is read.
        training: Says when the trial is at its end.
        folder: Of the trial.
        until: Step at which to pause before that; has no meaning where a trial's length is a time.
    """

    def __init__(self, problem: Problem, training: Training, folder: Path, until: int | None = None) -> None:
        self.problem, self.training, self.folder = problem, training, folder
        self.until = until if training.seconds is None else None
        self.history: list[Point] = []
        self.step, self.seconds, self.tokens, self.value = 0, 0.0, 0, math.nan
        self._started, self._is_warm = 0.0, False
        self._random_state: dict[str, Any] | None = None
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

    @property
    def is_there(self) -> bool:
        """Whether the trial is where it was to go."""
        return self.progress() >= 1 or (self.until is not None and self.step >= self.until)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint[RANDOM_STATE] = gather_from_ranks(get_random_state())

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        self._random_state = checkpoint[RANDOM_STATE][trainer.global_rank]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        trainer.should_stop = self.is_there  # killed after its last step, before its result was written
        if self._random_state is not None:  # not earlier: making loaders and the like may draw numbers
            set_random_state(self._random_state)
            self._random_state = None

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
        self.tokens += count_tokens(batch) * trainer.world_size
        self._count_time()
        if self.is_there:
            trainer.should_stop = True  # after a validation

    def _count_time(self) -> None:
        """Of the step that ends. The first of a process may compile kernels, which the next process finds there.

        So a trial's first isn't counted. Where a process goes on with a trial, its first is as long as those before
        were on average: being stopped gives a trial no time.
        """
        if self._is_warm or self.step == 2:
            self.seconds += time.perf_counter() - self._started
        elif self.step > 2:
            self.seconds += self.seconds / (self.step - 2)
        self._is_warm = True

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
        if _goes_on(trainer.train_dataloader):
            trainer.save_checkpoint(self.folder / LAST)
        if trainer.is_global_zero:
            shown = value if math.isfinite(value) else None
            write_json(self.folder / PROGRESS, {"step": self.step, "seconds": self.seconds, "value": shown})

    def _metric(self, trainer: pl.Trainer) -> float:
        """Of the first rank for all: a module may log each rank's own, and they must decide alike."""
        value = read_metric(trainer, f"val_{self.problem.metric}", self.problem)
        return trainer.strategy.broadcast(value)


def _goes_on(loader: Any) -> bool:
    """Whether a training loader knows where in an epoch it is, and goes on there."""
    return all(hasattr(loader, name) for name in ("state_dict", "load_state_dict"))


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
