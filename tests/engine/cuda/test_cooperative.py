"""The cooperative kernel: what programs give each other, when they wait, and that all of them together are right."""

from collections.abc import Callable
from typing import Any

import pytest
import torch

from seqmodels.engine.cuda.device import H100
from seqmodels.engine.cuda.tiling import Tiling
from seqmodels.trees import sequence_cells

RESIDENT, STREAMED, WHOLE = (16, 16, 64, 4, True, 4), (16, 16, 32, 2, False, 4), (16, 16, 32, 1, False, 4)
WAYS = {"resident": RESIDENT, "streamed": STREAMED, "in whole chunks": WHOLE}
# T, B, I, H: two programs of rows and two of columns, of which the last have few.
CASES: dict[str, dict[str, Any]] = {
    **{cell: {"cell": cell, "sizes": [3, 18, 3, 20], "tiling": RESIDENT} for cell in sequence_cells()},
    **{f"lstm, {name}": {"cell": "lstm", "sizes": [3, 2, 3, 20], "tiling": way} for name, way in WAYS.items()},
    **{f"mut3, {name}": {"cell": "mut3", "sizes": [4, 2, 3, 20], "tiling": way} for name, way in WAYS.items()},
    "many columns": {"cell": "gru", "sizes": [2, 1, 3, 70], "tiling": RESIDENT},
    "a chain of products": {"cell": "multiplicative lstm", "sizes": [3, 2, 3, 20], "tiling": RESIDENT},
    "layers within a step": {"cell": "rhn", "sizes": [3, 2, 3, 20], "tiling": STREAMED},
    "a product of a function of the state alone": {
        "cell": "ctrnn",
        "sizes": [4, 2, 3, 20],
        "tiling": RESIDENT,
    },
    **{
        f"over whole rows: {cell}": {"cell": cell, "sizes": [3, 18, 3, 20], "tiling": RESIDENT}
        for cell in ("layer norm lstm", "hopfield memory", "echo_state", "sums", "piecewise")
    },
    **{
        f"several widths: {cell}": {"cell": cell, "sizes": [3, 18, 3, 36], "tiling": RESIDENT}
        for cell in ("lstmp", "scrn", "fastgrnn of low rank", "residual transition")
    },
    "heads": {"cell": "headed lstm", "sizes": [3, 18, 3, 20], "tiling": RESIDENT},
    "columns in another order": {"cell": "rotated pairs", "sizes": [3, 18, 3, 20], "tiling": RESIDENT},
    "a function of the state alone in several products": {
        "cell": "unitary",
        "sizes": [3, 18, 3, 20],
        "tiling": RESIDENT,
    },
    "layer norm": {"cell": "gru", "sizes": [3, 2, 3, 20], "tiling": STREAMED, "layer_norm": True},
    "no product": {"cell": "indrnn", "sizes": [3, 2, 3, 20], "tiling": RESIDENT},
    "values only": {"cell": "mut3", "sizes": [4, 2, 3, 20], "tiling": RESIDENT, "save": False},
    "a mask of the operand": {"cell": "gru", "sizes": [3, 2, 3, 20], "tiling": RESIDENT, "recurrent_dropout": 0.3},
}


@pytest.fixture(scope="module")
def outcomes(interpreted: Callable) -> dict[str, list[float] | str]:
    """All cases in one process, and one for each of their programs."""
    return interpreted("cooperative", CASES)


@pytest.mark.parametrize("name", CASES)
def test_programs_that_wait_for_each_other_compute_what_driver_1_does(name: str, outcomes: dict) -> None:
    found = outcomes[name]
    assert isinstance(found, list), found
    assert len(found) >= 3
    assert max(found) <= 1e-12


def test_random_cells(interpreted):
    assert interpreted("random_cooperative", 8) == ""


def text(direction, tiling=RESIDENT):
    return direction.cooperative.kernel(Tiling(*tiling)).text


@pytest.mark.parametrize(
    ("cell", "forward", "backward"),
    # How often programs wait for each other at a step: once for each product that needs what another gave.
    # Layer norm: once each for h, for the mean and the spread of the products, and those of the cell state.
    [
        ("lstm", 1, 1),
        ("elman", 1, 1),
        ("gru", 2, 2),
        ("mut1", 2, 2),
        ("mut3", 2, 2),
        ("indrnn", 0, 0),
        ("layer norm lstm", 5, 5),
    ],
)
def test_a_step_waits_once_for_each_stage(cell, forward, backward, directions):
    for direction, expected in zip(directions(cell, 20), (forward, backward), strict=True):
        within = text(direction).split("for step in ")[1]
        assert within.count("arrive(") == within.count("wait(") == expected
        assert direction.cooperative.plan.arrivals == expected


def test_among_many_one_thread_of_a_program_looks_at_the_counter(directions):
    direction = directions("elman", 1024)[0]
    assert "wait_among_many(" in text(direction, (16, 8, 128, 4, True, 8))  # 128 programs of 8 warps
    assert "wait_among_many(" not in text(direction, (16, 8, 128, 4, True, 4))


def test_what_depends_on_the_state_alone_is_written_with_it(directions):
    """tanh(h) of mut3: else there would be a third time to wait."""
    before, within = text(directions("mut3", 20)[0]).split("for step in ")
    assert "tl.store(aside" in before
    assert before.count("arrive(") == 1
    assert within.count("tl.store(aside") == 1
    assert "aside" not in text(directions("gru", 20)[0])


def test_others_are_not_kept_waiting_for_what_they_need_not(directions):
    """The next step's operand is written before the values that the way back needs."""
    lines = text(directions("lstm", 20)[0]).splitlines()
    (arrival,) = [number for number, line in enumerate(lines) if "arrive(" in line]
    kept = [number for number, line in enumerate(lines) if "tl.store(saved_" in line]
    assert min(kept) > arrival
    assert "tl.store(new_0" in lines[arrival - 1]


def test_resident_weights_are_loaded_before_the_loop(directions):
    before, within = text(directions("lstm", 20)[0]).split("for step in ")
    assert "tl.load(matrix_0" in before
    assert "tl.load(matrix_0" not in within
    before, within = text(directions("lstm", 20)[0], STREAMED).split("for step in ")
    assert "tl.load(matrix_0" not in before
    assert "tl.load(matrix_0" in within


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("lstm", None),
        ("layer norm lstm", None),
        ("lstmp", None),
        ("input statistics", "a product of one number a row, or to one"),
    ],
)
def test_cells_that_it_cant_run_are_told_apart(cell, problem, directions):
    for direction in directions(cell, 20):
        assert direction.cooperative.problem == problem


def test_every_way_that_is_ranked_fits(directions):
    for cell in ("lstm", "mut3"):
        for direction in directions(cell, 512):
            found = direction.cooperative.ranked(64, torch.bfloat16, H100)
            assert len(found) > 3
            assert found == sorted(found)
            for _, tiling in found:
                assert -(-512 // tiling.columns) <= H100.number
