"""The persistent kernel: what it keeps of the matrices, what it asks for, and who runs where it doesn't fit."""

from typing import Any

import pytest
import torch

from seqmodels.engine.cuda import choice
from seqmodels.engine.cuda.device import H100
from seqmodels.engine.cuda.tiles import padded


@pytest.mark.parametrize(("width", "expected"), [(1, 1), (2, 16), (16, 16), (17, 32), (100, 128), (128, 128)])
def test_tiles_are_as_wide_as_products_want_them(width, expected):
    assert padded(width) == expected


@pytest.mark.parametrize(
    ("cell", "gates", "stages"),
    [("lstm", 4, (1, 1)), ("gru", 3, (2, 2)), ("elman", 1, (1, 1)), ("mut1", 2, (2, 2)), ("mut3", 3, (2, 2))],
)
@pytest.mark.parametrize("size", [128, 100])
def test_weights_are_the_recurrent_matrices_once_padded(cell, gates, stages, size, directions):
    for direction, count in zip(directions(cell, size), stages, strict=True):
        demands = direction.persistent.demands(torch.bfloat16)
        assert demands.weights == 2 * gates * 128 * 128
        assert demands.stages == count
        assert (demands.widest, demands.deepest, demands.itemsize) == (128, size, 2)
        assert demands.weights < demands.shared <= H100.shared


def test_weights_are_loaded_before_the_loop_and_states_never_within(directions):
    for direction in directions("lstm", 8):
        before, within = direction.persistent.kernel.text.split("for step in ")
        assert before.count("tl.load(matrix_1") == 4
        assert "matrix" not in within
        assert "state_0" not in within  # h; the way back reads c alone of the states before a step
        assert within.count("dot(") == 4


@pytest.mark.parametrize(("cell", "expected"), [("mut3", 1), ("gru", 0), ("lstm", 0)])
def test_tanh_of_h_is_kept_apart_from_h(cell, expected, directions):
    forward, _ = directions(cell, 16)
    assert forward.persistent.kernel.text.count("apart(") == expected


def test_the_next_step_is_read_ahead_where_there_is_room(directions):
    driver = directions("gru", 128)[0].persistent
    assert driver.depth(torch.bfloat16, H100.shared) == 2
    assert driver.depth(torch.float32, H100.shared) == 1


class OutOfResources(Exception):
    """As Triton's."""


@pytest.fixture
def too_large(directions, monkeypatch) -> tuple[Any, list[str]]:
    """A direction whose persistent kernel turns out to be too large, and what ran."""
    direction, ran = directions("elman", 4)[0], []

    def refuse(*arguments: Any) -> None:
        ran.append("persistent")
        raise OutOfResources

    monkeypatch.setattr(direction.persistent, "run", refuse)
    monkeypatch.setattr(direction.stepwise, "run", lambda *arguments: ran.append("stepwise"))
    monkeypatch.setattr(direction.cooperative, "problem", "it is not asked for here")
    monkeypatch.setattr(direction, "_choices", {})
    return direction, ran


def test_a_kernel_that_turns_out_too_large_is_tried_once(too_large, monkeypatch):
    monkeypatch.delenv(choice.VARIABLE, raising=False)
    direction, ran = too_large
    for _ in range(2):
        direction.run({"state_0": torch.zeros(2, 4)}, [], 3, 2)
    assert ran == ["persistent", "stepwise", "stepwise"]


def test_a_driver_that_was_asked_for_is_not_replaced(too_large, monkeypatch):
    monkeypatch.setenv(choice.VARIABLE, "persistent")
    direction, ran = too_large
    with pytest.raises(OutOfResources):
        direction.run({"state_0": torch.zeros(2, 4)}, [], 3, 2)
    assert ran == ["persistent"]


@pytest.mark.parametrize(
    ("error", "is_said"),
    [(OutOfResources(), False), (RuntimeError("PassManager::run failed"), True)],
    ids=["too large", "not compiled"],
)
def test_what_triton_refuses_is_done_without(error, is_said, too_large, monkeypatch, recwarn):
    monkeypatch.delenv(choice.VARIABLE, raising=False)
    direction, ran = too_large

    def refuse(*arguments: Any) -> None:
        raise error

    monkeypatch.setattr(direction.persistent, "run", refuse)
    direction.run({"state_0": torch.zeros(2, 4)}, [], 3, 2)
    assert ran == ["stepwise"]
    assert any("Triton can't compile" in str(each.message) for each in recwarn) is is_said


def test_any_other_error_is_the_users_to_see(too_large, monkeypatch):
    monkeypatch.delenv(choice.VARIABLE, raising=False)
    direction, ran = too_large

    def fail(*arguments: Any) -> None:
        raise RuntimeError("Triton Error [CUDA]: an illegal memory access was encountered")

    monkeypatch.setattr(direction.persistent, "run", fail)
    with pytest.raises(RuntimeError, match="illegal memory access"):
        direction.run({"state_0": torch.zeros(2, 4)}, [], 3, 2)
    assert ran == []
