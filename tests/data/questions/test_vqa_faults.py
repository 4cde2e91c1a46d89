"""What is wrong with VQA files is named with file and record; bad records are skipped only when asked for."""

import json
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmodels.data.questions import read_vqa
from seqmodels.errors import DataError, SeqmodelsError

QUESTION = {"image_id": 9, "question": "Is it red?", "question_id": 9001}
OTHER = {"image_id": 7, "question": "How many?", "question_id": 7001}
ANNOTATION = {
    "question_type": "is it",
    "answers": [{"answer": "yes", "answer_confidence": "yes", "answer_id": number} for number in range(1, 11)],
    "image_id": 9,
    "answer_type": "yes/no",
    "question_id": 9001,
}
OTHER_ANNOTATION = ANNOTATION | {"image_id": 7, "question_id": 7001}


def without(record, key):
    return {name: value for name, value in record.items() if name != key}


def files(folder, questions=(QUESTION, OTHER), annotations=(ANNOTATION, OTHER_ANNOTATION)):
    (folder / "q.json").write_text(json.dumps({"questions": list(questions)}))
    (folder / "a.json").write_text(json.dumps({"annotations": list(annotations)}))
    return folder / "q.json", folder / "a.json"


BAD_QUESTIONS = [
    (7, "q.json, questions[1]: the record is 7"),
    (None, "questions[1]: the record is null"),
    (without(OTHER, "question_id"), "questions[1]: question_id is missing"),
    (without(OTHER, "image_id"), "questions[1] (question_id 7001): image_id is missing"),
    (without(OTHER, "question"), "question is missing"),
    (OTHER | {"question": ""}, "question is empty"),
    (OTHER | {"question": " \n"}, "question is empty"),
    (OTHER | {"question": ["How"]}, "question is list; it must be a text"),
    (OTHER | {"question": None}, "question is null"),
    (OTHER | {"question_id": "7001"}, "question_id is '7001'; it must be an integer"),
    (OTHER | {"question_id": 7001.0}, "question_id is 7001.0"),
    (OTHER | {"question_id": True}, "question_id is true"),
    (OTHER | {"question_id": -1}, "question_id is -1"),
    (OTHER | {"question_id": 10**30}, "question_id is int"),
    (OTHER | {"image_id": "../../etc/passwd"}, "image_id is '../../etc/passwd'; it must be an integer"),
    (OTHER | {"image_id": -7}, "image_id is -7"),
    (OTHER | {"question_id": 9001}, "questions[1] (question_id 9001): questions[0] has the same question_id"),
]
BAD_ANNOTATIONS = [
    ([], "a.json, annotations[1]: the record is list"),
    (without(OTHER_ANNOTATION, "question_id"), "annotations[1]: question_id is missing"),
    (without(OTHER_ANNOTATION, "image_id"), "annotations[1] (question_id 7001): image_id is missing"),
    (without(OTHER_ANNOTATION, "answers"), "answers is missing"),
    (without(OTHER_ANNOTATION, "answer_type"), "answer_type is missing"),
    (without(OTHER_ANNOTATION, "question_type"), "question_type is missing"),
    (OTHER_ANNOTATION | {"answer_type": 3}, "answer_type is 3; it must be a text"),
    (OTHER_ANNOTATION | {"answers": []}, "answers is empty"),
    (OTHER_ANNOTATION | {"answers": "yes"}, "answers is 'yes'; it must be a list"),
    (OTHER_ANNOTATION | {"answers": ["yes"]}, "answers[0] is 'yes'; it must be an object"),
    (OTHER_ANNOTATION | {"answers": [{"answer": "a"}, {}]}, "answers[1].answer is missing"),
    (OTHER_ANNOTATION | {"answers": [{"answer": 2}]}, "answers[0].answer is 2; it must be a text"),
    (OTHER_ANNOTATION | {"image_id": 8}, "image_id is 8, but 7 in"),
]


@pytest.mark.parametrize(("record", "part"), BAD_QUESTIONS)
def test_a_bad_question_is_named_and_skipped_only_when_asked_for(tmp_path, one_line, record, part):
    questions, _ = files(tmp_path, [QUESTION, record])
    with one_line(DataError, part, "max_bad=1"):
        read_vqa(questions)
    with pytest.warns(UserWarning, match="1 bad record was skipped"):
        assert [one.key for one in read_vqa(questions, max_bad=1)] == ["9001"]


@pytest.mark.parametrize(("record", "part"), BAD_ANNOTATIONS)
def test_a_bad_annotation_is_named_and_takes_its_question_along(tmp_path, one_line, record, part):
    questions, annotations = files(tmp_path, annotations=[ANNOTATION, record])
    with one_line(DataError, part, "max_bad=1"):
        read_vqa(questions, annotations)
    with pytest.warns(UserWarning, match="bad record"):
        assert [one.key for one in read_vqa(questions, annotations, max_bad=2)] == ["9001"]


