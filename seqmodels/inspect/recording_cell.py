"""A cell that has the variables of another cell's step as further states, so that the engine's one pass gives them."""

from collections.abc import Mapping
from weakref import WeakKeyDictionary

from torch import Tensor

from seqmodels.cell import Cell
from seqmodels.inspect.step_variables import watched_step
from seqmodels.layer import Layer

_known: "WeakKeyDictionary[Layer, dict[tuple, RecordingCell]]" = WeakKeyDictionary()


class RecordingCell(Cell):
    """Computes what another cell does, and keeps variables of its step.

    Args:
        cell: The other cell; parameters are its own.
        sizes: The names of the variables, as ``step_variables`` finds them, and their numbers of features.
    """

    def __init__(self, cell: Cell, sizes: Mapping[str, int]) -> None:
        super().__init__(cell.input_size, cell.hidden_size)
        self.cell = cell
        self.sizes = dict(sizes)
        self.state_names = (*cell.state_names, *sizes)  # type: ignore[misc]  # of the class, elsewhere

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return (*self.cell.state_sizes, *self.sizes.values())

    @property
    def output_size(self) -> int:
        return self.cell.output_size

    def step(self, x: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        new, variables = watched_step(self.cell, x, state[: len(self.cell.state_names)])
        return (*new, *(variables[name].value for name in self.sizes))

    def output(self, *state: Tensor) -> Tensor:
        return self.cell.output(*state[: len(self.cell.state_names)])


def recording_cell(layer: Layer, sizes: Mapping[str, int]) -> RecordingCell:
    """The recording cell of a layer: the same one each time, as the engine remembers a cell's program."""
    known = _known.setdefault(layer, {})
    key = (id(layer.cell), *sizes.items())
    if key not in known:
        known[key] = RecordingCell(layer.cell, sizes)
    return known[key]
