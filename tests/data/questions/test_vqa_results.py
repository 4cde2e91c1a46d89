"""Result files for EvalAI: written whole, and checked as the official evaluation does."""

import json

import pytest

from seqmodels.data.questions import VisualQuestion, check_vqa_results, write_vqa_results
from seqmodels.errors import DataError, InputError

QUESTIONS = [VisualQuestion(str(key), "9", None, "Is it red?", (), "", "", "test") for key in (9001, 9002, 9010)]
ANSWERS = {"9001": "yes", "9002": "no", "9010": "café"}


def test_results_have_the_official_form_and_pass_the_check(tmp_path):
    path = tmp_path / "new" / "results.json"
    write_vqa_results(path, ANSWERS)
    assert json.loads(path.read_text()) == [
        {"question_id": 9001, "answer": "yes"},
        {"question_id": 9002, "answer": "no"},
        {"question_id": 9010, "answer": "café"},
    ]
    check_vqa_results(path, QUESTIONS)


@pytest.mark.parametrize(
    ("answers", "part"),
    [
        ({"train/3": "yes"}, "the key 'train/3', no integer"),
        ({"1.0": "yes"}, "the key '1.0'"),
        ({"-1": "yes"}, "the key '-1'"),
        ({"007": "yes"}, "the key '007'"),
        ({"٣": "yes"}, "the key"),
        ({"": "yes"}, "the key ''"),
        ({"1": None}, "question '1' is null; it must be a text"),
        ({"1": "yes", 1: "no"}, "twice"),
        ({True: "yes"}, "the key true"),
        ({}, "there are no answers"),
    ],
)
@pytest.mark.usefixtures("_types_unchecked")
def test_what_the_evaluation_could_not_read_is_not_written(tmp_path, one_line, answers, part):
    path = tmp_path / "results.json"
    path.write_text("old")
    with one_line(InputError, part):
        write_vqa_results(path, answers)
    assert path.read_text() == "old"


def test_a_path_that_cannot_be_written_is_one_line(tmp_path, one_line):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "results.json"):
        with one_line(DataError, str(path), "can't be written"):
            write_vqa_results(path, ANSWERS)


GOOD = [{"question_id": int(key), "answer": answer} for key, answer in ANSWERS.items()]


@pytest.mark.parametrize(
    ("results", "parts"),
    [
        (GOOD[:1], ["no answer to question_id 9002 (2 of 3 are missing)"]),
        ([], ["question_id 9001 (3 of 3 are missing)"]),
        ([*GOOD, {"question_id": 5, "answer": "a"}], ["record 3", "question_id 5 is no question of the set (1 such"]),
        ([*GOOD, GOOD[0]], ["record 3", "question_id 9001 is in record 0 too"]),
        ({"results": GOOD}, ["is no list of results"]),
        ([*GOOD, 3], ["record 3 is 3"]),
        ([{"question_id": 9001}], ["record 0: answer is missing"]),
        ([{"answer": "a"}], ["record 0: question_id is missing"]),
        ([{"question_id": "9001", "answer": "a"}], ["record 0: question_id is '9001'; it must be an integer"]),
        ([{"question_id": True, "answer": "a"}], ["question_id is true"]),
        ([{"question_id": 9001, "answer": 2}], ["record 0: answer is 2; it must be a text"]),
    ],
)
def test_what_the_evaluation_would_refuse(tmp_path, one_line, results, parts):
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results))
    with one_line(DataError, str(path), *parts):
        check_vqa_results(path, QUESTIONS)
