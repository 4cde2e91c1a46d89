"""Piano rolls: MATLAB files, pickles that can't do anything, and what is wrong with a file."""

import os
import pickle

import numpy as np
import pytest
import shared_data
from scipy.io import savemat

from seqmodels.data.piano_rolls import read_piano_rolls
from seqmodels.errors import DataError

JSB = shared_data.FOLDER / "jsb_chorales" / "JSB_Chorales.mat"
PIECES = {"train": [[[60, 64, 67], [], [21, 108]], [[62]]], "valid": [[[50]]], "test": [[[], [70]]]}


def rolls(pieces):
    """The same by hand."""
    return [np.array([[note + 21 in frame for note in range(88)] for frame in piece], np.uint8) for piece in pieces]


def cells(arrays):
    """A MATLAB cell array."""
    found = np.empty((1, len(arrays)), dtype=object)
    for number, array in enumerate(arrays):
        found[0, number] = array
    return found


def matlab(path, **changes):
    parts = {"traindata": PIECES["train"], "validdata": PIECES["valid"], "testdata": PIECES["test"]}
    savemat(path, {name: cells(rolls(pieces)) for name, pieces in parts.items()} | changes)
    return path


def written(path, value, protocol=2):
    path.write_bytes(pickle.dumps(value, protocol))
    return path


def same(left, right):
    return len(left) == len(right) and all(np.array_equal(a, b) for a, b in zip(left, right, strict=True))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_of_any_protocol_are_read(tmp_path, protocol):
    found = read_piano_rolls(written(tmp_path / "music.pickle", PIECES, protocol))
    assert list(found) == ["train", "validation", "test"]
    for part, pieces in zip(found.values(), PIECES.values(), strict=True):
        assert same(part, rolls(pieces))
        assert all(roll.dtype == np.uint8 for roll in part)


def test_pickles_of_python_2_and_tuples_are_read(tmp_path):
    """Its strings are bytes, which Python 3 must be told to take for text."""
    path = tmp_path / "JSB Chorales.pickle"
    path.write_bytes(
        b"(dp0\nS'test'\np1\n(lp2\n(lp3\n(I60\nI64\ntp4\naasS'train'\np5\n(lp6\n(lp7\n(I62\ntp8\naasS'valid'\np9\n"
        b"(lp10\n(lp11\n(tp12\naas."
    )
    found = read_piano_rolls(path)
    assert same(found["test"], rolls([[[60, 64]]]))
    assert same(found["train"], rolls([[[62]]]))
    assert same(found["validation"], rolls([[[]]]))


def test_matlab_files_are_read(tmp_path):
    found = read_piano_rolls(matlab(tmp_path / "music.mat"))
    for part, pieces in zip(found.values(), PIECES.values(), strict=True):
        assert same(part, rolls(pieces))


def test_sequences_without_frames_are_left_out(tmp_path):
    found = read_piano_rolls(written(tmp_path / "music.pickle", PIECES | {"train": [[], [[60]], []]}))
    assert same(found["train"], rolls([[[60]]]))


@shared_data.needs("jsb_chorales")
def test_the_chorales_are_read():
    found = read_piano_rolls(JSB)
    assert [len(part) for part in found.values()] == [229, 76, 77]
    frames = np.concatenate(found["train"])
    assert 3 < frames.sum(1).mean() < 4.1  # four voices, sometimes on one key


class Hostile:
    """Runs a function when unpickled."""

    def __init__(self, function, *arguments):
        self.call = (function, arguments)

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("function", [os.mkdir, eval, getattr, len], ids=lambda function: function.__name__)
def test_a_pickle_runs_nothing(tmp_path, monkeypatch, one_line, function, protocol):
    monkeypatch.chdir(tmp_path)
    arguments = {"mkdir": ("pwned",), "eval": ("__import__('os').mkdir('pwned')",), "getattr": ("a", "upper")}
    hostile = Hostile(function, *arguments.get(function.__name__, ("pwned",)))
    path = written(tmp_path / "music.pickle", PIECES | {"train": [[hostile]]}, protocol)
    with one_line(DataError, str(path), "it asks for", function.__name__):
        read_piano_rolls(path)
    assert not (tmp_path / "pwned").exists()


def test_arrays_in_a_pickle_are_refused(tmp_path, one_line):
    """Unpickling an array may run code: object arrays hold pickles themselves."""
    path = written(tmp_path / "music.pickle", PIECES | {"train": [np.zeros((3, 88))]})
    with one_line(DataError, str(path), "it asks for numpy"):
        read_piano_rolls(path)


@pytest.mark.parametrize(
    ("value", "part"),
    [
        ([1, 2], "has no 'train'"),
        ({"train": [[[60]]]}, "has no 'valid'"),
        (PIECES | {"test": []}, "test has no sequences"),
        (PIECES | {"test": [[]]}, "test has no sequences"),
        (PIECES | {"test": "abc"}, "test is no list"),
        (PIECES | {"test": [[[60]], 7]}, "test, sequence 1 is int"),
        (PIECES | {"test": [[[60], 60]]}, "test, sequence 0, frame 1 is int"),
        (PIECES | {"valid": [[[60], [20]]]}, "valid, sequence 0, frame 1 has the note 20; use MIDI numbers from 21"),
        (PIECES | {"valid": [[[109]]]}, "note 109"),
        (PIECES | {"valid": [[[60.0]]]}, "note 60.0"),
        (PIECES | {"valid": [[[True]]]}, "note True"),
    ],
)
def test_what_is_wrong_with_a_pickle(tmp_path, one_line, value, part):
    path = written(tmp_path / "music.pickle", value)
    with one_line(DataError, str(path), part):
        read_piano_rolls(path)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"testdata": np.zeros((5, 88))}, "testdata is no list of sequences"),
        ({"testdata": cells([np.zeros((5, 87))])}, "testdata, sequence 0 is [5, 87]; each must be [frames, 88]"),
        ({"testdata": cells([np.eye(88), np.full((5, 88), 2)])}, "sequence 1 has other values than 0 and 1"),
        ({"testdata": cells([np.full((5, 88), np.nan)])}, "sequence 0 has other values than 0 and 1"),
    ],
)
def test_what_is_wrong_with_a_matlab_file(tmp_path, one_line, changes, part):
    path = matlab(tmp_path / "music.mat", **changes)
    with one_line(DataError, str(path), part):
        read_piano_rolls(path)


@pytest.mark.parametrize("name", ["music.mat", "music.pickle"])
@pytest.mark.parametrize("content", [b"", b"nothing of the kind\n", b"\x80\x04\x95", b"MATLAB 5.0 MAT-file" * 9])
def test_damaged_files_are_one_line(tmp_path, one_line, name, content):
    path = tmp_path / name
    path.write_bytes(content)
    with one_line(DataError, str(path), "can't be read"):
        read_piano_rolls(path)


@pytest.mark.parametrize("name", ["no.mat", "no.pickle"])
def test_missing_files_are_one_line(tmp_path, one_line, name):
    with one_line(DataError, str(tmp_path / name), "no such file"):
        read_piano_rolls(tmp_path / name)
