"""The ``.ts`` files of the UEA and UCR archives of time series."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from seqmodels.data.bad_records import BadRecords, shown
from seqmodels.data.labelled.records import LabelledSeries
from seqmodels.data.text_file import read_text
from seqmodels.errors import DataError

_MISSING = ("?", "NaN", "nan")


def read_ts(path: str, bad: BadRecords) -> Iterator[LabelledSeries]:
    """A record a line: values with commas between, colons between dimensions, and the class after the last colon.

    The header's ``@classLabel true`` lists the classes, ``@dimensions`` their number; both may be left out. Missing
    values, ``?``, become NaN. Files with time stamps or with target values instead of classes are not read.

    Args:
        path: The file.
        bad: Where bad lines are counted.

    Raises:
        DataError: The file can't be read, or its header says that it holds something else.

    Source: aeon-toolkit.org, ".ts File Format"; Bagnall et al. 2018, "The UEA multivariate time series classification
    archive".
    """
    lines = read_text(path).split("\n")
    header = _header(lines, path)
    for number, line in enumerate(lines[header.length :], header.length + 1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        *dimensions, label = (part.strip() for part in line.split(":"))
        if fault := _fault(header, dimensions, label):
            bad.add(where, fault)
            continue
        try:
            columns = [_numbers(values) for values in dimensions]
        except ValueError as error:
            bad.add(where, str(error))
            continue
        if len({len(column) for column in columns}) > 1:
            lengths = ", ".join(str(len(column)) for column in columns[:12])
            bad.add(where, f"its dimensions have {lengths} steps; they must all have the same number")
        else:
            yield LabelledSeries(label, np.stack(columns, 1), where)


class _Header(NamedTuple):
    length: int
    """Lines up to @data and with it."""
    dimensions: int | None
    classes: set[str]


def _header(lines: list[str], path: str) -> _Header:
    dimensions: int | None = None
    classes: set[str] = set()
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        name, value = words[0].lower(), words[1].lower() if len(words) > 1 else ""
        where = f"{path}, line {number}"
        if not name.startswith("@"):
            raise DataError(f"{where}: {line[:60]!r} begins with no @, and @data is to come; give a .ts file")
        if name == "@data":
            return _Header(number, dimensions, classes)
        if name == "@timestamps" and value == "true":
            raise DataError(f"{where}: series with time stamps are not read; write the values alone, one a step")
        if (name, value) in (("@targetlabel", "true"), ("@classlabel", "false")):
            raise DataError(f"{where}: the file has no classes; give one with @classLabel true and their names")
        if name in ("@dimensions", "@dimension"):
            if not value.isdecimal() or int(value) < 1:
                raise DataError(f"{where}: the number of dimensions is {value!r}; write 1 or more")
            dimensions = int(value)
        elif (name, value) == ("@univariate", "true"):
            dimensions = 1
        elif name == "@classlabel":
            classes = set(words[2:])
    raise DataError(f"{path}: there is no line @data; give a .ts file")


def _fault(header: _Header, dimensions: list[str], label: str) -> str:
    if not dimensions:
        return "there is no colon, so no class"
    if header.dimensions is not None and len(dimensions) != header.dimensions:
        return f"has {len(dimensions)} dimensions and a class after a colon each; the header says {header.dimensions}"
    if not label:
        return "there is no class after the last colon"
    if header.classes and label not in header.classes:
        return f"the class {shown(label)} is not in the header's @classLabel"
    return ""


def _numbers(values: str) -> np.ndarray:
    texts = ["nan" if (text := value.strip()) in _MISSING else text for value in values.split(",")] if values else []
    try:
        return np.array(texts, dtype=np.float64).astype(np.float32)
    except ValueError:
        wrong = next(text for text in texts if not _is_number(text))
        raise ValueError(f"{shown(wrong)} is no number") from None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
