"""What all data of labelled records share: parts, classes, and what happens to classes that training doesn't have."""

import warnings
from collections import Counter

import pytest

from seqmodels.data.held_out import in_parts
from seqmodels.data.labelled import LabelledText
from seqmodels.data.labelled_text import LabelledTextData
from seqmodels.errors import DataError, OptionError


def texts(count, label="a"):
    return [LabelledText(label, f"text {number}", f"line {number}") for number in range(count)]


def test_parts_that_are_there_stay_as_they_are():
    given = {"train": texts(5), "validation": texts(2), "test": texts(3)}
    assert in_parts(given, (0.8, 0.1, 0.1), 0) == given
    alone = in_parts({"train": texts(5), "validation": texts(2)}, (0.8, 0.1, 0.1), 0)
    assert alone["test"] == alone["validation"] == texts(2)


def test_missing_parts_are_cut_off_the_training_records():
    records = texts(2000)
    parts = in_parts({"train": records}, (0.8, 0.15, 0.05), 0)
    assert Counter(record for part in parts.values() for record in part) == Counter(records)
    assert abs(len(parts["validation"]) - 300) < 60
    assert abs(len(parts["test"]) - 100) < 40
    with_test = in_parts({"train": records, "test": texts(3)}, (0.5, 0.25, 0.25), 0)
    assert len(with_test["train"]) + len(with_test["validation"]) == 2000
    assert abs(len(with_test["validation"]) - 667) < 80  # a third
    assert with_test["test"] == texts(3)


def test_a_test_part_that_nothing_falls_into_is_said_to_be_that_of_validation():
    shares = (0.5, 0.499, 0.001)
    with pytest.warns(UserWarning, match="^no record falls into the test part, so it has those of validation; give"):
        parts = in_parts({"train": texts(20)}, shares, 0)
    assert parts["test"] == parts["validation"]
    with warnings.catch_warnings():  # where it was not to have any, or the file has validation records
        warnings.simplefilter("error")
        in_parts({"train": texts(20)}, (0.5, 0.5, 0.0), 0)
        in_parts({"train": texts(5), "validation": texts(2)}, shares, 0)


def test_the_cut_depends_on_the_text_and_the_seed_alone():
    shares = (0.5, 0.25, 0.25)
    once, again = in_parts({"train": texts(200)}, shares, 0), in_parts({"train": texts(100)}, shares, 0)
    for part, records in again.items():
        assert records == [record for record in once[part] if record in texts(100)]
    assert in_parts({"train": texts(200)}, shares, 1) != once
    doubled = in_parts({"train": texts(50) + texts(50, "b")}, shares, 0)
    keys = [{record.text for record in part} for part in doubled.values()]
    assert not keys[0] & keys[1]
    assert not keys[0] & keys[2]


@pytest.fixture
def files(tmp_path):
    """Training and validation files; the second has a class of its own in line 2."""
    (tmp_path / "train.txt").write_text("b one\na two\n")
    (tmp_path / "valid.txt").write_text("a three\nc four\n")
    return str(tmp_path / "train.txt"), str(tmp_path / "valid.txt")


def test_a_class_that_training_does_not_have_names_file_and_line(files, one_line):
    data = LabelledTextData(*files)
    assert data.labels == ["a", "b"]
    with one_line(DataError, "valid.txt, line 2", "class 'c' is none of training's: a, b", "max_bad=1"):
        data.val_dataloader()


def test_records_of_unknown_classes_can_be_left_out(files):
    data = LabelledTextData(*files, max_bad=1)
    with pytest.warns(UserWarning, match="valid.txt, line 2"):
        (batch,) = data.val_dataloader()
    assert batch.target.tolist() == [0]


def test_classes_of_a_trained_model_take_the_place_of_those_of_training(files):
    data = LabelledTextData(*files, max_bad=1)
    with pytest.warns(UserWarning, match="1 bad record"):
        assert next(iter(data.val_dataloader())).target.tolist() == [0]
    data.labels = ["c", "b", "a"]
    assert next(iter(data.val_dataloader())).target.tolist() == [2, 0]


def test_a_part_without_records_is_one_line(files, one_line):
    with one_line(DataError, "train.txt", "no records for validation", "--data.valid_source or other --data.fractions"):
        _ = LabelledTextData(files[0], fractions=(1.0, 0.0, 0.0)).records


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"fractions": (0.0, 0.5, 0.5)}, "nothing is left for training"),
        ({"fractions": (0.5, 0.1, 0.1)}, "fractions is (0.5, 0.1, 0.1)"),
        ({"split_seed": -1}, "seed is -1"),
        ({"max_bad": -1}, "max_bad must be 0 or more"),
        ({"batch_size": 0}, "batch_size is 0"),
    ],
)
def test_options_that_cannot_be_used(options, part, one_line):
    with one_line(OptionError, part):
        LabelledTextData(**options)
