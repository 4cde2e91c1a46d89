"""VQA's official files, read into one form; pictures are found by their official names."""

import json
import os
import warnings
from pathlib import Path

import pytest

from seqmodels.data.questions import VisualQuestion, read_vqa
from seqmodels.errors import DataError, OptionError

SHARED = Path(os.environ.get("SEQMODELS_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
COCO = SHARED / "coco_real_small"


def asked(number, image=9, text="Is it red?"):
    return {"image_id": image, "question": text, "question_id": number}


def answered(number, image=9, answers=("yes",) * 10):
    replies = [{"answer": a, "answer_confidence": "maybe", "answer_id": n} for n, a in enumerate(answers, start=1)]
    types = {"question_type": "is it", "answer_type": "yes/no", "multiple_choice_answer": "yes"}
    return {"question_id": number, "image_id": image, "answers": replies, **types}


def questions_file(path, *records, subset="train2014"):
    about = {"info": {"version": "2.0"}, "task_type": "Open-Ended", "data_type": "mscoco", "data_subtype": subset}
    path.write_text(json.dumps(about | {"questions": list(records)}))
    return path


def annotations_file(path, *records, subset="train2014"):
    about = {"info": {"version": "2.0"}, "data_type": "mscoco", "data_subtype": subset}
    path.write_text(json.dumps(about | {"annotations": list(records)}))
    return path


def touched(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_questions_get_their_answers_by_id_in_the_order_of_their_file(tmp_path):
    replies = ("yes", "no", "Yes ", "YES", "yes", "yes", "yes", "yes", "no", "a  b")
    questions = questions_file(tmp_path / "q.json", asked(9001), asked(7002, 7, "Wie heißt es?"))
    annotations = annotations_file(tmp_path / "a.json", answered(7002, 7, replies), answered(9001))
    assert read_vqa(questions, annotations, split="validation") == [
        VisualQuestion("9001", "9", None, "Is it red?", ("yes",) * 10, "yes/no", "is it", "validation"),
        VisualQuestion("7002", "7", None, "Wie heißt es?", replies, "yes/no", "is it", "validation"),
    ]


def test_questions_without_annotations_have_no_answers(tmp_path):
    (one,) = read_vqa(questions_file(tmp_path / "q.json", asked(9001), subset="test2015"), split="test")
    assert (one.answers, one.answer_type, one.question_type, one.split) == ((), "", "", "test")


@pytest.mark.parametrize(
    "name",
    [
        "COCO_train2014_000000000009.jpg",
        "COCO_val2014_000000000009.jpg",
        "000000000009.jpg",
        "000000000009.JPG",
        "abstract_v002_train2015_000000000009.png",
        "train2014/COCO_train2014_000000000009.jpg",
        "train2017/000000000009.jpg",
    ],
)
def test_pictures_are_found_by_their_official_names(tmp_path, name):
    folder = touched(tmp_path / "images", name, "COCO_train2014_000000000010.jpg", "readme.txt", "9.jpg")
    (one,) = read_vqa(questions_file(tmp_path / "q.json", asked(9001)), images=folder)
    assert Path(one.path) == folder / name


def test_of_several_files_of_a_picture_that_of_the_questions_set_is_taken(tmp_path):
    names = "COCO_train2014_000000000009.jpg", "COCO_val2014_000000000009.jpg", "000000000009.jpg"
    folder = touched(tmp_path / "images", *names)
    (one,) = read_vqa(questions_file(tmp_path / "q.json", asked(9001), subset="val2014"), images=folder)
    assert Path(one.path).name == "COCO_val2014_000000000009.jpg"


def test_several_files_of_a_picture_are_refused_where_none_is_of_the_set(tmp_path, one_line):
    folder = touched(tmp_path / "images", "a/000000000009.jpg", "b/000000000009.jpg")
    with one_line(DataError, "questions[0] (question_id 9001): image 9 has several files", "a/0", "b/0"):
        read_vqa(questions_file(tmp_path / "q.json", asked(9001)), images=folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_no_picture(tmp_path, one_line):
    folder = touched(tmp_path / "images", "000000000001.jpg")
    os.mkfifo(folder / "000000000009.jpg")
    with one_line(DataError, "image 9 has no file"):
        read_vqa(questions_file(tmp_path / "q.json", asked(9001)), images=folder)


@pytest.mark.parametrize(
    ("names", "part"), [([], "can't be listed"), (["dog.jpg"], "has no image file named as COCO's")]
)
def test_a_folder_without_pictures_is_one_line(tmp_path, one_line, names, part):
    folder = touched(tmp_path / "images", *names)
    with one_line(DataError, str(folder), part, "check images"):
        read_vqa(questions_file(tmp_path / "q.json", asked(9001)), images=folder)


def test_other_than_ten_answers_are_kept_with_one_warning(tmp_path):
    questions = questions_file(tmp_path / "q.json", asked(1), asked(2), asked(3))
    replies = answered(1), answered(2, answers=("no",) * 9), answered(3, answers=("no",))
    annotations = annotations_file(tmp_path / "a.json", *replies)
    with pytest.warns(UserWarning, match="2 of 3 questions don't have 10 answers, the first question_id 2 with 9"):
        found = read_vqa(questions, annotations)
    assert [len(one.answers) for one in found] == [10, 9, 1]


def test_sets_with_one_answer_each_get_no_warning(tmp_path):
    questions = questions_file(tmp_path / "q.json", asked(1), asked(2))
    annotations = annotations_file(tmp_path / "a.json", answered(1, answers=("no",)), answered(2, answers=("yes",)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert [one.answers for one in read_vqa(questions, annotations)] == [("no",), ("yes",)]


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"split": "val"}, ["split must be", "'val'"]),
        ({"max_bad": -1}, ["max_bad", "-1"]),
        ({"max_bad": True}, ["max_bad", "True"]),
    ],
)
def test_options_out_of_range_are_one_line(tmp_path, one_line, options, parts):
    with one_line(OptionError, *parts):
        read_vqa(questions_file(tmp_path / "q.json", asked(1)), **options)


@pytest.mark.skipif(not COCO.exists(), reason="needs shared/data/coco_real_small beside the project")
def test_real_questions_about_real_pictures_are_read():
    questions, annotations = "v2_OpenEnded_mscoco_subset_questions.json", "v2_mscoco_subset_annotations.json"
    found = read_vqa(COCO / questions, COCO / annotations, COCO / "images")
    assert len(found) == 102
    assert all(len(one.answers) == 10 and Path(one.path).name == f"{int(one.image):012d}.jpg" for one in found)
    assert {one.answer_type for one in found} == {"yes/no", "number", "other"}
