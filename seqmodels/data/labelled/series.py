"""``read_labelled_series``: recognises what people have, hands it to its reader, and checks what comes back."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from seqmodels.data.bad_records import BadRecords
from seqmodels.data.labelled.records import LabelledSeries
from seqmodels.errors import DataError

_MISSING = "is missing"
_HINT = "give a .ts, .npz or .csv file, or a folder with X.npy and y.npy or with labels.csv"


def read_labelled_series(path: str, fill_missing: bool = False, max_bad: int | None = 0) -> list[LabelledSeries]:
    """Series of any length with a class each, or one for each step, from the files in which they are passed on.

    - ``.ts``: the UEA and UCR archives in the form of sktime and aeon; see ``read_ts``.
    - ``.npz`` with X and y, or a folder with ``X.npy`` and ``y.npy``; see ``read_arrays``.
    - ``.csv`` with the columns file and label, or a folder with that as ``labels.csv``: each file is a ``.npy`` of
      [T, I] beside it, such as features of a video's frames.

    Args:
        path: The file or folder.
        fill_missing: A missing value becomes the one before it, at the start the first that is known. False: its
            record is bad.
        max_bad: How many bad records are skipped, with one warning: without class or steps, with a missing or infinite
            value, with other dimensions than the first. None: none, and messages tell of no options of data.

    Raises:
        DataError: A file is missing, damaged or something else; there are more bad records, or no good one.
        OptionError: ``max_bad`` is no number of records.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "two.ts"
        >>> _ = path.write_text("@classLabel true up down\\n@data\\n1,2,3:4,5,6:up\\n3,2:6,5:down\\n")
        >>> [(series.label, series.values.shape) for series in read_labelled_series(str(path))]
        [('up', (3, 2)), ('down', (2, 2))]
    """
    bad = BadRecords(max_bad)
    found = list(_clean(_read(path, bad), fill_missing, bad))
    if not found:
        raise DataError(f"{path}: has no series with a class; check the file")
    bad.warn()
    return found


def _read(path: str, bad: BadRecords) -> Iterable[LabelledSeries]:
    from seqmodels.data.labelled import series_arrays, ts_file

    place = Path(path)
    if place.is_dir():
        if (place / "X.npy").exists():
            return series_arrays.read_arrays(str(place / "X.npy"), str(place / "y.npy"), bad)
        return series_arrays.read_folder(str(place / "labels.csv"), bad)
    if place.suffix == ".csv":
        return series_arrays.read_folder(path, bad)
    if place.suffix == ".npz":
        return series_arrays.read_arrays(path, path, bad)
    if place.suffix == ".ts":
        return ts_file.read_ts(path, bad)
    raise DataError(f"{path}: this is no file of series; {_HINT}")


def _clean(found: Iterable[LabelledSeries], fill_missing: bool, bad: BadRecords) -> Iterator[LabelledSeries]:
    dimensions = 0
    for record in found:
        values = _filled(record.values) if fill_missing else record.values
        dimensions = dimensions or values.shape[1]
        if fault := _fault(values, record.label, dimensions):
            fillable = bad.max_bad is not None and fault.endswith(_MISSING)
            bad.add(record.where, fault + " (--data.fill_missing true repeats the value before it)" * fillable)
        else:
            yield record._replace(values=values)


def _fault(values: np.ndarray, label: str | tuple[str, ...], dimensions: int) -> str:
    """What is wrong with a series; empty: nothing."""
    if not values.size:
        return "has no steps"
    if values.shape[1] != dimensions:
        return f"has {values.shape[1]} dimensions, where the first has {dimensions}"
    if isinstance(label, tuple) and len(label) != len(values):
        return f"has {len(label)} classes for {len(values)} steps"
    if not all([label] if isinstance(label, str) else label):
        return "has no class"
    wrong = np.argwhere(~np.isfinite(values))
    if not len(wrong):
        return ""
    step, dimension = wrong[0]
    if np.isnan(values[step, dimension]):
        return f"step {step + 1} of dimension {dimension + 1} {_MISSING}"
    return f"step {step + 1} of dimension {dimension + 1} is infinite"


def _filled(values: np.ndarray) -> np.ndarray:
    """Missing values as the one before, in each dimension."""
    known = ~np.isnan(values)
    steps = np.arange(len(values))[:, None]
    last = np.maximum.accumulate(np.where(known, steps, -1), axis=0)
    first = known.argmax(axis=0) if len(values) else 0
    return np.take_along_axis(values, np.where(last < 0, first, last), axis=0)
