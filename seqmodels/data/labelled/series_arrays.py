"""Series in NumPy's files."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seqmodels.data.bad_records import BadRecords
from seqmodels.data.csv_rows import csv_rows
from seqmodels.data.labelled.plain_arrays import load_array
from seqmodels.data.labelled.records import LabelledSeries
from seqmodels.data.text_file import read_text
from seqmodels.errors import DataError


def read_arrays(x_path: str, y_path: str, bad: BadRecords) -> Iterator[LabelledSeries]:
    """The series X [N, T, I], [N, T] (one dimension) or N arrays of [T, I], with y.

    Classes y are texts or whole numbers: [N], or one for each step, [N, T] or N arrays of [T].

    Args:
        x_path: A ``.npy`` file, or a ``.npz`` file that has X.
        y_path: The same for y.
        bad: Where bad records are counted.

    Raises:
        DataError: A file can't be read, or the two don't go together.
    """
    series, classes = load_array(x_path, "X"), load_array(y_path, "y")
    if series.ndim == 0 or classes.ndim == 0 or len(series) != len(classes):
        shapes = f"X is {list(series.shape)}, y is {list(classes.shape)}"
        raise DataError(f"{x_path}: {shapes}; they must have the same number of records, N")
    for number, (values, label) in enumerate(zip(series, classes, strict=True)):
        where = f"{x_path}, X[{number}]"
        try:
            yield LabelledSeries(_label(label), _steps(values), where)
        except ValueError as error:
            bad.add(where, str(error))


def read_folder(path: str, bad: BadRecords) -> Iterator[LabelledSeries]:
    """The series of a table with the columns file and label; each file is a ``.npy`` of [T, I] beside the table.

    Args:
        path: The table, a ``.csv`` file.
        bad: Where bad records are counted.

    Raises:
        DataError: The table can't be read, or lacks a column.
    """
    rows = csv_rows(read_text(path))
    try:
        header = [name.strip() for name in next(rows, [])]
        if missing := {"file", "label"} - set(header):
            raise DataError(f"{path}, line 1: there is no column {min(missing)!r}; name the columns file and label")
        for row in rows:
            where = f"{path}, line {rows.line_num}"
            if not row:
                continue
            if len(row) != len(header):
                bad.add(where, f"{len(row)} columns rather than {len(header)}")
                continue
            file = Path(path).parent / row[header.index("file")].strip()
            try:
                values = _steps(load_array(str(file), "X"))
            except (ValueError, DataError) as error:
                bad.add(where, str(error))
                continue
            yield LabelledSeries(row[header.index("label")].strip(), values, where)
    except csv.Error as error:
        raise DataError(f"{path}, line {rows.line_num}: is no CSV ({error}); check the quotes there") from None


def _steps(values: Any) -> np.ndarray:
    """[T, I] of what is [T] or [T, I]."""
    array = np.asarray(values)
    if array.ndim not in (1, 2) or array.dtype.kind not in "biuf":
        raise ValueError(f"is {array.dtype} {list(array.shape)}; each series must be numbers of [steps, dimensions]")
    return (array[:, None] if array.ndim == 1 else array).astype(np.float32)


def _label(value: Any) -> str | tuple[str, ...]:
    if np.ndim(value) == 0:
        return _name(value)
    return tuple(_name(each) for each in np.asarray(value).reshape(-1))


def _name(value: Any) -> str:
    """Of a class: a text, or a whole number as one."""
    if isinstance(value, np.ndarray):
        value = value.item()
    if isinstance(value, str):
        return value.strip()
    number = float(value) if isinstance(value, int | float | np.number | np.bool_) else float("nan")
    if not number.is_integer():
        raise ValueError(f"its class is {value!r}; it must be a text or a whole number")
    return str(int(number))
