"""Garbage is collected as before once a command's libraries are there."""

import contextlib
import gc
from collections.abc import Iterator

import pytest

from seqmodels.cli import main
from seqmodels.cli.rare_collection import rare_collection


@pytest.fixture(autouse=True)
def _thresholds() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_collections_are_rarer_within_and_as_before_after_a_mistake() -> None:
    gc.set_threshold(700, 11, 12)
    with contextlib.suppress(ZeroDivisionError), rare_collection():
        assert gc.get_threshold() == (10_000, 11, 12)
        raise ZeroDivisionError
    assert gc.get_threshold() == (700, 11, 12)


@pytest.mark.parametrize("rarer", [0, 50_000])  # 0: never
def test_who_collects_even_less_is_left_alone(rarer: int) -> None:
    gc.set_threshold(rarer)
    with rare_collection():
        assert gc.get_threshold()[0] == rarer


@pytest.mark.parametrize(("command", "seen"), [("cells", 10_000), ("fit", 700)])
def test_training_collects_as_usual(command: str, seen: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    module = {"cells": "seqmodels.cli.cells", "fit": "seqmodels.cli.training"}[command]
    monkeypatch.setattr(f"{module}.run", lambda _: found.append(gc.get_threshold()[0]))
    gc.set_threshold(700)
    assert main([command]) == 0
    assert (found, gc.get_threshold()[0]) == ([seen], 700)
