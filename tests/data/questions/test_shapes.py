"""SHAPES: questions and pictures, mapped into memory, and what is wrong with a file."""

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmodels.data.questions import ImageArrays, read_shapes
from seqmodels.errors import DataError, InputError, SeqmodelsError

SHARED = Path(os.environ.get("SEQMODELS_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
SHAPES = SHARED / "shapes"


def pictures(count=3):
    return np.random.default_rng(0).integers(0, 256, (count, 30, 30, 3), np.uint8)


def written(folder, name="val", count=3, ending=".query_str.txt", question="is a red shape left of a circle"):
    np.save(folder / f"{name}.input.npy", pictures(count))
    (folder / f"{name}{ending}").write_text(f"{question}\n" * count)
    (folder / f"{name}.output").write_text("true\nfalse\ntrue\nfalse\n"[: 5 * count + count // 2])
    return folder


def test_questions_answers_and_pictures_belong_together(tmp_path):
    found, images = read_shapes(written(tmp_path)), ImageArrays(tmp_path)
    assert [one.key for one in found] == [one.image for one in found] == ["val/0", "val/1", "val/2"]
    assert [one.answers for one in found] == [("true",), ("false",), ("true",)]
    assert {(one.split, one.path, one.answer_type) for one in found} == {("validation", None, "yes/no")}
    for one, picture in zip(found, pictures(), strict=True):
        assert np.array_equal(images[one.image], picture[..., ::-1])  # the files are in blue, green, red


def test_formal_queries_are_kept_as_text(tmp_path):
    found = read_shapes(written(tmp_path, ending=".query", question="(is red (above circle))"))
    assert {one.question for one in found} == {"(is red (above circle))"}


def test_of_nested_training_sets_the_largest_is_read_once(tmp_path):
    written(tmp_path, "train.tiny", 1)
    written(tmp_path, "train.small", 3)
    written(tmp_path, "test", 2)
    found = read_shapes(tmp_path)
    assert [one.key for one in found] == ["train.small/0", "train.small/1", "train.small/2", "test/0", "test/1"]
    assert [one.split for one in found] == ["train"] * 3 + ["test"] * 2


def test_image_arrays_are_a_collection_of_keys(tmp_path):
    written(tmp_path, "val", 2)
    images = ImageArrays(written(tmp_path, "test", 1))
    assert list(images) == ["test/0", "val/0", "val/1"]
    assert len(images) == 3
    assert all(key in images for key in images)
    assert not any(key in images for key in ("val/2", "val/-1", "val/01", "val/", "val", "../val/0", "x/0", 0))


def test_a_picture_is_a_copy_of_its_own(tmp_path):
    images = ImageArrays(written(tmp_path))
    images["val/0"][:] = 0
    assert np.array_equal(images["val/0"], pictures()[0][..., ::-1])
    assert images["val/0"].flags["C_CONTIGUOUS"]


def test_files_are_mapped_and_go_to_other_processes_by_name(tmp_path):
    images = ImageArrays(written(tmp_path))
    assert isinstance(images.file("val"), np.memmap)
    content = pickle.dumps(images)
    assert len(content) < 1000
    assert np.array_equal(pickle.loads(content)["val/1"], images["val/1"])


@pytest.mark.parametrize(
    "key", ["val/3", "val/-1", "val/00", "val/1.0", "val", "../val/0", "/val/0", "val/²", "", "no/0"]
)
def test_keys_of_no_picture_are_one_line(tmp_path, one_line, key):
    images = ImageArrays(written(tmp_path))
    with one_line(InputError, repr(key), "keys are as 'val/0'"):
        images[key]


@pytest.mark.parametrize(
    ("ending", "content", "parts"),
    [
        (".output", b"true\nfalse\n", ["val.output", "2 lines for 3 pictures"]),
        (".output", b"true\nfalse\nyes\n", ["val.output, line 3", "'yes'", "write true or false"]),
        (".output", b"", ["val.output", "no text"]),
        (".query_str.txt", b"a\n\nb\n", ["val.query_str.txt, line 2", "empty"]),
        (".query_str.txt", b"a\nb\nc\nd\n", ["4 lines for 3 pictures"]),
        (".query_str.txt", b"a\nb\n\xff\n", ["val.query_str.txt, line 3", "not UTF-8"]),
        (".input.npy", b"", ["val.input.npy", "can't be read"]),
        (".input.npy", b"\x93NUMPY\x01\x00", ["val.input.npy", "can't be read"]),
        (".input.npy", pickle.dumps([1]), ["val.input.npy", "can't be read"]),
    ],
)
def test_what_is_wrong_with_a_set(tmp_path, one_line, ending, content, parts):
    (written(tmp_path) / f"val{ending}").write_bytes(content)
    with one_line(DataError, *parts):
        read_shapes(tmp_path)


@pytest.mark.parametrize(
    ("array", "part"),
    [
        (np.zeros((3, 30, 30, 3)), "float64 [3, 30, 30, 3]; it must be uint8"),
        (np.zeros((3, 30, 30), np.uint8), "uint8 [3, 30, 30]"),
        (np.zeros((3, 3, 30, 30), np.uint8), "uint8 [3, 3, 30, 30]"),
        (np.array([{}, {}]), "can't be read"),
    ],
)
def test_arrays_of_another_kind_are_refused(tmp_path, one_line, array, part):
    np.save(written(tmp_path) / "val.input.npy", array, allow_pickle=True)
    with one_line(DataError, "val.input.npy", part):
        read_shapes(tmp_path)


def test_a_truncated_array_is_refused(tmp_path, one_line):
    path = written(tmp_path) / "val.input.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with one_line(DataError, "val.input.npy", "can't be read"):
        read_shapes(tmp_path)


def test_missing_files_are_one_line(tmp_path, one_line):
    with one_line(DataError, str(tmp_path / "no"), "can't be listed"):
        read_shapes(tmp_path / "no")
    with one_line(DataError, str(tmp_path), "has no files such as val.input.npy"):
        read_shapes(tmp_path)
    np.save(tmp_path / "own.input.npy", pictures())
    with one_line(DataError, "has none of the sets train, "):
        read_shapes(tmp_path)
    np.save(tmp_path / "val.input.npy", pictures())
    with one_line(DataError, "val.query_str.txt", "no such file"):
        read_shapes(tmp_path)


@given(
    ending=st.sampled_from([".input.npy", ".output", ".query_str.txt"]),
    changes=st.lists(st.tuples(st.integers(0, 130), st.integers(0, 255)), max_size=3),
    cut=st.integers(0, 3),
)
@settings(max_examples=150)
@pytest.mark.filterwarnings("ignore")  # NumPy's, of damaged headers
def test_any_damage_is_a_result_or_one_line(tmp_path_factory, ending, changes, cut):
    folder = written(tmp_path_factory.mktemp("shapes"))
    path = folder / f"val{ending}"
    content = bytearray(path.read_bytes())
    for at, byte in changes:
        content[at % len(content)] = byte
    path.write_bytes(content[: len(content) - cut])
    message = ""
    try:
        images = ImageArrays(folder)
        assert all(images[one.image].shape[-1] == 3 and one.question for one in read_shapes(folder))
    except SeqmodelsError as error:
        message = str(error)
    assert "\n" not in message


@pytest.mark.skipif(not SHAPES.exists(), reason="needs shared/data/shapes beside the project")
def test_in_the_real_files_what_is_asked_for_is_in_the_picture():
    """Where "is a red shape ..." is true, there is red: so the order of the colours is right."""
    images = ImageArrays(SHAPES)
    found = [one for one in read_shapes(SHAPES) if one.split == "validation" and one.answers == ("true",)]
    for number, color in enumerate(("red", "green", "blue")):
        asked = [images[one.image].astype(int) for one in found if color in one.question.split()]
        assert len(asked) > 50
        rest = [number - 1, number - 2]
        assert all((picture[..., number] - picture[..., rest].max(-1)).max() > 100 for picture in asked)
