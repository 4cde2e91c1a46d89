"""A problem of a study: a LightningModule and its data, by name, so that any process can make them."""

from __future__ import annotations

import importlib
import inspect
import json
from dataclasses import dataclass, field
from typing import Any, Literal

import lightning.pytorch as pl

from seqmodels.errors import OptionError, SeqmodelsError
from seqmodels.registry import split_options


@dataclass(frozen=True)
class Problem:
    """What cells are compared on.

    The LightningModule takes ``cell`` and ``hidden_size`` as RNN does, ``num_layers`` and ``dropout`` if it has any,
    and logs ``val_<metric>`` and ``test_<metric>``. The study gives it its optimizer. Arguments of the module without a
    default, or whose default is None, are taken from the data, where it has an attribute of that name (``tokenizer``).
    Options of a cell (``lstm:forget_bias=0``) are given as ``rnn_options``, or as ``cell_options`` if it has no such
    argument.

    Args:
        name: Its name in tables; letters, digits, ``_`` and ``-``.
        model: ``package.module:Class`` of the LightningModule.
        data: ``package.module:Class`` of the LightningDataModule.
        metric: What the module logs.
        mode: Whether more of it is better ("max") or less ("min").
        model_options: Further arguments of the module.
        data_options: Further arguments of the data.
        seeded: Whether the data takes an argument ``seed``, and gets the trial's.
        title: What a reader calls the metric; ``metric`` with spaces if not given.

    Example:
        >>> from seqmodels.compare import Problem
        >>> problem = Problem(
        ...     "hello",
        ...     model="seqmodels.tasks:LanguageModel",
        ...     data="seqmodels.data:TextData",
        ...     metric="bits_per_character",
        ...     mode="min",
        ...     data_options={"max_characters": 10_000},
        ... )
        >>> problem.title
        'bits per character'
    """

    name: str
    model: str
    data: str
    metric: str
    mode: Literal["max", "min"]
    model_options: dict[str, Any] = field(default_factory=dict)
    data_options: dict[str, Any] = field(default_factory=dict)
    seeded: bool = False
    title: str = ""

    def __post_init__(self) -> None:
        if not self.name or not self.name.replace("_", "").replace("-", "").isalnum():
            raise OptionError(f"problem {self.name!r}: a name is made of letters, digits, '_' and '-'")
        if self.mode not in ("max", "min"):
            raise OptionError(f"problem {self.name}: mode is {self.mode!r}; give 'max' or 'min'")
        for part in ("model_options", "data_options"):
            try:
                json.dumps(getattr(self, part), allow_nan=False)
            except (TypeError, ValueError) as error:
                raise OptionError(
                    f"problem {self.name}: {part} must be plain values such as texts and numbers ({error})"
                ) from error
        if not self.title:
            object.__setattr__(self, "title", self.metric.replace("_", " "))

    def is_better(self, value: float, other: float) -> bool:
        """Whether a metric beats another; NaN never does, and is always beaten."""
        if value != value or other != other:
            return value == value
        return value > other if self.mode == "max" else value < other

    @property
    def sign(self) -> Literal[1, -1]:
        """What the metric is multiplied by so that more of it is better."""
        return 1 if self.mode == "max" else -1

    @property
    def has_layers(self) -> bool:
        """Whether the model may have several: networks over trees have one."""
        parameters = inspect.signature(self._class("model", pl.LightningModule)).parameters
        return "num_layers" in parameters or any(each.kind is each.VAR_KEYWORD for each in parameters.values())

    def make_data(self, seed: int) -> pl.LightningDataModule:
        """The data; of this seed, where it has one.

        Raises:
            OptionError: If the class can't be imported or doesn't take its options.
        """
        options = {**self.data_options, "seed": seed} if self.seeded else self.data_options
        return self._make("data", pl.LightningDataModule, options)

    def make_model(
        self, data: pl.LightningDataModule, cell: str, hidden_size: int, num_layers: int, dropout: float = 0.0
    ) -> pl.LightningModule:
        """The model around a cell, which may have options behind its name, with what it needs of the data.

        Raises:
            OptionError: If the class can't be imported or doesn't take its options, or those of the cell.
        """
        name, of_cell = split_options(cell)
        parameters = inspect.signature(self._class("model", pl.LightningModule)).parameters
        options: dict[str, Any] = {"cell": name, "hidden_size": hidden_size}
        if self.has_layers:
            options["num_layers"] = num_layers
        elif num_layers != 1:
            raise OptionError(f"problem {self.name}: {self.model} takes no num_layers; give 1 layer, not {num_layers}")
        options |= self.model_options
        if dropout or ("dropout" in parameters and "dropout" not in options):  # the study's, not the module's default
            options["dropout"] = dropout
        if of_cell:
            where = next((each for each in ("rnn_options", "cell_options") if each in parameters), None)
            if where is None:
                raise OptionError(
                    f"problem {self.name}: {self.model} has no argument rnn_options for those of {cell}; add it, or "
                    "compare a subclass of the cell that sets them"
                )
            options[where] = {**(self.model_options.get(where) or {}), **of_cell}
        for name, parameter in parameters.items():
            is_open = parameter.default is parameter.empty or parameter.default is None
            wanted = is_open and parameter.kind is not parameter.VAR_KEYWORD
            if wanted and name not in options and hasattr(data, name):
                options[name] = getattr(data, name)
        return self._make("model", pl.LightningModule, options)

    def _make(self, part: str, base: type, options: dict[str, Any]) -> Any:
        cls = self._class(part, base)
        try:
            inspect.signature(cls).bind(**options)
        except TypeError as error:
            raise OptionError(f"problem {self.name}: {getattr(self, part)}: {error}") from error
        try:
            return cls(**options)
        except SeqmodelsError:
            raise
        except Exception as error:  # whatever a stranger's class raises
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
            raise OptionError(f"problem {self.name}: can't make {getattr(self, part)} ({reason})") from error

    def _class(self, part: str, base: type) -> Any:
        path = getattr(self, part)
        found = import_object(path, f"problem {self.name}: {part}")
        if not (isinstance(found, type) and issubclass(found, base)):
            raise OptionError(f"problem {self.name}: {part}: {path} is no subclass of {base.__name__}")
        return found


def import_object(path: str, what: str) -> Any:
    """What stands at ``package.module:name``.

    Raises:
        OptionError: If it can't be imported; names ``what`` asked for it.
    """
    module, colon, name = path.partition(":")
    if not (module and colon and name):
        raise OptionError(f"{what}: {path!r} is not of the form package.module:name")
    try:
        found = importlib.import_module(module)
        for part in name.split("."):
            found = getattr(found, part)
    except Exception as error:  # whatever a stranger's module raises at import
        reason = " ".join(str(error).split())
        raise OptionError(f"{what}: can't import {path}: {type(error).__name__}: {reason}") from error
    return found
