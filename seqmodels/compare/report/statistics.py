"""The statistics of a report: intervals, paired tests, corrections for many tests, ranks over problems.

Where data are too few or all the same there is no answer: None, and no warning.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

CONFIDENCE = 0.95
_SAME = 1e-12  # relative differences below are rounding
_FEW_PROBLEMS = 10  # up to which Friedman's statistic isn't distributed as chi-square (Demsar 2006, section 3.2.2)
_ORDERS = 49_999  # of the cells' ranks that are tried; where there are more, so many are drawn


class Estimate(NamedTuple):
    """A mean with its interval of confidence.

    ``low`` and ``high`` are None where ``size`` is 1 or all values are the same.
    """

    mean: float
    low: float | None
    high: float | None
    size: int  # of the sample
    p: float | None = None  # that values with a mean of 0 lie as far from it

    @property
    def half_width(self) -> float | None:
        """Half of the interval: what stands after a plus-minus."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2


class Ranking(NamedTuple):
    """Average ranks over problems, 1 the best, and Friedman's (1937) test that all cells are alike."""

    ranks: dict[str, float]
    problems: int
    statistic: float | None
    p: float | None


def estimate(values: Sequence[float]) -> Estimate | None:
    """Mean and 95 % interval by Student's t, with the t-test that the mean is 0; None without a finite value.

    Values that are not finite are left out.

    >>> mean, low, high, size, p = estimate([1.0, 2.0, 3.0])
    >>> print(f"{mean:.1f}, {low:.2f} to {high:.2f}, n = {size}, p = {p:.3f}")
    2.0, -0.48 to 4.48, n = 3, p = 0.074
    >>> estimate([1.0])
    Estimate(mean=1.0, low=None, high=None, size=1, p=None)
    """
    values = [value for value in values if math.isfinite(value)]
    if not values:
        return None
    mean = math.fsum(values) / len(values)
    if max(values) - min(values) <= _SAME * max(map(abs, values)):
        return Estimate(mean, None, None, len(values))
    from scipy.stats import ttest_1samp

    test = ttest_1samp(values, 0.0)
    interval = test.confidence_interval(CONFIDENCE)
    return Estimate(mean, float(interval.low), float(interval.high), len(values), float(test.pvalue))


def paired_difference(values: Mapping[int, float], baseline: Mapping[int, float]) -> Estimate | None:
    """Mean of ``values - baseline`` over the seeds that both have, its interval, and the p of the paired t-test.

    Args:
        values: Seed -> metric. Seeds whose metric isn't finite are left out.
        baseline: The same of what it is compared with.

    Returns:
        The difference; None where there is no seed in common.

    >>> difference = paired_difference({0: 2.0, 1: 3.0, 2: 5.0}, {0: 1.0, 1: 1.0, 2: 2.0, 3: 9.0})
    >>> difference.mean, difference.size, round(difference.p, 3)
    (2.0, 3, 0.074)
    """
    differences = [values[seed] - baseline[seed] for seed in sorted(values) if seed in baseline]
    scale = max((abs(value) for value in [*values.values(), *baseline.values()] if math.isfinite(value)), default=0.0)
    found = [value for value in differences if math.isfinite(value)]
    if len(found) > 1 and max(found) - min(found) <= _SAME * scale:  # what remains is rounding
        return Estimate(math.fsum(found) / len(found), None, None, len(found))
    return estimate(found)


def holm(p_values: Sequence[float | None]) -> list[float | None]:
    """Holm's (1979) corrected p values: reject below 5 %, and any false rejection among all has at most 5 %.

    Tests that could not be made (None) stay None and don't count.

    >>> [None if p is None else round(p, 3) for p in holm([0.01, 0.04, None, 0.03])]
    [0.03, 0.06, None, 0.06]
    """
    made = sorted((p, index) for index, p in enumerate(p_values) if p is not None)
    corrected: list[float | None] = [None] * len(p_values)
    largest = 0.0
    for rank, (p, index) in enumerate(made):
        largest = max(largest, min(1.0, (len(made) - rank) * p))
        corrected[index] = largest
    return corrected


def average_ranks(scores: Sequence[Mapping[str, float]]) -> Ranking | None:
    """Average rank of each cell over problems (Demsar 2006), and Friedman's test.

    Args:
        scores: For each problem, cell -> score, more being better. Problems without any finite score are left out, and
            so are cells without a score on one of the others.

    Returns:
        None unless there are at least 2 problems and 2 cells; the test needs 3 cells that aren't all alike.

    >>> ranking = average_ranks([{"gru": 0.9, "lstm": 0.8, "elman": 0.1}, {"gru": 0.7, "lstm": 0.8, "elman": 0.2}])
    >>> ranking.ranks, round(ranking.p, 3)
    ({'gru': 1.5, 'lstm': 1.5, 'elman': 3.0}, 0.5)
    """
    kept = [{cell: score for cell, score in problem.items() if math.isfinite(score)} for problem in scores]
    kept = [problem for problem in kept if problem]
    cells = [cell for cell in kept[0] if all(cell in problem for problem in kept)] if kept else []
    if len(kept) < 2 or len(cells) < 2:
        return None
    from scipy.stats import friedmanchisquare, rankdata

    table = [[float(rank) for rank in rankdata([-problem[cell] for cell in cells])] for problem in kept]
    columns = list(zip(*table, strict=True))
    ranks = {cell: math.fsum(column) / len(kept) for cell, column in zip(cells, columns, strict=True)}
    if len(cells) < 3 or all(rank == row[0] for row in table for rank in row):
        return Ranking(ranks, len(kept), None, None)
    test = friedmanchisquare(*columns)
    p = float(test.pvalue) if len(kept) > _FEW_PROBLEMS else _permuted(tuple(map(tuple, table)))
    return Ranking(ranks, len(kept), float(test.statistic), p)


@functools.cache
def _permuted(table: tuple[tuple[float, ...], ...]) -> float:
    """The share of all orders of the ranks within problems that set the cells at least as far apart: Friedman's p.

    Only the orders relative to those of the first problem matter. Where they are too many, the same ones are drawn
    whenever this is asked.
    """
    import numpy as np
    from scipy.stats import permutation_test

    first, *others = map(np.asarray, table)

    def apart(*others: Any, axis: int) -> Any:
        return ((first + sum(others)) ** 2).sum(axis)

    test = permutation_test(
        others,
        apart,
        permutation_type="pairings",
        alternative="greater",
        n_resamples=_ORDERS,
        random_state=np.random.default_rng(0),
    )
    return float(test.pvalue)
