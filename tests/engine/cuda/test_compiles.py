"""Every kernel compiles for an H100: types, registers without spills, shared memory. The interpreter checks none."""

from collections.abc import Callable
from typing import Any

import pytest

from seqmodels.trees import sequence_cells

SHARED_BYTES = 232448
MASKED = {"layer_norm": True, "zoneout": 0.1, "recurrent_dropout": 0.2}
STEPWISE: list[tuple[str, str, int, str, str, dict[str, Any]]] = [
    *(("stepwise", cell, 320, "float32", "tf32", {}) for cell in sequence_cells()),
    *(("stepwise", cell, 320, "bfloat16", "tf32", {}) for cell in ("lstm", "mut1")),
    ("stepwise", "gru", 320, "bfloat16", "tf32", MASKED),
    ("stepwise", "elman", 320, "float64", "ieee", {}),
]
# At the ends of what the choice of drivers gives to the persistent kernel.
PERSISTENT: list[tuple[str, str, int, str, str, dict[str, Any]]] = [
    ("persistent", "lstm", 128, "bfloat16", "tf32", {}),
    ("persistent", "gru", 128, "float32", "tf32", {}),
    ("persistent", "lstm", 64, "float32", "ieee", {}),
    ("persistent", "mut3", 128, "float32", "tf32", {}),
    ("persistent", "mut1", 100, "float16", "tf32", {}),
    ("persistent", "elman", 256, "bfloat16", "tf32", {}),
    ("persistent", "gru", 32, "bfloat16", "tf32", MASKED),
    ("persistent", "elman", 40, "float64", "ieee", {}),
]
CASES = [*STEPWISE, *PERSISTENT]


@pytest.fixture(scope="module")
def reports(compiled: Callable) -> list:
    """All cases in one process."""
    return compiled(CASES)


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: "-".join(map(str, CASES[number][:5])))
def test_kernels_of_both_directions_fit_the_processor(number: int, reports: list) -> None:
    kernels = reports[number]
    most = {"stepwise": 128, "persistent": 255}[CASES[number][0]]
    assert len(kernels) >= 2
    assert [kernel for kernel in kernels if kernel[1] > 0] == [], "registers are spilled"
    assert [kernel for kernel in kernels if kernel[2] > most or kernel[3] > SHARED_BYTES] == []


@pytest.mark.parametrize("number", range(len(STEPWISE), len(CASES)), ids=lambda number: CASES[number][1])
def test_weights_lie_in_shared_memory_and_it_is_as_large_as_expected(number: int, reports: list) -> None:
    for _, _, _, shared, weights, expected in reports[number]:
        assert weights <= shared <= expected
