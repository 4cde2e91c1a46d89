"""Cells made of modules that were not written as cells."""

import copy
import functools
import inspect
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from seqmodels.cell import Cell, State
from seqmodels.errors import CellError


def from_module(module: nn.Module | type[nn.Module], state_names: Sequence[str] = ("h",)) -> Cell | type[Cell]:
    """A cell that runs any ``module(x, state) -> state``, such as :class:`torch.nn.GRUCell`.

    Args:
        module: A module with the attributes ``input_size`` and ``hidden_size``, or a class of such modules, called as
            ``module(x, h)`` if there is one state and as ``module(x, (h, c))`` if there are more.
        state_names: Names of the states; each has ``hidden_size`` features.

    Returns:
        A cell around a copy of the module, or, from a class, a Cell class that takes the arguments of that class. An
        RNN of several layers whose input and hidden sizes differ needs the class.

    Raises:
        CellError: If the module has no ``input_size`` or no ``hidden_size``.

    Example:
        >>> import torch, seqmodels
        >>> GRUCell = seqmodels.from_module(torch.nn.GRUCell)
        >>> output, h = seqmodels.RNN(GRUCell, input_size=3, hidden_size=5, num_layers=2)(torch.randn(7, 2, 3))
        >>> LSTMCell = seqmodels.from_module(torch.nn.LSTMCell(3, 5), state_names=("h", "c"))
        >>> output, (h, c) = seqmodels.RNN(LSTMCell)(torch.randn(7, 2, 3))
    """
    if inspect.isclass(module):
        return _cell_class(module, tuple(state_names))  # type: ignore[arg-type]  # mypy: a class hashes
    sizes = {name: getattr(module, name, None) for name in ("input_size", "hidden_size")}
    for name, size in sizes.items():
        if not isinstance(size, int):
            raise CellError(f"from_module: {type(module).__name__} has no integer attribute {name!r}; set it first")
    return _ModuleCell(copy.deepcopy(module), **sizes, state_names=tuple(state_names))  # type: ignore[arg-type]


class _ModuleCell(Cell):
    def __init__(self, module: nn.Module, input_size: int, hidden_size: int, state_names: tuple[str, ...]) -> None:
        super().__init__(input_size, hidden_size)
        self.module = module
        self.state_names = state_names  # type: ignore[misc]  # a class variable of every cell but this

    def step(self, x: Tensor, *state: Tensor) -> State:
        return self.module(x, state[0] if len(state) == 1 else state)


@functools.cache
def _cell_class(module_class: type[nn.Module], names: tuple[str, ...]) -> type[Cell]:
    class ModuleCell(_ModuleCell):
        state_names = names

        def __init__(self, input_size: int, hidden_size: int, **options: Any) -> None:
            super().__init__(module_class(input_size, hidden_size, **options), input_size, hidden_size, names)

        def __reduce__(self) -> tuple:  # a class made by a function can't be found by its name
            return _unpickled, (module_class, names), self.__dict__

    ModuleCell.__signature__ = inspect.signature(module_class)  # type: ignore[attr-defined]  # RNN checks options
    ModuleCell.__name__ = ModuleCell.__qualname__ = f"{module_class.__name__}Cell"
    ModuleCell.__doc__ = module_class.__doc__
    return ModuleCell


def _unpickled(module_class: type[nn.Module], names: tuple[str, ...]) -> Cell:
    cell_class = _cell_class(module_class, names)  # type: ignore[arg-type]
    return cell_class.__new__(cell_class)
