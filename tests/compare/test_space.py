"""What a search chooses from."""

import pytest

from seqmodels.compare import Space
from seqmodels.errors import OptionError


def test_choices_are_in_their_ranges_and_repeatable() -> None:
    space = Space(learning_rate="0.001:0.1", initial_scale="1,2", num_layers="1,3", dropout="0:0.5")
    settings = space.sample(50, seed=1)
    assert settings == space.sample(50, seed=1)
    assert settings != space.sample(50, seed=2)
    assert space.sample(3, seed=1) == settings[:3]
    assert all(0.001 <= one.learning_rate <= 0.1 and 0 <= one.dropout <= 0.5 for one in settings)
    assert {one.initial_scale for one in settings} == {1, 2}
    assert {one.num_layers for one in settings} == {1, 3}
    assert {one.gradient_clip for one in settings} == {1, 2.5, 5, 10, 20}


def test_rates_are_spread_over_their_orders_of_magnitude() -> None:
    rates = [one.learning_rate for one in Space(learning_rate="0.0001:1").sample(200, seed=0)]
    assert 0.35 < sum(rate < 0.01 for rate in rates) / 200 < 0.65


def test_without_search_there_is_one_value_each() -> None:
    first, second = Space.of("adam", search=False, dropout="0.2").sample(2, seed=0)
    assert first == second
    assert (first.learning_rate, first.num_layers, first.dropout) == (0.004, 1, 0.2)


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ({"learning_rate": "fast"}, ["learning_rate", "'fast'", "0.001:0.1"]),
        ({"learning_rate": "0.1:0.01"}, ["learning_rate"]),
        ({"learning_rate": "0"}, ["learning_rate can't be 0"]),
        ({"dropout": "0:1"}, ["dropout can't be 1"]),
        ({"num_layers": "1.5"}, ["num_layers can't be 1.5"]),
        ({"num_layers": "inf"}, ["num_layers can't be inf"]),
        ({"learning_rate": "0.1:inf"}, ["learning_rate can't be inf"]),
        ({"gradient_clip": "nan"}, ["gradient_clip can't be nan"]),
        ({"num_layers": ""}, ["num_layers"]),
        ({"initial_scale": "1:2:3"}, ["initial_scale"]),
    ],
)
def test_a_wrong_range_is_one_line(given: dict, parts: list[str], one_line) -> None:
    with one_line(OptionError, *parts):
        Space(**given)


def test_several_values_need_a_search(one_line) -> None:
    with one_line(OptionError, "dropout", "takes a search"):
        Space.of("adam", search=False, dropout="0,0.5")
