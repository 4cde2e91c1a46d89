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
# What is chosen for a batch of so many: resident weights and streamed ones, tiles of 16, 32 and 64 rows, odd sizes.
COOPERATIVE: list[tuple[str, str, int, str, str, dict[str, Any]]] = [
    ("cooperative 16", "lstm", 512, "bfloat16", "tf32", {}),
    ("cooperative 64", "lstm", 1024, "bfloat16", "tf32", {}),
    ("cooperative 256", "lstm", 512, "bfloat16", "tf32", {}),
    ("cooperative 256", "gru", 1024, "bfloat16", "tf32", {}),
    ("cooperative 16", "mut3", 512, "float32", "tf32", {}),
    ("cooperative 256", "lstm", 650, "float32", "tf32", {}),
    ("cooperative 64", "mut1", 650, "float16", "tf32", {}),
    ("cooperative 16", "peephole", 100, "float32", "tf32", {}),
    ("cooperative 256", "elman", 256, "float32", "tf32", {}),
    ("cooperative 4", "coupled", 64, "float64", "ieee", {}),
    ("cooperative 64", "lstm", 512, "bfloat16", "tf32", {"layer_norm": True}),
    ("cooperative 16", "gru", 256, "float32", "tf32", MASKED),
]
CASES = [*STEPWISE, *PERSISTENT, *COOPERATIVE]


@pytest.fixture(scope="module")
def reports(compiled: Callable) -> list:
    """All cases in one process."""
    return compiled(CASES)


@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: "-".join(map(str, CASES[number][:5])))
def test_kernels_of_both_directions_fit_the_processor(number: int, reports: list) -> None:
    kernels = reports[number]
    most = 128 if CASES[number][0] == "stepwise" else 255
    assert len(kernels) >= 2
    assert [kernel for kernel in kernels if kernel[1] > 0] == [], "registers are spilled"
    assert [kernel for kernel in kernels if kernel[2] > most or kernel[3] > SHARED_BYTES] == []


@pytest.mark.parametrize("number", range(len(STEPWISE), len(CASES)), ids=lambda number: CASES[number][1])
def test_weights_lie_in_shared_memory_and_it_is_as_large_as_expected(number: int, reports: list) -> None:
    for _, _, _, shared, weights, expected in reports[number]:
        assert weights <= shared <= expected
