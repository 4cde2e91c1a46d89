"""Answers to questions about images beside a transcription of the official formula."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqmodels.errors import DataError, InputError
from seqmodels.metrics import normalise_answer, vqa_accuracy, vqa_scores

WORDS = ["yes", "no", "Yes.", "the dog", "dog", "2", "two", "dont", "don't", "black/white", "black white", "1,000", ""]
ANSWERS = st.sampled_from(WORDS) | st.text("aA1 .,'-/?", max_size=6)
KINDS = {"question_type": "is the", "answer_type": "yes/no"}


def official(answer, answers):
    """The official loops, over dictionaries that differ by who answered."""
    given_by = [{"answer": one.replace("\n", " ").replace("\t", " ").strip(), "id": n} for n, one in enumerate(answers)]
    answer = answer.replace("\n", " ").replace("\t", " ").strip()
    if len({one["answer"] for one in given_by}) > 1:
        for one in given_by:
            one["answer"] = spelled(one["answer"])
        answer = spelled(answer)
    accuracies = []
    for left_out in given_by:
        others = [one for one in given_by if one != left_out]
        matching = [one for one in others if one["answer"] == answer]
        accuracies.append(min(1, float(len(matching)) / 3))
    return float(sum(accuracies)) / len(accuracies)


def spelled(text):
    """The official steps, with the contractions that occur here."""
    out = text
    for p in [*';/[]"{}()=+\\_-><@`,?!']:
        if (p + " " in text or " " + p in text) or re.search(r"(\d)(\,)(\d)", text) is not None:
            out = out.replace(p, "")
        else:
            out = out.replace(p, " ")
    out = re.compile(r"(?!<=\d)(\.)(?!\d)").sub("", out, count=32)
    numbers = {"none": "0", "zero": "0", "one": "1", "two": "2", "three": "3", "ten": "10"}
    words = [numbers.get(word, word) for word in out.lower().split()]
    return " ".join({"dont": "don't"}.get(word, word) for word in words if word not in ("a", "an", "the"))


@given(ANSWERS, st.lists(ANSWERS, min_size=2, max_size=10))
def test_accuracies_are_those_of_the_official_loops(answer, answers):
    assert vqa_accuracy(answer, answers) == pytest.approx(official(answer, answers), abs=1e-12)


@given(st.text("aAbthe1, ./-'?[]", max_size=12))
def test_spellings_are_those_of_the_official_steps(text):
    assert normalise_answer(text) == spelled(text.strip())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Dog.", "dog"),
        ("a an the", ""),
        ("None", "0"),
        ("ten Dogs", "10 dogs"),
        ("eleven", "eleven"),
        ("T-shirt", "t shirt"),
        ("black, white", "black white"),
        ("black,white", "black white"),
        ("1,000", "1000"),
        ("1,000/day", "1000day"),  # a comma between digits: every sign goes, without a space
        ("12.5", "12.5"),
        ("no. 5", "no 5"),
        ("u.s.", "us"),
        ("." * 40, "." * 8),
        ("it's 3:30", "it's 3:30"),
        ("dont", "don't"),
        ("YALLD'VE", "yalld've"),
        ("y'alld've", "y'all'd've"),
        ("yall'd've", "y'all'd've"),
        ("ow's'at", "'ow's'at"),
        ("somebody'd", "somebodyd"),
        ("shed", "shed"),
        ("Im", "im"),
        ("youve", "you've"),
        (" line\nend\ttab ", "line end tab"),
        ("what?!", "what"),
        ("(yes)", "yes"),
        ("", ""),
    ],
)
def test_known_spellings(text, expected):
    assert normalise_answer(text) == expected


@pytest.mark.parametrize(("matches", "expected"), [(0, 0), (1, 0.3), (2, 0.6), (3, 0.9), (4, 1), (9, 1)])
def test_three_of_ten_are_nearly_right(matches, expected):
    answers = ["red"] * matches + [f"other {number}" for number in range(10 - matches)]
    assert vqa_accuracy("Red.", answers) == pytest.approx(expected)


def test_answers_that_all_agree_are_compared_as_they_stand():
    assert vqa_accuracy("2", ["two"] * 10) == 0
    assert vqa_accuracy("two ", ["two", " two"] * 5) == 1
    assert vqa_accuracy("2", ["two"] * 9 + ["2"]) == 1


@pytest.mark.parametrize(("answers", "part"), [([], "answers is 0"), (["yes"], "answers is 1"), ("yes", "one string")])
def test_too_few_answers_are_refused(one_line, answers, part):
    with one_line(InputError, part, "2 annotators or more"):
        vqa_accuracy("yes", answers)


@pytest.mark.usefixtures("_types_unchecked")
def test_what_is_no_answer_is_refused(one_line):
    with one_line(InputError, "an answer is int"):
        vqa_accuracy("yes", ["yes", 2])


def records():
    made = []
    for matches, kind in [(10, "yes/no"), (1, "number"), (0, "number"), (2, "other")]:
        answers = [{"answer": "yes" if n < matches else f"no {n}", "answer_id": n + 1} for n in range(10)]
        made.append(
            {"answer": "yes", "answers": answers, "answer_type": kind, "question_type": f"is {kind == 'other'}"}
        )
    return made


def test_scores_are_percent_by_type():
    assert vqa_scores(records()) == {
        "overall": 47.5,
        "perQuestionType": {"is False": 43.33, "is True": 60.0},
        "perAnswerType": {"yes/no": 100.0, "number": 15.0, "other": 60.0},
    }
    assert vqa_scores(records(), digits=None)["perQuestionType"]["is False"] == pytest.approx(130 / 3)
    assert vqa_scores(iter(records()), digits=0)["perQuestionType"]["is False"] == 43


@pytest.mark.parametrize("key", ["answer", "answers", "answer_type", "question_type"])
def test_a_record_that_lacks_something_is_named(one_line, key):
    lacking = {name: value for name, value in (records()[1] | {"question_id": 77}).items() if name != key}
    with one_line(DataError, "record 1 (question_id 77)", f"has no '{key}'"):
        vqa_scores([records()[0], lacking])


@pytest.mark.parametrize(
    ("answers", "part"), [(["yes"], "answers is 1"), ([{"text": "a"}, {"text": "b"}], "an answer is NoneType")]
)
@pytest.mark.usefixtures("_types_unchecked")
def test_a_record_with_wrong_answers_is_named(one_line, answers, part):
    with one_line(DataError, "record 0", part):
        vqa_scores([{"answer": "yes", "answers": answers, **KINDS}])


def test_no_records_are_refused(one_line):
    with one_line(DataError, "no records"):
        vqa_scores([])