@pytest.mark.parametrize(
    ("questions", "annotations", "part"),
    [
        ([QUESTION, OTHER], [ANNOTATION], "q.json, questions[1] (question_id 7001): "),
        ([QUESTION], [ANNOTATION, OTHER_ANNOTATION], "a.json, annotations[1] (question_id 7001): "),
        ([QUESTION], [ANNOTATION, ANNOTATION], "annotations[1] (question_id 9001): annotations[0] has the same"),
        # What one file has lost isn't counted again for the other.
        ([QUESTION, OTHER | {"question": ""}], [ANNOTATION, OTHER_ANNOTATION], "question is empty"),
        ([QUESTION, OTHER], [ANNOTATION, OTHER_ANNOTATION | {"answers": []}], "answers is empty"),
        ([QUESTION, OTHER], [ANNOTATION, OTHER_ANNOTATION | {"image_id": 1}], "image_id is 1"),
    ],
)
def test_each_question_that_is_lost_counts_once(tmp_path, one_line, questions, annotations, part):
    paths = files(tmp_path, questions, annotations)
    with one_line(DataError, part):
        read_vqa(*paths)
    with pytest.warns(UserWarning, match="1 bad record was skipped"):
        assert [one.key for one in read_vqa(*paths, max_bad=1)] == ["9001"]


def test_a_picture_without_a_file_is_a_bad_record(tmp_path, one_line):
    paths, folder = files(tmp_path), tmp_path / "images"
    folder.mkdir()
    (folder / "000000000009.jpg").touch()
    with one_line(DataError, "questions[1] (question_id 7001): image 7 has no file in", "000000000007.jpg"):
        read_vqa(*paths, folder)
    with pytest.warns(UserWarning, match="1 bad record"):
        assert [one.image for one in read_vqa(*paths, folder, max_bad=1)] == ["9"]


def test_more_than_max_bad_is_an_error_and_none_left_too(tmp_path, one_line):
    questions, _ = files(tmp_path, [QUESTION, 1, 2, 3])
    with one_line(DataError, "questions[3]", "max_bad is 2"):
        read_vqa(questions, max_bad=2)
    questions, _ = files(tmp_path, [1, 2])
    with pytest.warns(UserWarning, match="2 bad records"), one_line(DataError, "none of its questions can be used"):
        read_vqa(questions, max_bad=9)


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ([], "has no 'questions'; give VQA's questions file"),
        (5, "has no 'questions'"),
        ({"annotations": []}, "has no 'questions'; it has annotations, so give it as annotations"),
        ({"questions": []}, "'questions' is empty"),
        ({"questions": {}}, "'questions' is dict; it must be a list"),
        ({"questions": None}, "'questions' is null"),
    ],
)
def test_a_file_of_another_form_is_an_error_whatever_max_bad_is(tmp_path, one_line, content, part):
    (tmp_path / "q.json").write_text(json.dumps(content))
    with one_line(DataError, "q.json", part):
        read_vqa(tmp_path / "q.json", max_bad=100)


def test_swapped_files_are_one_line(tmp_path, one_line):
    questions, annotations = files(tmp_path)
    with one_line(DataError, "a.json: has no 'questions'; it has annotations"):
        read_vqa(annotations, questions)
    with one_line(DataError, "q.json: has no 'annotations'; it has questions, so give it as questions"):
        read_vqa(questions, questions)


def test_files_of_two_sets_are_one_line(tmp_path, one_line):
    (tmp_path / "q.json").write_text(json.dumps({"questions": [QUESTION], "data_subtype": "train2014"}))
    (tmp_path / "a.json").write_text(json.dumps({"annotations": [ANNOTATION], "data_subtype": "val2014"}))
    with one_line(DataError, "a.json: belongs to 'val2014'", "to 'train2014'", "of one set"):
        read_vqa(tmp_path / "q.json", tmp_path / "a.json", max_bad=100)


@pytest.mark.parametrize("content", [b'{"questions": [', b'{"questions": [NaN]}', b"\xff\xfe", b'{"a": 1, "a": 1}'])
def test_what_is_no_strict_json_is_one_line(tmp_path, one_line, content):
    (tmp_path / "q.json").write_bytes(content)
    with one_line(DataError, "q.json"):
        read_vqa(tmp_path / "q.json", max_bad=100)


@given(
    which=st.sampled_from(["q.json", "a.json"]),
    changes=st.lists(st.tuples(st.integers(0, 2000), st.sampled_from(b'0az"{}[],:\\ -.\xff\n')), max_size=3),
    cut=st.integers(0, 3),
    max_bad=st.sampled_from([0, 100]),
)
@settings(max_examples=150)
def test_any_damage_is_a_result_or_one_line(tmp_path_factory, which, changes, cut, max_bad):
    folder = tmp_path_factory.mktemp("vqa")
    paths = files(folder)
    (folder / "000000000009.jpg").touch()
    content = bytearray((folder / which).read_bytes())
    for at, byte in changes:
        content[at % len(content)] = byte
    (folder / which).write_bytes(content[: len(content) - cut])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        message, found = "", []
        try:
            found = read_vqa(*paths, folder, max_bad=max_bad)
        except SeqmodelsError as error:
            message = str(error)
    assert bool(found) != bool(message)
    assert "\n" not in message
    assert all(one.question.strip() and one.answers and one.path for one in found)
