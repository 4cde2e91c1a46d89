"""Distinct n-grams, the best of k, and captions that are right word for word."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqmodels.errors import DataError, InputError, OptionError
from seqmodels.metrics import distinct, exact_match, oracle

CAPTIONS = ["a dog runs", "a dog sits", "a"]


@pytest.mark.parametrize(
    ("n", "per", "expected"),
    [(1, "words", 4 / 7), (1, "ngrams", 4 / 7), (2, "words", 3 / 7), (2, "ngrams", 3 / 4), (3, "words", 2 / 7)],
)
def test_distinct_ngrams_are_divided_by_words_or_ngrams(n, per, expected):
    assert distinct(CAPTIONS, n, per) == pytest.approx(expected)


@pytest.mark.parametrize("per", ["words", "ngrams"])
def test_captions_without_ngrams_are_not_distinct(per):
    assert distinct(["", "!"], 1, per) == 0
    assert distinct(["a"], 2, per) == 0


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=5), min_size=1, max_size=4), st.integers(1, 3))
def test_the_same_captions_twice_are_half_as_distinct(captions, n):
    assert distinct(captions * 2, n) == pytest.approx(distinct(captions, n) / 2)


@pytest.mark.usefixtures("_types_unchecked")
@pytest.mark.parametrize(("n", "per", "part"), [(0, "words", "n must be 1 or more"), (1, "letters", "not 'letters'")])
def test_what_is_wrong_with_distinct(one_line, n, per, part):
    with one_line(OptionError, part):
        distinct(CAPTIONS, n, per)


def test_no_captions_are_refused(one_line):
    with one_line(DataError, "is empty"):
        distinct([], 1)


def test_the_oracle_takes_the_best_of_the_first_k():
    scores = {"x": [0.1, 0.3, 0.2], "y": [0.5, 0.0, 0.7]}
    assert [oracle(scores, k) for k in (1, 2, 3)] == pytest.approx([0.3, 0.4, 0.5])
    assert oracle(list(scores.values()), 2) == pytest.approx(0.4)


@given(st.lists(st.lists(st.floats(-5, 5), min_size=4, max_size=4), min_size=1, max_size=5))
def test_the_oracle_grows_with_k(scores):
    found = [oracle(scores, k) for k in (1, 2, 3, 4)]
    assert found == sorted(found)


@pytest.mark.parametrize(
    ("scores", "k", "part"),
    [
        ({"x": [0.1]}, 2, "scores['x'] has 1 hypotheses; give 2 or lower k"),
        ([[0.1, math.nan]], 2, "scores[0] has NaN"),
        ([], 1, "scores is empty"),
    ],
)
def test_what_is_wrong_with_scores(one_line, scores, k, part):
    with one_line(InputError, part):
        oracle(scores, k)


def test_the_best_of_none_is_refused(one_line):
    with one_line(OptionError, "k must be 1 or more, not 0"):
        oracle([[0.1]], 0)


def test_a_match_is_of_all_tokens_of_one_reference():
    found = exact_match(
        {1: "A dog runs!", 2: "a dog", 3: "runs a dog", 4: ""},
        {1: ["cats", "a dog runs"], 2: ["a dog runs"], 3: ["a dog runs"], 4: ["?"]},
    )
    assert found.scores == {1: 1, 2: 0, 3: 0, 4: 1}
    assert found.score == 0.5
