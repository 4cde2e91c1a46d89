"""Successive halving that no clock decides."""

import math
import random

import pytest

from seqmodels.compare.halving import rung_shares, survivors


def run(final: list[int], order: random.Random | None = None) -> dict[int, int]:
    """Train every trial as far as it may go, one rung at a time in any order; the number of rungs each reached."""
    rungs = len(rung_shares(len(final)))
    values: list[list[float]] = [[] for _ in final]
    while ready := survivors(values, "max", rungs):
        number, rung = (order or random.Random(0)).choice(ready)
        assert rung == len(values[number])
        values[number].append(float(final[number] * (rung + 1)))
    return {number: len(reached) for number, reached in enumerate(values)}


def test_the_best_of_many_is_trained_to_the_end_and_few_others_are() -> None:
    scores = random.Random(3).sample(range(100), 27)
    reached = run(scores)
    assert reached[scores.index(max(scores))] == 3
    assert sum(rungs == 3 for rungs in reached.values()) < 9
    assert all(rungs >= 1 for rungs in reached.values())


@pytest.mark.parametrize("seed", range(10))
def test_who_goes_on_does_not_depend_on_who_comes_first(seed: int) -> None:
    scores = random.Random(5).sample(range(100), 9)
    assert run(scores, random.Random(seed)) == run(scores)


def test_all_that_can_be_trained_is_offered_at_once() -> None:
    assert survivors([[], [], []], "max", 2) == [(0, 0), (1, 0), (2, 0)]


def test_a_trial_that_failed_goes_no_further() -> None:
    assert survivors([[math.nan], [0.1]], "max", 2) == [(1, 1)]


def test_less_is_better_where_it_is() -> None:
    assert survivors([[0.5], [0.4], [0.6]], "min", 2) == [(0, 1), (1, 1)]


def test_one_trial_is_not_judged() -> None:
    assert rung_shares(1) == [1.0]
    assert survivors([[]], "max", 1) == [(0, 0)]
    assert survivors([[0.2]], "max", 1) == []
