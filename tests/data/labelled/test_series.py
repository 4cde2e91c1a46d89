"""Series in .ts files, NumPy's files and folders, and what these can have wrong."""

import numpy as np
import pytest

from seqmodels.data.labelled import read_labelled_series
from seqmodels.data.labelled.plain_arrays import load_array
from seqmodels.errors import DataError

HEADER = (
    "#two\n@problemName Two\n@timeStamps false\n@univariate false\n@dimensions 2\n@classLabel true up Down\n@data\n"
)


@pytest.fixture
def ts(tmp_path):
    def write(text):
        path = tmp_path / "two.ts"
        path.write_text(text)
        return str(path)

    return write


def test_a_ts_file_has_a_series_a_line(ts):
    path = ts(HEADER + "1,2,3:4,-5.5,6e1:up\n\n 3 , 2:6,5:Down\n")
    first, second = read_labelled_series(path)
    assert (first.label, second.label) == ("up", "Down")
    assert first.values.dtype == np.float32
    np.testing.assert_array_equal(first.values, [[1, 4], [2, -5.5], [3, 60]])
    np.testing.assert_array_equal(second.values, [[3, 6], [2, 5]])
    assert second.where == f"{path}, line 10"


def test_a_univariate_file_needs_no_number_of_dimensions(ts):
    (only,) = read_labelled_series(ts("@univariate true\n@classLabel true 1 2\n@data\n1,2,3:2\n"))
    assert (only.label, only.values.tolist()) == ("2", [[1], [2], [3]])


def test_missing_values_repeat_the_one_before_them(ts):
    (only,) = read_labelled_series(ts(HEADER + "?,1,?,2:NaN,NaN,5,?:up\n"), fill_missing=True)
    assert only.values.T.tolist() == [[1, 1, 1, 2], [5, 5, 5, 5]]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (HEADER + "1,2:3,4:up\n1,2:3:up\n", ["two.ts, line 9", "dimensions have 2, 1 steps"]),
        (HEADER + "1,2:3,4\n", ["two.ts, line 8", "has 1 dimensions and a class", "header says 2"]),
        (HEADER + "1,2:3,4:5,6:up\n", ["two.ts, line 8", "has 3 dimensions", "header says 2"]),
        (HEADER + "1,2:3,4:\n", ["two.ts, line 8", "no class after the last colon"]),
        (HEADER + "1,2:3,4:down\n", ["two.ts, line 8", "'down' is not in the header's @classLabel"]),
        (HEADER + "1,2:3,four:up\n", ["two.ts, line 8", "'four' is no number"]),
        (HEADER + "1,2:3,:up\n", ["two.ts, line 8", "'' is no number"]),
        (HEADER + "::up\n", ["two.ts, line 8", "has no steps"]),
        (HEADER + "1,?:3,4:up\n", ["two.ts, line 8", "step 2 of dimension 1 is missing", "fill_missing"]),
        (HEADER + "1,2:inf,4:up\n", ["two.ts, line 8", "step 1 of dimension 2 is infinite"]),
        (HEADER, ["two.ts", "has no series"]),
        ("@classLabel true a b\n@data\n1:2:a\n1:a\n", ["two.ts, line 4", "has 1 dimensions, where the first has 2"]),
        ("@classLabel true a b\n@data\n1,2\n", ["two.ts, line 3", "no colon, so no class"]),
        ("1,2:3,4:up\n", ["two.ts, line 1", "begins with no @"]),
        ("@problemName Two\n", ["two.ts", "no line @data"]),
        ("@classLabel false\n@data\n1,2\n", ["two.ts, line 1", "has no classes"]),
        ("@targetlabel true\n@data\n1,2:0.5\n", ["two.ts, line 1", "has no classes"]),
        ("@timestamps true\n@data\n(1,2):a\n", ["two.ts, line 1", "time stamps"]),
        ("@dimensions two\n@data\n1:a\n", ["two.ts, line 1", "number of dimensions is 'two'"]),
    ],
)
def test_a_fault_names_file_and_line(content, parts, ts, one_line):
    path = ts(content)
    with one_line(DataError, *parts):
        read_labelled_series(path)


def test_bad_series_up_to_max_bad_are_left_out(ts):
    path = ts(HEADER + "1,2:3,4:\n1:2:up\n")
    with pytest.warns(UserWarning, match="1 bad record was skipped, the first: .*two.ts, line 8"):
        assert [series.label for series in read_labelled_series(path, max_bad=1)] == ["up"]


# --- NumPy's files ------------------------------------------------------------------------------------------------


def ragged(*arrays):
    found = np.empty(len(arrays), dtype=object)
    found[:] = arrays
    return found


