"""The functions that kernels are made of are as exact as torch's, at the ends of what they take too."""

import itertools
import math
from collections.abc import Callable

import pytest

TOLERANCES = {"float32": 2e-6, "float64": 1e-13}
POINTS = [
    0.0,
    1e-30,
    -1e-7,
    1e-4,
    -0.01,
    0.3,
    -0.36,
    0.5,
    0.62,
    -0.63,
    1.0,
    -1.0,
    2.0,
    3.0,
    -3.5,
    9.0,
    20.0,
    -20.0,
]
ENDS = [90.0, -90.0, 1e4, -1e4, math.inf, -math.inf, math.nan]


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_every_operation(dtype: str, interpreted: Callable) -> None:
    pairs = [*itertools.product(POINTS, [0.0, -1.0, 2.0, 0.5, 3.0]), *((end, 2.0) for end in ENDS), (0.0, math.nan)]
    first, second = ([float(p) for p in each] for each in zip(*pairs, strict=True))
    found = interpreted("functions", dtype, first, second)
    wrong = []
    for name, (ours, theirs) in found.items():
        for pair, a, b in zip(pairs, ours, theirs, strict=True):
            if name == "softplus" and pair[0] == 1e4:
                b = 1e4  # torch's own overflows, as exp(x) does
            if not _is_close(a, b, TOLERANCES[dtype]) and not (dtype == "float32" and _overflows(a, b)):
                wrong.append((name, pair, a, b))
    assert wrong == []
    assert len(found) >= 25


def _is_close(a: float, b: float, tolerance: float) -> bool:
    if math.isnan(a) or math.isnan(b) or math.isinf(b):
        return a == b or (math.isnan(a) and math.isnan(b))
    return abs(a - b) <= tolerance * abs(b) + 1e-37


def _overflows(a: float, b: float) -> bool:
    """Beyond what float32 holds."""
    return math.isinf(a) and abs(b) > 3e38 and (a > 0) == (b > 0)
