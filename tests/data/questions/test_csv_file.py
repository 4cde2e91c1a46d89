"""Questions about one's own pictures in a CSV: what rows mean, odd files, and what is wrong with one."""

import os
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmodels.data.questions import VisualQuestion, question_table, read_question_csv
from seqmodels.errors import DataError, OptionError, SeqmodelsError

HEADER = "image,question,answer,split\n"
GOOD = HEADER + "1.jpg,Is it red?,yes,train\n2.jpg,What is it?,a dog,val\n"


def written(folder, content, name="questions.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def pictures(folder, *names):
    folder.mkdir()
    for name in names:
        (folder / name).touch()
    return folder


def test_each_row_is_a_question_with_its_answer(tmp_path):
    folder = pictures(tmp_path / "photos", "1.jpg", "2.jpg")
    assert read_question_csv(written(tmp_path, GOOD), folder) == [
        VisualQuestion("2", "1.jpg", str(folder / "1.jpg"), "Is it red?", ("yes",), "yes/no", "", "train"),
        VisualQuestion("3", "2.jpg", str(folder / "2.jpg"), "What is it?", ("a dog",), "other", "", "validation"),
    ]


def test_rows_with_the_same_picture_and_question_are_answers_of_several_people(tmp_path):
    rows = [f"1.jpg,Is it red?,{answer}\n" for answer in ("yes", "no", "yes", "yes")]
    rows.insert(2, "1.jpg,How many?,2\n2.jpg,Is it red?,no\n")
    found = read_question_csv(written(tmp_path, "image,question,answer\n" + "".join(rows)))
    assert [(one.key, one.image, one.question, one.answers, one.answer_type) for one in found] == [
        ("2", "1.jpg", "Is it red?", ("yes", "no", "yes", "yes"), "yes/no"),
        ("4", "1.jpg", "How many?", ("2",), "number"),
        ("5", "2.jpg", "Is it red?", ("no",), "yes/no"),
    ]


def test_columns_have_any_order_case_and_company_and_types_may_be_given(tmp_path):
    content = (
        "Answer,mood,QUESTION, File_Name ,question_type,answer_type\nred,good,Which?,1.jpg,colour,\nNo,,So?,1.jpg,,x\n"
    )
    first, second = read_question_csv(written(tmp_path, content))
    assert (first.answers, first.image, first.question_type, first.answer_type) == (
        ("red",),
        "1.jpg",
        "colour",
        "other",
    )
    assert (second.answers, second.question_type, second.answer_type) == (("No",), "", "x")


@pytest.mark.parametrize(
    ("answer", "kind"),
    [("Yes", "yes/no"), ("no", "yes/no"), ("3", "number"), ("2.5", "number"), ("1,000", "number"), ("not", "other")],
)
def test_the_type_of_an_answer_is_seen_in_it(tmp_path, answer, kind):
    found = read_question_csv(written(tmp_path, f'image,question,answer\n1.jpg,Is it?,"{answer}"\n'))
    assert found[0].answer_type == kind


def test_byte_order_marks_windows_line_ends_and_empty_lines_change_nothing(tmp_path):
    before = read_question_csv(written(tmp_path, GOOD))
    again = read_question_csv(written(tmp_path, b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode() + b"\r\n,,,\r\n"))
    assert again == before


def test_quoted_texts_may_have_commas_quotes_and_lines(tmp_path):
    content = 'image,question,answer\n1.jpg,"Is it ""red"",\nor blue? ","dark\n  red"\n'
    (found,) = read_question_csv(written(tmp_path, content))
    assert (found.question, found.answers) == ('Is it "red",\nor blue?', ("dark red",))


def test_without_a_column_split_all_questions_of_a_picture_are_in_one_part_whatever_else_there_is(tmp_path):
    rows = [f"{number}.jpg,{question},yes\n" for question in ("a?", "b?") for number in range(300)]
    found = read_question_csv(written(tmp_path, "image,question,answer\n" + "".join(rows)))
    part = {one.image: one.split for one in found}
    assert all(part[one.image] == one.split for one in found)
    assert {"train", "validation", "test"} == set(part.values())
    (alone,) = read_question_csv(written(tmp_path, "image,question,answer\n7.jpg,c?,no\n"))
    assert alone.split == part["7.jpg"]
    every = read_question_csv(written(tmp_path, "image,question,answer\n7.jpg,c?,no\n"), fractions=(0, 0, 1))
    assert every[0].split == "test"


def test_a_file_for_each_part_overrides_its_column_and_questions_of_the_test_need_no_answers(tmp_path):
    parts = {
        "train": written(tmp_path, GOOD, "train.csv"),
        "val": written(tmp_path, HEADER + "3.jpg,Is it red?,no,train\n", "valid.csv"),
        "test": written(tmp_path, "image,question\n4.jpg,Is it red?\n4.jpg,Is it blue?\n", "test.csv"),
    }
    found = read_question_csv(parts)
    assert [(one.split, one.image, one.answers, one.answer_type) for one in found] == [
        ("train", "1.jpg", ("yes",), "yes/no"),
        ("train", "2.jpg", ("a dog",), "other"),
        ("validation", "3.jpg", ("no",), "yes/no"),
        ("test", "4.jpg", (), ""),
        ("test", "4.jpg", (), ""),
    ]


def test_answers_may_be_empty_in_the_rows_of_the_test_alone(tmp_path, one_line):
    found = read_question_csv(written(tmp_path, GOOD + "3.jpg,Is it?,,test\n"))
    assert found[-1].answers == ()
    valid = {"train": written(tmp_path, GOOD), "val": written(tmp_path, HEADER + "3.jpg,Is it?,,test\n", "v.csv")}
    with one_line(DataError, "v.csv, line 2: the answer to 'Is it?' is empty"):
        read_question_csv(valid)


BAD = [
    ("3.jpg,,yes,val\n", "line 4: the question is empty"),
    ("3.jpg,Is it?, ,val\n", "line 4: the answer to 'Is it?' is empty"),
    (",Is it?,yes,val\n", "line 4: the image id is ''"),
    ("3.jpg,Is it?,yes,\n", "line 4: the split is ''; use train, validation, test"),
    ("3.jpg,Is it?,yes,extra\n", "line 4: the split is 'extra'"),
    ("1.jpg,Is it?,yes,test\n", "line 4: image '1.jpg' is in test here, in train before"),
    ("3.jpg,Is it red, or blue?,red,val\n", "line 4: 5 columns rather than 4; put what has commas in quotes"),
    ("3.jpg\n", "line 4: 1 columns rather than 4"),
    ("../3.jpg,Is it?,yes,val\n", "line 4: the file name '../3.jpg' leaves the folder of the images"),
    ("/etc/3.jpg,Is it?,yes,val\n", "leaves the folder of the images"),
]


@pytest.mark.parametrize(("row", "part"), BAD, ids=[part for _, part in BAD])
def test_a_bad_row_is_named_or_left_out(tmp_path, one_line, row, part):
    path = written(tmp_path, GOOD + row)
    with one_line(DataError, str(path), part, "--data.max_bad=1"):
        read_question_csv(path)
    with pytest.warns(UserWarning, match="1 bad record was skipped, the first: .*questions.csv, line 4"):
        assert len(read_question_csv(path, max_bad=1)) == 2


def test_a_missing_picture_is_one_bad_record_however_many_questions_it_has(tmp_path, one_line):
    folder = pictures(tmp_path / "photos", "1.jpg")
    path = written(tmp_path, GOOD + "2.jpg,Is it red?,no,val\n")
    with one_line(DataError, f"{path}, line 3: the image file '2.jpg' is not in {folder}"):
        read_question_csv(path, folder)
    with pytest.warns(UserWarning, match="1 bad record was skipped"):
        assert [one.image for one in read_question_csv(path, folder, max_bad=1)] == ["1.jpg"]


def test_a_picture_in_the_files_of_two_parts_is_refused(tmp_path, one_line):
    path, other = written(tmp_path, GOOD), written(tmp_path, HEADER + "1.jpg,Is it?,no,val\n", "valid.csv")
    with one_line(DataError, f"{other}, line 2: image '1.jpg' is there already, in {path}, line 2"):
        read_question_csv({"train": path, "val": other})


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("image,question,reply\n1.jpg,a?,b\n", "line 1: no column answer among 'image', 'question', 'reply'; rename"),
        ("picture,answer\n1.jpg,b\n", "no column image and no column question among 'picture', 'answer'"),
        ("image;question;answer\n1.jpg;a?;b\n", "among 'image;question;answer'; write its columns with commas between"),
        ("\n \n", "no column image"),
        ("", "no text at all"),
        (HEADER, "none of its questions can be used"),
        ('image,question,answer\n1.jpg,"a?,b\n', "line 2: is no CSV"),
        (b"image,question,answer\n1.jpg,a?,caf\xe9\n", "line 2: byte"),
        (b"\x00" * 10, "questions.csv"),
    ],
)
def test_what_is_wrong_with_a_whole_file_is_one_line(tmp_path, one_line, content, part):
    path = written(tmp_path, content)
    with one_line(DataError, str(path), part):
        read_question_csv(path, max_bad=100)


