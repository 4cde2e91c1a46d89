"""What a checkpoint records of a task's cell, so that the same cell is made when it is loaded: a name, and options."""

import inspect
import warnings
from types import NoneType
from typing import Any

import torch
from torch import Tensor, nn

from seqmodels import registry
from seqmodels.cell import Cell
from seqmodels.errors import CellError, OptionError, UnknownCell
from seqmodels.rnn import RNN

_NOT_OPTIONS = frozenset(inspect.signature(RNN).parameters)
_PLAIN = (bool, int, float, str, list, tuple, NoneType)
_BY_THEMSELVES = ("_parameters", "_buffers", "_modules", "training")


def cell_record(
    task: str, settings: dict[str, Any], cell: str = "cell", options: str = "rnn_options"
) -> dict[str, Any]:
    """A task's settings as its checkpoint keeps them: the cell by name, with the options that an instance has.

    Warns of a cell that can't be found again by its name.

    Args:
        task: Name of the task, for messages.
        settings: Arguments of the task; of them ``cell`` and ``options`` are replaced.
        cell: The argument that is a cell.
        options: The argument that has the options of its constructor.

    Raises:
        OptionError: If no options make a cell like the given instance.

    Example:
        >>> from seqmodels.plugins.elman import Elman
        >>> cell_record("MyTask", {"cell": Elman(3, 5, nonlinearity="relu"), "rnn_options": None})
        {'cell': 'elman', 'rnn_options': {'nonlinearity': 'relu'}}
    """
    given = settings[cell]
    if isinstance(given, str):
        return settings
    kind = given if isinstance(given, type) else type(given)
    record = {**settings, cell: registry.name_of(kind)}
    if isinstance(given, Cell) and (own := _options_of(task, given, options)):
        record[options] = {**(settings[options] or {}), **own}
    _warn_unless_found(task, record[cell], kind)
    return record


def _options_of(task: str, cell: Cell, options: str) -> dict[str, Any]:
    """Those of its constructor that it has as attributes; a cell made with them must be the same."""
    kind = type(cell)
    own = {
        name: vars(cell)[name]
        for name, parameter in inspect.signature(kind).parameters.items()
        if name in vars(cell) and name not in _NOT_OPTIONS
        if isinstance(vars(cell)[name], _PLAIN) and vars(cell)[name] != parameter.default
    }
    try:
        with torch.random.fork_rng(devices=[]):
            again = kind(cell.input_size, cell.hidden_size, **own)
        is_same = _equal(_described(again), _described(cell))
    except Exception:  # of a constructor that wants other arguments
        is_same = False
    if not is_same:
        raise OptionError(
            f"{task}: a checkpoint couldn't make the given {kind.__name__} again, as its options can't be told; give "
            f"the class and {options}={{...}} instead of an instance"
        )
    return own


def _described(module: nn.Module) -> list[Any]:
    """What tells a module from another, but for the values that a checkpoint restores."""
    lost = module._non_persistent_buffers_set
    tensors = {**module._parameters, **module._buffers}
    return [
        type(module),
        {name: value for name, value in vars(module).items() if name not in _BY_THEMSELVES},
        {name: value if value is None or name in lost else value.shape for name, value in tensors.items()},
        {name: None if child is None else _described(child) for name, child in module._modules.items()},
    ]


def _equal(one: Any, other: Any) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_equal, one, other))
    return torch.equal(one, other) if isinstance(one, Tensor) else bool(one == other)


def _warn_unless_found(task: str, name: str, kind: type[Cell]) -> None:
    try:
        found = registry.get_cell(name)
    except (UnknownCell, CellError):
        found = None
    if found is not kind:
        warnings.warn(
            f"{task}: no checkpoint of this model can be loaded, as no cell is found at {name}: register the class "
            "under a name, by seqmodels.register_cell in a module that is imported before loading",
            stacklevel=4,
        )
