"""Lengths of trials."""

import pytest

from seqmodels.compare import Training
from seqmodels.errors import OptionError


def test_validations_are_at_equal_distances_and_the_last_at_the_end() -> None:
    training = Training(steps=103, validations=10)
    assert (training.interval, training.last_step) == (10, 100)
    assert [training.rung(share) for share in (1 / 9, 1 / 3, 1)] == [20, 40, 100]
    assert Training(steps=7, validations=1).rung(1 / 9) == 7


def test_steps_mean_nothing_where_the_length_is_a_time() -> None:
    assert Training(seconds=3600.0, steps=300, validations=400).validations == 400


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"steps": 0}, ["steps is 0"]),
        ({"steps": 5, "validations": 6}, ["5 steps can't be validated 6 times"]),
        ({"seconds": 0.0}, ["seconds is 0"]),
        ({"optimizer": "adamm"}, ["'adamm'", "known: adam, rmsprop, sgd"]),
        ({"threads": 0}, ["threads is 0"]),
    ],
)
def test_a_wrong_option_is_one_line(options: dict, parts: list[str], one_line) -> None:
    with one_line(OptionError, *parts):
        Training(**options)
