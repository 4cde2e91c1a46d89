"""How every trial of a study is trained, whatever its cell: length, optimizer, device."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import MethodType
from typing import Any

import lightning.pytorch as pl
import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from seqmodels.errors import OptionError

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
}


@dataclass(frozen=True)
class Training:
    """The same for all trials of a study.

    The learning rate falls linearly to zero over a trial, which does best for a fixed budget (Li, Yumer and Ramanan
    2020, "Budgeted training").

    Args:
        steps: Training steps of a trial, a batch each, 1 or more; rounded down to a multiple of ``validations``.
        seconds: Training time of a trial, instead of ``steps``, above 0; validation isn't counted.
        validations: How often a trial is validated, at equal distances, from 1 to ``steps``; the last is at its end.
        optimizer: "adam", "rmsprop" or "sgd".
        accelerator: As in Lightning's Trainer.
        devices: Of one trial, 1 or more; more than one trains it by DDP, and takes ``steps``.
        precision: As in Lightning's Trainer.
        threads: Of one trial, on a CPU; 1 or more.

    Raises:
        OptionError: If a value is out of its range.

    Example:
        >>> Training(steps=100, validations=6).last_step
        96
    """

    steps: int = 300
    seconds: float | None = None
    validations: int = 6
    optimizer: str = "adam"
    accelerator: str = "cpu"
    devices: int = 1
    precision: str = "32-true"
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("steps", "validations", "devices", "threads"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} is {getattr(self, name)}; give 1 or more")
        if self.seconds is None and self.validations > self.steps:
            raise OptionError(f"{self.steps} steps can't be validated {self.validations} times; give fewer validations")
        if self.seconds is not None and not self.seconds > 0:
            raise OptionError(f"seconds is {self.seconds}; give a positive time")
        if self.seconds is not None and self.devices > 1:
            raise OptionError("a trial of a given time can't train on several devices: their clocks differ; give steps")
        if self.optimizer not in OPTIMIZERS:
            raise OptionError(f"no optimizer {self.optimizer!r}; known: {', '.join(OPTIMIZERS)}")

    @property
    def interval(self) -> int:
        """Steps between two validations."""
        return self.steps // self.validations

    @property
    def last_step(self) -> int:
        """The step at which a trial ends: a whole number of intervals."""
        return self.interval * self.validations

    def rung(self, share: float) -> int:
        """The first validated step at or after this share of a trial."""
        return self.interval * max(1, math.ceil(share * self.validations - 1e-9))


def set_optimizer(
    model: pl.LightningModule, training: Training, learning_rate: float, progress: Callable[[], float]
) -> None:
    """Give a module the study's optimizer in place of its own.

    Args:
        model: Any module with automatic optimization.
        training: Says which optimizer.
        learning_rate: At the start.
        progress: Share of the trial that is behind us, 0 to 1.
    """

    def configure_optimizers(self: pl.LightningModule) -> Any:
        optimizer = OPTIMIZERS[training.optimizer](self.parameters(), lr=learning_rate)
        schedule = LambdaLR(optimizer, lambda _: max(0.0, 1.0 - progress()))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    model.configure_optimizers = MethodType(configure_optimizers, model)  # type: ignore[method-assign]
