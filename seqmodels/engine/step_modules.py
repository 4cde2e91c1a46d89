"""The modules of a layer's step, which a compiled call finds by a number."""

import itertools
import weakref

from torch import nn

from seqmodels.cell import Cell

_numbers = itertools.count()
_known: "weakref.WeakValueDictionary[int, StepModules]" = weakref.WeakValueDictionary()


class StepModules:
    """The modules of a layer's step, under a number of their own."""

    def __init__(self, cell: Cell, norms: dict[int, nn.LayerNorm]) -> None:
        self.cell, self.norms = cell, norms
        self.number = next(_numbers)
        _known[self.number] = self

    def __reduce__(self) -> tuple:  # a copy has a number of its own
        return StepModules, (self.cell, self.norms)


def step_modules(number: int) -> StepModules:
    """Those of that number."""
    return _known[number]
