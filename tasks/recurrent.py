"""What the tasks around one recurrent network share."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch.optim import Optimizer

from seqmodels.cell import Cell
from seqmodels.errors import OptionError
from seqmodels.rnn import RNN
from seqmodels.tasks.base import Task, parameter_count

OF_THE_TASK = ("cell", "input_size", "hidden_size", "num_layers", "batch_first", "dropout")
COUNTS = ("num_layers", "num_classes", "max_length", "patience")


class RecurrentTask(Task):
    """A task whose network is ``self.rnn``; its arguments, ``cell`` by name, are in ``self.hparams``."""

    rnn: RNN

    def used_cell(self) -> Cell:
        return self.rnn.cell

    def describe(self) -> str:
        """One line: the network and its size."""
        size = self.rnn.hidden_size
        layers = f"{self.rnn.num_layers} x {size}" if isinstance(size, int) else ", ".join(map(str, size))
        return f"{type(self).__name__}: {layers} {self.hparams['cell']}, {parameter_count(self):,} parameters"

    def configure_optimizers(self) -> Any:
        """Adam."""
        optimizer: Optimizer = torch.optim.Adam(self.parameters(), lr=self.hparams["learning_rate"])
        return optimizer


def refuse_options(task: str, options: dict[str, Any], *more: str) -> None:
    """Refuses what the task itself passes to RNN, ``more`` of it included, among its ``rnn_options``."""
    for name in (*OF_THE_TASK, *more):
        if name in options:
            raise OptionError(f"rnn_options: {name!r} belongs to {task} itself, or can't be chosen here")


def refuse_bidirectional(what: str, options: dict[str, Any]) -> None:
    """Refuses to let a model that predicts what comes next read it, among its ``rnn_options``."""
    if options.get("bidirectional"):
        raise OptionError(f"rnn_options: {what} can't be bidirectional, it would see what it predicts")


def size_of_first_layer(hidden_size: int | Sequence[int]) -> int:
    """Of one size for all layers, or a list of theirs."""
    return hidden_size if isinstance(hidden_size, int) else hidden_size[0]


def check_numbers(task: str, settings: dict[str, Any], by_layer: bool = False) -> None:
    """Refuses sizes and the like below 1, and learning rates and weight decays below 0.

    Args:
        task: Name of the task, for messages.
        settings: Its arguments by name.
        by_layer: Whether ``hidden_size`` may be a list, of one size a layer.
    """
    for name, value in settings.items():
        if value is None and name != "hidden_size":
            continue
        if name in COUNTS or name.endswith("_size"):
            _check_count(task, name, value, by_layer and name == "hidden_size")
        if name.endswith(("learning_rate", "weight_decay")) and not 0 <= value < math.inf:
            raise OptionError(f"{task}: {name} is {value}; use 0 or more")


def _check_count(task: str, name: str, value: Any, by_layer: bool) -> None:
    counts = value if isinstance(value, list | tuple) else [value]
    if counts is value and not by_layer:
        whose = "all layers have one size here, " if name == "hidden_size" else ""
        raise OptionError(f"{task}: {name} is {list(value)}; {whose}give one number")
    if not counts or not all(isinstance(count, int) and count >= 1 for count in counts):
        raise OptionError(f"{task}: {name} is {value!r}; use 1 or more, a whole number")
