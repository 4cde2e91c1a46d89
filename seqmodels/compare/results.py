"""What a study is made of: trials, and what came of them. Plain values, so that every one of them is a line of JSON."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

Phase = Literal["search", "final"]
Status = Literal["finished", "stopped", "diverged", "failed"]


@dataclass(frozen=True)
class Settings:
    """What random search chooses for a trial.

    Attributes:
        learning_rate: Of the optimizer, at its highest; above 0, as the next two.
        initial_scale: What the cells' matrices are multiplied with at the start. Built-in cells draw them from
            U(-1 / sqrt(hidden_size), 1 / sqrt(hidden_size)).
        gradient_clip: Largest norm of the gradient.
        num_layers: Layers of the recurrent network, 1 or more.
        dropout: Between layers and before the output, where the model has it; from 0 to less than 1.

    What is given is not checked; :class:`Space` is.
    """

    learning_rate: float = 3e-3
    initial_scale: float = 1.0
    gradient_clip: float = 1.0
    num_layers: int = 1
    dropout: float = 0.0


@dataclass(frozen=True)
class Trial:
    """One training run: a cell on a problem, with its settings and its seed.

    Attributes:
        problem: Name of the problem.
        cell: Name or path of the cell, with its options if it is given any.
        phase: "search" for a trial of the random search, "final" for a run that the report counts.
        number: Which of the search's settings, or which of the final seeds; from 0.
        seed: Of weights, data and dropout. Trials of one phase and number share it, whatever their cell.
        hidden_size: Solved for the budget of parameters.
        parameters: Trained values of the whole model.
        settings: As chosen.
        budget: The number of parameters asked for, in a study of several such numbers.
    """

    problem: str
    cell: str
    phase: Phase
    number: int
    seed: int
    hidden_size: int
    parameters: int
    settings: Settings
    budget: int | None = None

    @property
    def key(self) -> str:
        """Its name in the study, and its folder: ``arithmetic/lstm/final-0``, or ``.../100000-final-0``."""
        budget = "" if self.budget is None else f"{self.budget}-"
        return f"{self.problem}/{self.cell.replace(':', '.')}/{budget}{self.phase}-{self.number}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Trial:
        """The inverse of :meth:`to_dict`."""
        return cls(**{**values, "settings": Settings(**values["settings"])})


@dataclass(frozen=True)
class Point:
    """A validation on the way.

    Attributes:
        step: Training steps taken, a batch each.
        seconds: Training time so far: that of the steps, from when a batch is there; without loading data, without
            validation, and without the first step, which may compile kernels. Where a trial goes on in another process,
            the first step there counts as the mean of those before.
        tokens: Tokens (or values of the first input tensor) trained on so far.
        value: The problem's metric on the validation data.
        train_loss: Mean loss of the training steps since the point before; NaN where there were none.
    """

    step: int
    seconds: float
    tokens: int
    value: float
    train_loss: float = math.nan


@dataclass(frozen=True)
class Result:
    """What came of a trial, as far as it got.

    Attributes:
        trial: What was run.
        status: "finished"; "stopped" early by the search; "diverged" (a loss was not finite, or the metric never was a
            number); "failed" (an error).
        history: Its validations in order.
        value: Best metric on the validation data; NaN if there is none.
        test: Metric on the test data of the weights that were best in validation; NaN where it wasn't asked for.
        error: One line, where it diverged or failed.
        environment: Versions and processor of who trained it; of the last one, where several went on with it.
    """

    trial: Trial
    status: Status
    history: tuple[Point, ...] = ()
    value: float = math.nan
    test: float = math.nan
    error: str = ""
    environment: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def step(self) -> int:
        """Training steps up to the last validation."""
        return self.history[-1].step if self.history else 0

    @property
    def seconds(self) -> float:
        """Training time, as of the last point: of the steps alone, not of loading data, nor of validation."""
        return self.history[-1].seconds if self.history else 0.0

    @property
    def tokens_per_second(self) -> float:
        """Tokens in a second of training, without the first step, whose time isn't counted; NaN without training."""
        if not self.seconds:
            return math.nan
        last = self.history[-1]
        return last.tokens * (1 - 1 / last.step) / last.seconds

    def to_dict(self) -> dict[str, Any]:
        """Plain values; NaN becomes None, as JSON has none."""
        values = dataclasses.asdict(self)
        values["history"] = [{k: _none(v) for k, v in point.items()} for point in values["history"]]
        return {key: _none(value) for key, value in values.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Result:
        """The inverse of :meth:`to_dict`."""
        history = tuple(Point(**{k: _nan(v) for k, v in point.items()}) for point in values["history"])
        rest = {key: _nan(value) for key, value in values.items() if key not in ("trial", "history")}
        return cls(trial=Trial.from_dict(values["trial"]), history=history, **rest)


def _none(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _nan(value: Any) -> Any:
    return math.nan if value is None else value
