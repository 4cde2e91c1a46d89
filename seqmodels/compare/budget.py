"""Equal parameters: the hidden size that brings a model with some cell to a given number of them."""

from __future__ import annotations

import lightning.pytorch as pl

from seqmodels import strangers
from seqmodels.cell import Cell
from seqmodels.compare.problem import Problem
from seqmodels.errors import CellError, OptionError
from seqmodels.tasks.base import parameter_count
from seqmodels.trees import TreeCell

LARGEST_HIDDEN_SIZE = 2**16
NEIGHBOURS = 2
HEADS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 24, 32, 48, 64)


def solve_hidden_size(
    problem: Problem, data: pl.LightningDataModule, cell: str, num_layers: int, parameters: int, unit: int = 1
) -> tuple[int, int]:
    """The hidden size with which the whole model has the nearest number of trained values, and that number.

    Args:
        problem: What is learned.
        data: Its data.
        cell: The cell.
        num_layers: Of the model.
        parameters: How many there should be.
        unit: What divides the hidden size, as the number of a cell's heads: see :func:`smallest_hidden_size`.

    Raises:
        OptionError: If even the smallest model has more than twice as many, or that with the largest hidden size fewer.

    Example:
        >>> from seqmodels.compare import get_problem
        >>> problem = get_problem("memorisation")
        >>> data = problem.make_data(seed=0)
        >>> hidden_size, parameters = solve_hidden_size(problem, data, "lstm", 1, 100_000)
        >>> abs(parameters / 100_000 - 1) < 0.01
        True
    """

    def count(units: int) -> int:
        return strangers.without_numbers(
            lambda: parameter_count(problem.make_model(data, cell, units * unit, num_layers))
        )

    low, high = 1, 2
    if (smallest := count(1)) > 2 * parameters:
        raise OptionError(
            f"{problem.name}: with {cell} the smallest model has {smallest:,} parameters; give more than {parameters:,}"
        )
    while count(high) < parameters:
        low, high = high, 2 * high
        if high * unit > LARGEST_HIDDEN_SIZE:
            raise OptionError(
                f"{problem.name}: with {cell} and a hidden size of {low * unit:,} the model has {count(low):,} "
                f"parameters, fewer than {parameters:,}; does its hidden_size reach the cell?"
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < parameters else (low, middle)
    # Neighbours, too: the number may jump between odd and even sizes.
    near = range(max(1, low - NEIGHBOURS), high + NEIGHBOURS + 1)
    found = min(((units, count(units)) for units in near), key=lambda found: abs(found[1] - parameters))
    return found[0] * unit, found[1]


def smallest_hidden_size(problem: Problem, data: pl.LightningDataModule, cell: str) -> int:
    """The smallest with which a cell can be made and its step runs, as with its multiples; 1 if none is found."""

    def runs(hidden_size: int) -> bool:
        def look() -> bool:
            model = problem.make_model(data, cell, hidden_size, 1)
            for module in model.modules():
                if isinstance(module, Cell) and not isinstance(module, TreeCell):
                    strangers.try_step(module)
            return True

        try:
            return strangers.without_numbers(look)
        except CellError:
            return False

    return next((size for size in HEADS if all(runs(size * times) for times in (1, 2, 3))), 1)