def test_missing_files_and_wrong_options_are_one_line(tmp_path, one_line):
    with one_line(DataError, "no.csv: no such file"):
        read_question_csv(tmp_path / "no.csv")
    path = written(tmp_path, GOOD)
    with one_line(DataError, "photos: no such folder of images"):
        read_question_csv(path, tmp_path / "photos")
    with one_line(OptionError, "fractions is (1, 1, 1)"):
        read_question_csv(path, fractions=(1, 1, 1))
    with one_line(OptionError, "max_bad"):
        read_question_csv(path, max_bad=-1)
    with one_line(OptionError, "path has the key 'extra'"):
        read_question_csv({"extra": path})


@pytest.mark.parametrize("count", range(1, 6))
def test_answers_too_few_for_the_official_accuracy_are_warned_of(tmp_path, count):
    path = written(tmp_path, GOOD + "3.jpg,Is it?,yes,val\n" * count)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        read_question_csv(path)
    said = [str(warning.message) for warning in caught]
    assert len(said) == (count in (2, 3))
    assert all("1 of 3 questions have 2 or 3 answers, one in line 4; even if all agree" in line for line in said)


def test_a_table_is_a_file_or_lies_in_a_folder(tmp_path):
    folder = pictures(tmp_path / "photos", "1.jpg")
    assert question_table(str(folder)) is None
    for name in ("metadata.csv", "questions.csv"):
        assert question_table(str(folder)) != folder / name
        path = written(folder, GOOD, name)
        assert question_table(str(folder)) == path
    assert question_table(str(written(tmp_path, GOOD, "questions.txt"))) == tmp_path / "questions.txt"
    assert question_table("no.CSV") == Path("no.CSV")
    assert question_table("shapes") is None


@given(
    changes=st.lists(st.tuples(st.integers(0, 200), st.sampled_from(b'0,"\n\r\x00\xff ;../')), max_size=4),
    cut=st.integers(0, 3),
    max_bad=st.sampled_from([0, 100]),
)
@settings(max_examples=150)
def test_any_damage_is_a_result_or_one_line(tmp_path_factory, changes, cut, max_bad):
    folder = tmp_path_factory.mktemp("own")
    content = bytearray(GOOD.encode())
    for at, byte in changes:
        content[at % len(content)] = byte
    path = written(folder, bytes(content[: len(content) - cut]))
    message, found = "", []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = read_question_csv(path, max_bad=max_bad)
        except SeqmodelsError as error:
            message = str(error)
    assert bool(found) != bool(message)
    assert "\n" not in message
    assert all(one.question and one.image and not os.path.isabs(one.image) for one in found)
    assert all(one.answers or one.split == "test" for one in found)
