"""easy-VQA: the questions of the package, its parts, and a package that is missing or damaged."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest

from seqmodels.data.questions import read_easy_vqa
from seqmodels.errors import DataError, OptionError


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of that name with three pictures; imports find it first."""
    data = tmp_path / "easy_vqa" / "data"
    for part in ("train", "test"):
        (data / part / "images").mkdir(parents=True)
        for number in (0, 1, 9):
            (data / part / "images" / f"{number}.png").touch()
        records = [["what is it?", "circle", 0], ["is it red?", "no", 9], ["what color is it?", "teal", 1]]
        (data / part / "questions.json").write_text(json.dumps(records))
    (tmp_path / "easy_vqa" / "__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.delitem(sys.modules, "easy_vqa", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    return data


def test_every_tenth_training_picture_is_validation(package):
    found = read_easy_vqa()
    assert [(one.key, one.image, one.split) for one in found] == [
        ("train/0", "train/0", "train"),
        ("train/1", "train/9", "validation"),
        ("train/2", "train/1", "train"),
        ("test/0", "test/0", "test"),
        ("test/1", "test/9", "test"),
        ("test/2", "test/1", "test"),
    ]
    assert [(one.answers, one.answer_type, one.question_type) for one in found[:3]] == [
        (("circle",), "other", "shape"),
        (("no",), "yes/no", "presence"),
        (("teal",), "other", "color"),
    ]
    assert [Path(one.path) for one in found[:2]] == [package / "train/images/0.png", package / "train/images/9.png"]


@pytest.mark.parametrize(
    ("content", "part"),
    [
        ("[", "ends too early"),
        ("{}", "is no list of questions"),
        ("[]", "is no list of questions"),
        ('[["a", "b", 0], ["a", "b"]]', "record 1 is list, not [question, answer, number of the image]"),
        ('[["a", "b", "0"]]', "record 0"),
        ('[["a", "", 0]]', "record 0"),
        (
            '[["a", "b", 5]]',
            "record 0",
        ),
    ],
)
def test_a_damaged_package_is_one_line(package, one_line, content, part):
    (package / "train" / "questions.json").write_text(content)
    with one_line(DataError, "questions.json", part):
        read_easy_vqa()


def test_a_missing_package_is_one_line(monkeypatch, one_line):
    monkeypatch.setitem(sys.modules, "easy_vqa", None)
    with one_line(OptionError, "easy-VQA", "pip install 'seqmodels[easy-vqa]'"):
        read_easy_vqa()


def test_the_real_package_is_read():
    pytest.importorskip("easy_vqa")
    found = read_easy_vqa()
    assert Counter(one.split for one in found) == {"train": 34683, "validation": 3892, "test": 9673}
    images = {split: {one.image for one in found if one.split == split} for split in ("train", "validation", "test")}
    assert [len(keys) for keys in images.values()] == [3600, 400, 1000]
    assert not images["train"] & images["validation"]
    assert len({one.key for one in found}) == len(found)
    assert Path(found[0].path).read_bytes().startswith(b"\x89PNG")
