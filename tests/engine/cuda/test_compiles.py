"""Every kernel compiles for an H100: types, registers without spills, shared memory. The interpreter checks none."""

from collections.abc import Callable

import pytest

from seqmodels.trees import sequence_cells

SHARED_BYTES = 232448
CASES = [
    *((cell, {}, dtype) for cell in sequence_cells() for dtype in ("float32", "bfloat16")),
    ("gru", {"layer_norm": True, "zoneout": 0.1, "recurrent_dropout": 0.2}, "bfloat16"),
    ("elman", {}, "float64"),
]


@pytest.fixture(scope="module")
def reports(compiled: Callable) -> list:
    """All cases in one process."""
    return compiled(CASES)


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: f"{CASES[number][0]}-{CASES[number][2]}")
def test_kernels_of_both_directions_fit_the_processor(number: int, reports: list) -> None:
    kernels = reports[number]
    assert len(kernels) >= 2
    assert [kernel for kernel in kernels if kernel[1] > 0] == [], "registers are spilled"
    assert [kernel for kernel in kernels if kernel[2] > 128 or kernel[3] > SHARED_BYTES] == []
