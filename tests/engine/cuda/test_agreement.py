"""The GPU backend computes what the plain loop computes: values and gradients, by Triton's interpreter."""

from collections.abc import Callable
from typing import Any

import pytest

from seqmodels.trees import sequence_cells

ENDS = {"lengths": [3, 0, 2], "resets": True, "return_states": True}
MASKED = {"zoneout": 0.1, "recurrent_dropout": 0.25, "weight_dropout": 0.3, "learn_initial_state": True}
TOLERANCES = {"float64": 1e-11, "float32": 1e-5, "float16": 4e-3, "bfloat16": 4e-2}
CASES: dict[str, dict[str, Any]] = {
    **{f"{cell}, lengths and resets": {"cell": cell, **ENDS} for cell in sequence_cells()},
    "wider than it is high": {"cell": "gru", "sizes": [2, 1, 3, 150]},
    "both directions, two layers": {
        "cell": "elman",
        "sizes": [2, 3, 3, 19],
        "options": {"bidirectional": True, "num_layers": 2},
    },
    "masks": {"cell": "gru", "sizes": [3, 3, 2, 19], "options": MASKED, **ENDS},
    "expected zoneout": {"cell": "elman", "options": {"zoneout": 0.3}},
    "layer norm": {"cell": "coupled", "sizes": [2, 3, 3, 19], "options": {"layer_norm": True}},
    "maximum of a row": {"cell": "hopfield memory", "sizes": [2, 3, 3, 5]},
    "reductions of products": {"cell": "layer norm lstm", "sizes": [2, 3, 3, 5]},
    "single numbers": {"cell": "input statistics", "sizes": [2, 3, 3, 5]},
    "two products in a chain": {"cell": "multiplicative lstm", "sizes": [2, 3, 3, 5]},
    "heads": {"cell": "headed lstm", "sizes": [2, 3, 3, 5]},
    "comparisons": {"cell": "piecewise", "sizes": [2, 3, 3, 5]},
    "sums as a state": {"cell": "sums", "sizes": [3, 3, 3, 5], **ENDS},
    "a matrix as a state": {"cell": "mlstm", "sizes": [2, 3, 3, 5]},
    "attention": {"cell": "rmc", "sizes": [2, 3, 3, 6]},
    "columns in another order": {"cell": "rotated pairs", "sizes": [3, 3, 3, 14]},
    "complex numbers": {"cell": "unitary", "sizes": [3, 3, 3, 12]},
    "clocks": {"cell": "phased_lstm", "sizes": [5, 3, 3, 5], **ENDS, "lengths": [5, 0, 2]},
    "float64": {"cell": "peephole", "dtype": "float64", "sizes": [2, 3, 3, 5]},
    "float16": {"cell": "mut1", "dtype": "float16", "sizes": [2, 3, 3, 5]},
    "bfloat16": {"cell": "lstm", "dtype": "bfloat16", "sizes": [2, 3, 3, 5]},
    "autocast": {"cell": "lstm", "autocast": True, "sizes": [2, 3, 3, 5]},
    "a maximum in bfloat16": {"cell": "hopfield memory", "dtype": "bfloat16", "sizes": [1, 2, 3, 5]},
    "windows of steps": {"cell": "lstm", "windows": 4, "sizes": [7, 2, 3, 5]},
    "windows of steps and what they read": {
        "cell": "elman",
        "windows": 2,
        "sizes": [5, 2, 3, 5],
        "options": {"recurrent_dropout": 0.25, "learn_initial_state": True},
        "lengths": [5, 2],
        "resets": True,
    },
}
# Each program of the persistent kernel owns 16 rows of the batch, and columns are padded to a power of two.
CASES |= {
    f"persistent, {name}": {"driver": "persistent", **case}
    for name, case in {
        "lengths and resets": {"cell": "lstm", **ENDS},
        "two stages and a ragged batch": {"cell": "mut3", "sizes": [3, 35, 3, 21], "resets": True},
        "peepholes": {"cell": "peephole", "sizes": [2, 2, 3, 16]},
        "masks": {"cell": "gru", "sizes": [3, 3, 2, 19], "options": MASKED, **ENDS},
        "both directions, two layers": CASES["both directions, two layers"],
        "one step": {"cell": "coupled", "sizes": [1, 1, 3, 5]},
        "reductions of products": CASES["reductions of products"],
        "single numbers": CASES["single numbers"],
        "maximum of a row": CASES["maximum of a row"],
        "heads": CASES["heads"],
        "sums as a state": CASES["sums as a state"],
        "a matrix as a state": CASES["a matrix as a state"],
        "attention": CASES["attention"],
        "clocks": CASES["clocks"],
        "columns in another order": CASES["columns in another order"],
        "complex numbers": CASES["complex numbers"],
        "states of two widths": {"cell": "lstmp", "sizes": [2, 3, 3, 18]},
        "two products in a chain": CASES["two products in a chain"],
        "no recurrent product": {"cell": "indrnn", "sizes": [3, 3, 3, 5]},
        "float64": CASES["float64"],
        "float16": CASES["float16"],
        "bfloat16": {"cell": "lstm", "dtype": "bfloat16", "sizes": [3, 17, 3, 16]},
        "autocast": CASES["autocast"],
    }.items()
}
# Of the cooperative kernel here with one program a row; test_cooperative.py has several.
CASES |= {
    f"cooperative, {name}": {"driver": "cooperative", **case}
    for name, case in {
        "lengths and resets": {"cell": "lstm", **ENDS},
        "two stages and a ragged batch": {"cell": "mut3", "sizes": [3, 35, 3, 21], "resets": True},
        "peepholes": {"cell": "peephole", "sizes": [2, 2, 3, 16]},
        "masks": {"cell": "gru", "sizes": [3, 3, 2, 19], "options": MASKED, **ENDS},
        "both directions, two layers": CASES["both directions, two layers"],
        "one step": {"cell": "coupled", "sizes": [1, 1, 3, 5]},
        "heads": CASES["heads"],
        "attention": CASES["attention"],
        "clocks": CASES["clocks"],
        "columns in another order": CASES["columns in another order"],
        "complex numbers": CASES["complex numbers"],
        "two products in a chain": CASES["two products in a chain"],
        "no recurrent product": {"cell": "indrnn", "sizes": [3, 3, 3, 5]},
        "float64": CASES["float64"],
        "float16": CASES["float16"],
        "bfloat16": {"cell": "lstm", "dtype": "bfloat16", "sizes": [3, 17, 3, 16]},
        "autocast": CASES["autocast"],
    }.items()
}


@pytest.fixture(scope="module")
def outcomes(interpreted: Callable) -> dict[str, float | str]:
    """All cases in one process."""
    return interpreted("agreement", CASES)


@pytest.mark.parametrize("name", CASES)
def test_values_and_gradients_are_those_of_the_plain_loop(name: str, outcomes: dict) -> None:
    found, case = outcomes[name], CASES[name]
    kind = "bfloat16" if case.get("autocast") else case.get("dtype", "float32")
    assert isinstance(found, float), found
    assert found <= TOLERANCES[kind]


@pytest.mark.parametrize("driver", ["stepwise", "persistent"])
def test_random_cells(driver: str, interpreted: Callable) -> None:
    assert interpreted("random_cells", 4, driver) == ""


def test_torch_compile_sees_one_graph(interpreted: Callable) -> None:
    for cell, found in interpreted("compiled", ["lstm", "mut3"]).items():
        assert isinstance(found, float), f"{cell}: {found}"
        assert found <= 1e-12
