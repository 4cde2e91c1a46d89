"""The formats of ``read_features``. Each has ``keys``, key -> place, and ``read``, which gives the array at a place."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

_WHOLE = "features"  # one array of all records
_KEYS = ("keys", "ids")
_HEADER = b"\x93NUMPY"


class FormatError(ValueError):
    """What is wrong with a file, without its name."""


class NumpyFile:
    """One array [N, ...]; the keys are in a file beside it, or the row numbers."""

    def __init__(self, path: Path) -> None:
        self.array = _load_numpy(path)
        if self.array.ndim < 2:
            raise FormatError(f"is {list(self.array.shape)}; it must be [pictures, features]")
        self.keys = _rows(_keys_beside(path) or [str(row) for row in range(len(self.array))], len(self.array))

    def read(self, place: int) -> np.ndarray:
        """A row."""
        return self.array[place]


class NumpyArchive:
    """Arrays by name."""

    def __init__(self, path: Path) -> None:
        self.file = np.load(path, allow_pickle=False)
        self.keys: dict[str, Any] = {name: name for name in self.file.files}
        self.array = None
        names = next((name for name in _KEYS if name in self.keys), None)
        if _WHOLE in self.keys and names is not None:
            self.array = self.file[_WHOLE]
            self.keys = _rows(_texts(self.file[names]), len(self.array))

    def read(self, place: Any) -> np.ndarray:
        """A row, or the array of a name."""
        return self.file[place] if self.array is None else self.array[place]


class SafetensorsFile:
    """Tensors by name."""

    def __init__(self, path: Path) -> None:
        from safetensors import safe_open

        self.file = safe_open(path, framework="pt")  # NumPy has no bfloat16
        self.keys: dict[str, Any] = {name: name for name in self.file.keys()}  # noqa: SIM118 - it is no dictionary
        self.rows = None
        names = (self.file.metadata() or {}).get("keys")
        if _WHOLE in self.keys and names is not None:
            self.rows = self.file.get_slice(_WHOLE)
            self.keys = _rows(_list(names, "the metadata's keys"), self.rows.get_shape()[0])

    def read(self, place: Any) -> np.ndarray:
        """A row, or the tensor of a name."""
        tensor = self.file.get_tensor(place) if self.rows is None else self.rows[place : place + 1][0]
        return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


class HDF5File:
    """Datasets by name, in groups too ("train/cat.jpg")."""

    def __init__(self, path: Path) -> None:
        import h5py

        self.file = h5py.File(path, "r")
        self.keys: dict[str, Any] = {}
        self.file.visititems(lambda name, item: self.keys.update({name: name} if hasattr(item, "shape") else {}))
        self.array = None
        names = next((name for name in _KEYS if name in self.keys), None)
        if _WHOLE in self.keys and names is not None:
            self.array = self.file[_WHOLE]
            self.keys = _rows(_texts(self.file[names][:]), len(self.array))

    def read(self, place: Any) -> np.ndarray:
        """A row, or the dataset of a name."""
        return self.file[place][()] if self.array is None else self.array[place]


class FolderFile:
    """A folder of one file a key."""

    def __init__(self, path: Path) -> None:
        names = sorted(file for file in path.iterdir() if file.suffix in (".npy", ".npz"))
        if not names:
            raise FormatError("has no .npy files; give a folder with one a picture")
        self.keys = {file.stem: file for file in names}
        if len(self.keys) < len(names):
            raise FormatError("has .npy and .npz files of one name; remove one kind")

    def read(self, place: Path) -> np.ndarray:
        """The array of a file."""
        if place.stat().st_size == 0:
            raise FormatError("its file is empty; compute it again")
        if place.suffix == ".npy":
            return _load_numpy(place)
        with np.load(place, allow_pickle=False) as archive:
            if len(archive.files) != 1:
                raise FormatError(f"its file has {len(archive.files)} arrays; it must have one")
            return archive[archive.files[0]]


FORMATS: dict[str, Callable[[Path], Any]] = {
    ".npy": NumpyFile,
    ".npz": NumpyArchive,
    ".safetensors": SafetensorsFile,
    ".h5": HDF5File,
    ".hdf5": HDF5File,
}


def _load_numpy(path: Path) -> np.ndarray:
    with path.open("rb") as file:
        if file.read(len(_HEADER)) != _HEADER:
            raise FormatError(f"{path.name} is no file of numpy.save; make the file again")
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _keys_beside(path: Path) -> list[str] | None:
    for name in (f"{path.stem}.keys.txt", "keys.txt", f"{path.stem}.keys.json", "keys.json"):
        file = path.with_name(name)
        if file.is_file():
            text = file.read_text(encoding="utf-8")
            return _list(text, name) if name.endswith(".json") else text.splitlines()
    return None


def _list(text: str, name: str) -> list[str]:
    try:
        keys = json.loads(text)
    except (ValueError, RecursionError):
        keys = None
    if not isinstance(keys, list) or not all(isinstance(key, str | int) for key in keys):
        raise FormatError(f"{name} is no JSON list of names; write one")
    return [str(key) for key in keys]


def _texts(values: Any) -> list[str]:
    """Names from an array of text, bytes or whole numbers."""
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iuSUO":
        raise FormatError(f"its keys are {array.dtype} {list(array.shape)}; they must be a list of names")
    return [item.decode() if isinstance(item, bytes) else str(item) for item in array.tolist()]


def _rows(keys: Sequence[str], count: int) -> dict[str, int]:
    if len(keys) != count:
        raise FormatError(f"has {count} records, but {len(keys)} keys; make the keys again")
    rows = {key: row for row, key in enumerate(keys)}
    if len(rows) < count:
        twice = next(key for row, key in enumerate(keys) if rows[key] != row)
        raise FormatError(f"has the key {twice!r} twice; make the keys again")
    return rows
