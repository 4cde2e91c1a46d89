"""What a person sets before a model writes."""

import pytest

from seqmodels.demo.write import DRAW, Settings
from seqmodels.errors import OptionError


def settings(seed):
    return Settings(DRAW, 0.8, 0, 1.0, 0.0, seed, 1, 5)


@pytest.mark.parametrize("seed", ["", " 7 ", "9" * 18])
def test_a_seed_is_a_whole_number_or_nothing(seed):
    generator = settings(seed).choose().keywords["generator"]
    assert not seed or generator.initial_seed() == int(seed)


@pytest.mark.parametrize("seed", ["seven", "-1", "1.5", "²", "9" * 19, "9" * 5000])
def test_another_seed_is_one_short_line(one_line, seed):
    with one_line(OptionError, "the seed is", "whole number of at most 18 digits"):
        settings(seed).choose()
