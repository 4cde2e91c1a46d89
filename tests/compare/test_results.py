"""Trials and results as plain values."""

import json
import math

import pytest

from seqmodels.compare import Point, Result, Settings, Trial

TRIAL = Trial("xml", "mypkg.cells:Mine", "final", 2, 7, 16, 1000, Settings(dropout=0.5))


def test_a_result_comes_back_from_json_as_it_was() -> None:
    result = Result(TRIAL, "finished", (Point(5, 1.5, 100, 0.25, 3.0), Point(10, 3.0, 200, 0.5, 2.5)), 0.5, 0.4)
    assert Result.from_dict(json.loads(json.dumps(result.to_dict()))) == result


def test_numbers_that_json_does_not_have_come_back_as_nan() -> None:
    result = Result(TRIAL, "diverged", (Point(5, 1.0, 10, math.nan, math.inf),), error="step 6: not finite")
    again = Result.from_dict(json.loads(json.dumps(result.to_dict(), allow_nan=False)))
    assert math.isnan(again.value)
    assert math.isnan(again.test)
    assert math.isnan(again.history[0].value)
    assert again.error == "step 6: not finite"


def test_the_key_is_a_path_on_any_system() -> None:
    assert TRIAL.key == "xml/mypkg.cells.Mine/final-2"


def test_speed_is_that_of_training() -> None:
    """The first step has no time, and its tokens don't count either."""
    points = (Point(5, 4 * 0.5, 5 * 20, 0.1), Point(10, 9 * 0.5, 10 * 20, 0.2))
    assert Result(TRIAL, "finished", points).tokens_per_second == pytest.approx(20 / 0.5)
    assert math.isnan(Result(TRIAL, "failed").tokens_per_second)
