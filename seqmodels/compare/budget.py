"""Equal parameters: the hidden size that brings a model with some cell to a given number of them."""

from __future__ import annotations

import lightning.pytorch as pl
import torch

from seqmodels.compare.problem import Problem
from seqmodels.errors import OptionError
from seqmodels.tasks.base import parameter_count

LARGEST_HIDDEN_SIZE = 2**16


def solve_hidden_size(
    problem: Problem, data: pl.LightningDataModule, cell: str, num_layers: int, parameters: int
) -> tuple[int, int]:
    """The hidden size with which the whole model has the nearest number of trained values, and that number.

    Raises:
        OptionError: If even the smallest model has more than twice as many.

    Example:
        >>> from seqmodels.compare import get_problem
        >>> problem = get_problem("memorisation")
        >>> data = problem.make_data(seed=0)
        >>> hidden_size, parameters = solve_hidden_size(problem, data, "lstm", 1, 100_000)
        >>> abs(parameters / 100_000 - 1) < 0.01
        True
    """

    def count(hidden_size: int) -> int:
        def make() -> int:
            return parameter_count(problem.make_model(data, cell, hidden_size, num_layers))

        try:
            with torch.device("meta"):  # nothing is drawn or stored
                return make()
        except Exception:  # of what needs numbers while it is made; other mistakes are raised again
            return make()

    low, high = 1, 2
    if (smallest := count(1)) > 2 * parameters:
        raise OptionError(
            f"{problem.name}: with {cell} the smallest model has {smallest:,} parameters; give more than {parameters:,}"
        )
    while count(high) < parameters:
        low, high = high, 2 * high
        if high > LARGEST_HIDDEN_SIZE:
            raise OptionError(
                f"{problem.name}: with {cell} and a hidden size of {low:,} the model has {count(low):,} parameters, "
                f"fewer than {parameters:,}; does its hidden_size reach the cell?"
            )
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) < parameters else (low, middle)
    return min(((size, count(size)) for size in (low, high)), key=lambda found: abs(found[1] - parameters))
