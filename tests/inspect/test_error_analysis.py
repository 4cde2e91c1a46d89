"""Types of errors against an oracle written letter by letter, and each oracle alone on a small text."""

import math
import random
import re

import numpy as np
import pytest
import torch

from seqmodels.errors import InputError
from seqmodels.inspect import error_analysis as module
from seqmodels.inspect.error_analysis import ErrorType, error_types

WRONG, RIGHT = math.log(0.25), math.log(0.75)


def types_of(text, wrong, training_text):
    """The type of each character whose places are given, all others being right."""
    log_p = np.array([WRONG if place in wrong else RIGHT for place in range(len(text))])
    found = error_types(text, log_p, training_text)
    return [found.types[found.of[place]][:2] for place in wrong]


def slow_type(text, place, p, training_text):
    """The first oracle in the paper's order, and its lowest limit, that takes an error away."""
    for order in range(1, 10):
        if place >= order - 1:
            context = text[place - order + 1 : place]
            after = [
                training_text[start + len(context)]
                for start in range(len(training_text) - len(context))
                if training_text.startswith(context, start)
            ]
            if after and after.count(text[place]) / len(after) >= 0.5:
                return "n-gram", order
    word = next((w for w in re.finditer(r"\w+(?:'\w+)*", text) if w.start() <= place < w.end()), None)
    if word and place > word.start():
        for n in (100, 500, 1000, 5000):
            if word[0] in text[max(0, word.start() - n) : word.start()]:
                return "memory", n
    if word:
        times = re.findall(r"\w+(?:'\w+)*", training_text).count(word[0])
        if times <= 5:
            return "rare word", times
    if place and text[place - 1] in " \n\"'":
        return "word", None
    if text[place] in ",.!?;-'\"":
        return "punctuation", None
    return "boost", next(boost for boost in (0.1, 0.2, 0.3, 0.4, 0.5) if p + boost >= 0.5)


def test_every_error_has_the_type_that_a_slow_oracle_gives_it():
    draw = random.Random(0)
    words = ["a", "ab", "bat", "tab", "cab", "don't", "abacus", "zoo", "xylem", '"so', "so,", "-", "!", "at\n", "aa;b"]

    def write(count, known):
        return " ".join(draw.choices(words[:known], k=count)) + "."

    text, training_text = write(150, len(words)), write(90, len(words) - 2)
    p = np.array([draw.random() for _ in text])
    found = error_types(text, np.log(p), training_text)
    for place, kind in enumerate(found.of):
        if p[place] >= 0.5:
            assert kind == -1
        else:
            assert found.types[kind][:2] == slow_type(text, place, p[place], training_text), (place, text[place])
    assert {found.types[kind].oracle for kind in found.of if kind >= 0} == set(found.shares())


def test_all_shares_are_one_and_all_errors_are_counted():
    text = 'It was, he said, a zebra! A zebra? "Zebras." Yes;'
    log_p = np.log(np.random.default_rng(0).uniform(0, 1, len(text)))
    found = error_types(text, log_p, "it was what he said it was, wasn't it")
    assert sum(kind.errors for kind in found.types) == (log_p < math.log(0.5)).sum() == (found.of >= 0).sum()
    assert sum(found.shares().values()) == pytest.approx(1)
    assert list(found.shares()) == ["n-gram", "memory", "rare word", "word", "punctuation", "boost"]


def test_an_ngram_counts_with_the_lowest_order_that_is_sure_enough():
    training_text = "aab aac xaab zz"
    # After "a" comes "a" 3 times of 6, after "aa" "b" 2 times of 3; each alone is less than half of the text.
    assert types_of("aab", [1, 2], training_text) == [("n-gram", 2), ("n-gram", 3)]


def test_ngrams_do_not_reach_back_into_the_training_text():
    # Of "q" + "u" the last training character is no context of the text's first.
    assert types_of("u", [0], "quququq") == [("rare word", 0)]


def test_a_word_is_remembered_from_its_second_character_on():
    text = "zyx zyx"
    assert types_of(text, [4, 5, 6], "q") == [("rare word", 0), ("memory", 100), ("memory", 100)]
    assert types_of("wzyxw zyx", [6, 7], "q") == [("rare word", 0), ("memory", 100)], "a part of another word"


@pytest.mark.parametrize(("apart", "limit"), [(100, 100), (101, 500), (501, 1000), (1001, 5000)])
def test_memory_reaches_n_characters_before_the_word(apart, limit):
    text = "zyx" + " " * (apart - 3) + "zyx"
    assert types_of(text, [apart + 1], "q") == [("memory", limit)]


def test_what_is_longer_ago_is_forgotten():
    text = "zyx" + " " * 4998 + "zyx"
    assert types_of(text, [5002], "q") == [("rare word", 0)]


def test_a_word_is_rare_up_to_five_times():
    for times in range(8):
        training_text = "by " * times + "bo bu " * 20
        expected = ("rare word", times) if times <= 5 else ("boost", 0.3)
        assert types_of("by", [1], training_text) == [expected]


def test_words_begin_after_spaces_newlines_and_quotes():
    training_text = "by xo " * 9 + "xo " * 20
    for before in (" ", "\n", '"', "'", "“"):
        assert types_of(f"by {before}by", [4], training_text) == [("word", None)]
    assert types_of("by(by", [3], training_text) == [("boost", 0.3)]
    assert types_of("by, by", [2], training_text) == [("punctuation", None)]


def test_the_rest_is_boosted_by_what_is_missing():
    text, training_text = "by", "by " * 9 + "bo " * 20
    for p, boost in [(0.0, 0.5), (0.05, 0.5), (0.15, 0.4), (0.25, 0.3), (0.35, 0.2), (0.45, 0.1)]:
        with np.errstate(divide="ignore"):
            found = error_types(text, np.log([0.9, p]), training_text)
        assert [kind for kind in found.types if kind.errors] == [ErrorType("boost", boost, 1, 1.0)]


def test_half_is_right_and_a_text_without_errors_has_none():
    found = error_types("ab", torch.tensor([0.5, 0.5], dtype=torch.float64).log(), "c")
    assert found.of.tolist() == [-1, -1]
    assert set(found.shares().values()) == {0.0}


def test_the_limits_are_the_papers():
    assert tuple(range(1, 10)) == module.ORDERS
    assert (module.MEMORIES, module.RARE) == ((100, 500, 1000, 5000), (0, 1, 2, 3, 4, 5))


@pytest.mark.parametrize(
    ("text", "log_p", "training_text", "part"),
    [
        ("", [], "a", "text is empty"),
        ("a", [-1.0], "", "training_text is empty"),
        ("ab", [-1.0], "a", "have shape [1]; give one for each of the text's 2 characters"),
        ("ab", [-1.0, 0.7], "a", "log_probabilities[1] is 0.7"),
        ("ab", [float("nan"), -1.0], "a", "log_probabilities[0] is nan"),
    ],
)
def test_what_has_no_types_is_refused(one_line, text, log_p, training_text, part):
    with one_line(InputError, part):
        error_types(text, np.array(log_p), training_text)
