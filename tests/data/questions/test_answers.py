"""Which answers a model chooses from, and the scores of each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqmodels.data.questions import VisualQuestion, answer_coverage, answer_vocabulary, soft_targets
from seqmodels.errors import InputError, OptionError

WORDS = st.sampled_from(["yes", "no", "red", "2"])


def asked(*answers):
    return VisualQuestion("1", "1", None, "?", answers, "other", "what", "train")


MANY = [asked("b"), asked("c"), asked("c"), asked("a"), asked("b"), asked("d")]


def test_answers_are_ordered_by_count_then_alphabet():
    assert answer_vocabulary(MANY) == ("b", "c", "a", "d")
    assert answer_vocabulary(MANY, size=3) == ("b", "c", "a")
    assert answer_vocabulary(MANY, min_count=2) == ("b", "c")


def test_a_question_counts_for_its_most_common_answer_alone():
    assert answer_vocabulary([asked("no", "yes", "yes"), asked("red", "red", "no")]) == ("red", "yes")


def test_of_equally_common_answers_the_first_counts():
    assert answer_vocabulary([asked("no", "yes", "yes", "no")]) == ("no",)


def test_answers_are_normalised_before_they_are_counted():
    questions = [asked("Yes", "no", "no", "YES", "yes"), asked("")]
    assert answer_vocabulary(questions, normalise=str.lower) == ("yes",)
    assert answer_coverage([asked("YES")], ["yes"], str.lower) == 1
    assert answer_coverage([asked("YES")], ["yes"]) == 0


def test_coverage_is_the_share_of_questions_with_answers():
    assert answer_coverage([*MANY, asked()], ["b", "c"]) == pytest.approx(4 / 6)


@pytest.mark.parametrize(
    ("options", "part"), [({"size": 0}, "size"), ({"min_count": 0}, "min_count"), ({"min_count": 3}, "2 times")]
)
def test_options_out_of_range_are_one_line(one_line, options, part):
    with one_line(OptionError, part):
        answer_vocabulary(MANY, **options)


def test_questions_without_answers_are_one_line(one_line):
    with one_line(InputError, "no answers"):
        answer_vocabulary([asked()])
    with one_line(InputError, "no answers"):
        answer_coverage([asked()], ["yes"])


@pytest.mark.parametrize(("count", "score"), [(1, 1 / 3), (2, 2 / 3), (3, 1), (9, 1)])
def test_three_annotators_make_an_answer_right(count, score):
    targets = soft_targets(["red"] * count + ["other"] * (10 - count), ["blue", "red"])
    assert targets.indices == (1,)
    assert targets.scores == pytest.approx((score,))


def test_the_only_answer_of_a_set_with_one_is_right():
    assert soft_targets(("teal",), ["red", "teal"]) == ((1,), (1.0,), "teal")


def test_no_answers_and_unknown_answers_score_nothing():
    assert soft_targets((), ["red"]) == ((), (), "")
    assert soft_targets(("pink", "pink", "blue"), ["red"]) == ((), (), "pink")


@given(st.lists(WORDS, min_size=2, max_size=10), st.lists(WORDS, unique=True))
def test_scores_are_those_of_the_definition(answers, vocabulary):
    targets = soft_targets(answers, vocabulary)
    dense = dict(zip(targets.indices, targets.scores, strict=True))
    assert list(dense) == sorted(dense)
    for number, word in enumerate(vocabulary):
        assert dense.get(number, 0) == pytest.approx(min(1, answers.count(word) / 3))
    assert answers.count(targets.common) == max(map(answers.count, answers))
    assert targets == soft_targets(answers, {word: number for number, word in enumerate(vocabulary)})