@pytest.mark.parametrize(
    ("x", "y", "labels", "shapes"),
    [
        (np.zeros((2, 3, 4)), np.array([0, 10]), ["0", "10"], [(3, 4), (3, 4)]),
        (np.zeros((2, 3), np.int16), np.array(["up", "down"]), ["up", "down"], [(3, 1), (3, 1)]),
        (ragged(np.zeros((2, 4)), np.zeros((3, 4))), ragged("a", "b"), ["a", "b"], [(2, 4), (3, 4)]),
        (np.zeros((2, 2, 1)), np.array([[1.0, 2.0], [3.0, 4.0]]), [("1", "2"), ("3", "4")], [(2, 1), (2, 1)]),
        (
            ragged(np.zeros(2), np.zeros(1)),
            ragged(np.array([1, 2]), np.array([3])),
            [("1", "2"), ("3",)],
            [(2, 1), (1, 1)],
        ),
    ],
)
def test_arrays_of_any_shape_in_one_file_or_two(x, y, labels, shapes, tmp_path):
    np.savez_compressed(tmp_path / "all.npz", x=x, y=y)
    np.save(tmp_path / "X.npy", x, allow_pickle=True)
    np.save(tmp_path / "y.npy", y, allow_pickle=True)
    for path in (tmp_path / "all.npz", tmp_path):
        found = read_labelled_series(str(path))
        assert [series.label for series in found] == labels
        assert [series.values.shape for series in found] == shapes


@pytest.mark.parametrize(
    ("x", "y", "parts"),
    [
        (np.zeros((2, 3, 4)), np.array([0, 1, 2]), ["X is [2, 3, 4], y is [3]", "the same number"]),
        (np.zeros((2, 3, 4)), np.array([0, 0.5]), ["all.npz, X[1]", "0.5", "a text or a whole number"]),
        (np.zeros((2, 3, 4)), np.zeros((2, 2), int), ["all.npz, X[0]", "has 2 classes for 3 steps"]),
        (np.full((1, 2, 1), np.nan), np.array(["a"]), ["all.npz, X[0]", "step 1 of dimension 1 is missing"]),
        (np.zeros((1, 2, 1)), np.array([""]), ["all.npz, X[0]", "has no class"]),
        (np.zeros((1, 2, 1, 1)), np.array([1]), ["all.npz, X[0]", "[steps, dimensions]"]),
        (np.array([["a"]]), np.array([1]), ["all.npz, X[0]", "each series must be numbers"]),
    ],
)
def test_faults_of_arrays(x, y, parts, tmp_path, one_line):
    np.savez(tmp_path / "all.npz", X=x, y=y)
    with one_line(DataError, *parts):
        read_labelled_series(str(tmp_path / "all.npz"))


def test_an_array_that_would_run_something_is_refused(tmp_path, one_line):
    class Run:
        def __reduce__(self):
            return len, ("run",)

    np.savez(tmp_path / "bad.npz", X=ragged(Run()), y=np.array([1]))
    with one_line(DataError, "bad.npz", "it asks for builtins.len"):
        read_labelled_series(str(tmp_path / "bad.npz"))


def test_damaged_and_missing_arrays_are_one_line(tmp_path, one_line):
    np.savez(tmp_path / "only.npz", X=np.zeros((1, 1)))
    with one_line(DataError, "only.npz", "has no array y, only X"):
        read_labelled_series(str(tmp_path / "only.npz"))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "only.npz").read_bytes()[:60])
    with one_line(DataError, "cut.npz", "can't be read"):
        load_array(str(tmp_path / "cut.npz"), "X")
    with one_line(DataError, "no.npy", "no such file"):
        load_array(str(tmp_path / "no.npy"), "X")
    with one_line(DataError, "this is no file of series", "labels.csv"):
        read_labelled_series(str(tmp_path / "series.txt"))


# --- a folder of files --------------------------------------------------------------------------------------------


def test_a_table_names_the_file_and_the_class_of_each_series(tmp_path):
    np.save(tmp_path / "a.npy", np.ones((3, 2)))
    np.save(tmp_path / "b.npy", np.ones((1, 2)))
    (tmp_path / "labels.csv").write_text("label,file\nrun,a.npy\n\nwalk,b.npy\n")
    for path in (tmp_path, tmp_path / "labels.csv"):
        found = read_labelled_series(str(path))
        assert [(series.label, series.values.shape) for series in found] == [("run", (3, 2)), ("walk", (1, 2))]


@pytest.mark.parametrize(
    ("table", "parts"),
    [
        ("file,class\na.npy,run\n", ["labels.csv, line 1", "no column 'label'"]),
        ("file,label\na.npy\n", ["labels.csv, line 2", "1 columns rather than 2"]),
        ("file,label\nno.npy,run\n", ["labels.csv, line 2", "no such file"]),
        ("file,label\na.npy,\n", ["labels.csv, line 2", "has no class"]),
        ('file,label\n"a.npy,run\n', ["labels.csv, line 2", "is no CSV"]),
    ],
)
def test_faults_of_a_table(table, parts, tmp_path, one_line):
    np.save(tmp_path / "a.npy", np.ones((3, 2)))
    (tmp_path / "labels.csv").write_text(table)
    with one_line(DataError, *parts):
        read_labelled_series(str(tmp_path))
