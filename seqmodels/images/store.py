"""``FeatureStore``: features computed once, kept in a folder, mapped into memory."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from seqmodels.errors import DataError, InputError, OptionError
from seqmodels.files.atomic_file import write_atomically
from seqmodels.files.folder_lock import FolderLock
from seqmodels.images.records import FeatureRecords

_DTYPES: dict[str, np.dtype[Any]] = {"float32": np.dtype("<f4"), "float16": np.dtype("<f2")}
_WRITES = "writes to this feature store"
_HINT = "give the folder of a feature store, or remove it to compute the features again"


class Entry(NamedTuple):
    """What the index says of a picture: its row in the array, and of which file it was computed."""

    row: int
    size: int
    digest: str


class FeatureStore(FeatureRecords):
    """Features of pictures in a folder: ``store[key]`` is a tensor of ``store.shape``.

    Three files: ``store.json`` says how the features are made; ``features.bin`` is the raw array [N, ...],
    little-endian; ``index.jsonl`` has one line a row. A row reaches the disk before its line does, so that a process
    killed at any moment leaves no wrong record: what has no whole line is overwritten by the next ``append``. A key
    that is appended again takes the new row; the old one stays in the file, unused.

    The features are read from disk as they are asked for. A store can be pickled and forked; each process has its own
    map.

    Args:
        folder: of a store made by :meth:`create`.
        spec: if given, the store must be of a backbone of this spec.

    Attributes:
        folder: where it is.
        spec: of the backbone.
        shape: of one record, (F,) or (R, F).
        dtype: "float32" or "float16", in the file; records are read as such.

    Raises:
        DataError: the folder has no store, a damaged one, or one of another backbone.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> store = FeatureStore.create(tempfile.mkdtemp() + "/features", {"name": "pixels"}, (2,))
        >>> store.append(["cat.jpg"], ["c0ffee"], [120], np.array([[0.5, 1.0]]))
        >>> store["cat.jpg"], list(store), store.shape
        (tensor([0.5000, 1.0000]), ['cat.jpg'], (2,))
    """

    def __init__(self, folder: str | Path, spec: Mapping[str, Any] | None = None) -> None:
        self.folder = Path(folder)
        self._lock = FolderLock(self.folder, _WRITES)
        self._read_description()
        if spec is not None:
            self._check_spec(dict(spec))
        self._map: np.ndarray | None = None
        self._read_index()

    @classmethod
    def create(
        cls, folder: str | Path, spec: Mapping[str, Any], shape: Sequence[int], dtype: str = "float32"
    ) -> FeatureStore:
        """Make an empty store.

        Args:
            folder: made if it is missing.
            spec: of the backbone; plain values.
            shape: of one record.
            dtype: "float32" or "float16".

        Raises:
            DataError: the folder has a store already, or can't be written.
            OptionError: the shape or dtype is of no use.
        """
        _check_form(shape, dtype)
        folder = Path(folder)
        with FolderLock(folder, _WRITES):
            if (folder / "store.json").exists():
                raise DataError(f"{folder}: has a feature store already; open it, or give another folder")
            _describe(folder, spec, shape, dtype)
        return cls(folder)

    @classmethod
    def open_or_create(
        cls, folder: str | Path, spec: Mapping[str, Any], shape: Sequence[int], dtype: str = "float32"
    ) -> FeatureStore:
        """The store of the folder, or an empty one where there is none; of several processes, one makes it.

        Args:
            folder: made if it is missing.
            spec: of the backbone; plain values.
            shape: of one record.
            dtype: "float32" or "float16", of a store that is made.

        Raises:
            DataError: the folder has a damaged store or one of another backbone, or can't be written.
            OptionError: the shape or dtype is of no use.

        Example:
            >>> import tempfile
            >>> folder = tempfile.mkdtemp()
            >>> FeatureStore.create(folder, {"name": "pixels"}, (2,)).append(["a"], ["c0ffee"], [120], [[0.5, 1.0]])
            >>> list(FeatureStore.open_or_create(folder, {"name": "pixels"}, (2,)))
            ['a']
        """
        _check_form(shape, dtype)
        folder = Path(folder)
        if not (folder / "store.json").exists():
            with FolderLock(folder, _WRITES).waiting():
                if not (folder / "store.json").exists():
                    _describe(folder, spec, shape, dtype)
        return cls(folder, spec)

    def append(self, keys: Sequence[str], digests: Sequence[str], sizes: Sequence[int], array: Any) -> None:
        """Add a batch; it is on the disk when this returns.

        Args:
            keys: names of the pictures.
            digests: of their files.
            sizes: of their files, in bytes.
            array: [batch, *shape], a tensor or an array.

        Raises:
            InputError: sizes don't match, a key is there twice, or a value isn't finite.
            DataError: another process writes to the store, or the disk is full.
        """
        with self.writing():
            values = self._checked(keys, digests, sizes, array)
            first = self._row_count
            entries = [Entry(first + number, int(size), str(digests[number])) for number, size in enumerate(sizes)]
            lines = "".join(
                json.dumps({"key": key, **entry._asdict()}) + "\n" for key, entry in zip(keys, entries, strict=True)
            )
            try:
                _write_at(self.folder / "features.bin", first * self._row_bytes, values.tobytes())
                _write_at(self.folder / "index.jsonl", self._index_bytes, lines.encode())
            except OSError as error:
                raise DataError(f"{self.folder}: can't be written ({error.strerror}); make room and go on") from None
            self._index_bytes += len(lines.encode())
            self._row_count += len(keys)
            self._rows.update(zip(keys, entries, strict=True))
            self._map = None

    @contextmanager
    def writing(self, wait: bool = False) -> Iterator[None]:
        """Hold the store for this process, over several calls of ``append``.

        Args:
            wait: until no other process writes to it, instead of an error.

        Raises:
            DataError: on entering: another process writes to the store.
        """
        first = not self._lock.held
        with self._lock.waiting() if wait else self._lock:
            if first:  # another process may have written meanwhile
                self._read_index()
                self._map = None
            yield

    def entry(self, key: str) -> Entry | None:
        """What the index says of a picture; None if it isn't there."""
        return self._rows.get(key)

    def __getitem__(self, key: str) -> Tensor:
        entry = self._rows.get(key)
        if entry is None:
            raise DataError(f"{self.folder}: has no features of {key!r}; compute those of all pictures first")
        if self._map is None:
            shape = (self._row_count, *self.shape)
            try:
                self._map = np.memmap(self.folder / "features.bin", self._type, mode="r", shape=shape)
            except (OSError, ValueError) as error:
                raise DataError(f"{self.folder / 'features.bin'}: can't be read ({error}); {_HINT}") from None
        return torch.from_numpy(np.array(self._map[entry.row], dtype=self._type.newbyteorder("=")))

    @property
    def bad(self) -> dict[str, str]:
        """Pictures that the last ``extract_features`` couldn't read -> why."""
        path = self.folder / "bad.jsonl"
        lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
        return {found["key"]: found["error"] for found in map(json.loads, lines)}

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_map": None}

    def __repr__(self) -> str:
        return f"FeatureStore({str(self.folder)!r}: {len(self)} records of {self.shape}, {self.dtype})"

    def _read_description(self) -> None:
        path = self.folder / "store.json"
        if not path.exists():
            raise DataError(f"{self.folder}: has no feature store (no store.json); {_HINT}")
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            self.spec: dict[str, Any] = dict(found["spec"])
            self.shape = tuple(int(size) for size in found["shape"])
            self.dtype: str = found["dtype"]
            self._type = _DTYPES[self.dtype]
            if found["format"] != 1 or not self.shape or min(self.shape) < 1:
                raise ValueError("not written by this version")
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise DataError(f"{path}: can't be read ({error}); {_HINT}") from None
        self._row_bytes = self._type.itemsize * int(np.prod(self.shape))

    def _check_spec(self, asked: dict[str, Any]) -> None:
        skipped = {"trainable"}
        if "weights_digest" in asked and "weights_digest" in self.spec:
            skipped.add("weights")  # a file may be moved
        for name in [*asked, *(name for name in self.spec if name not in asked)]:
            if name not in skipped and self.spec.get(name) != asked.get(name):
                raise DataError(
                    f"{self.folder}: has features of another backbone (its {name} is {self.spec.get(name)!r}, here "
                    f"{asked.get(name)!r}); give another folder"
                )

    def _read_index(self) -> None:
        path = self.folder / "index.jsonl"
        content = path.read_bytes() if path.exists() else b""
        self._index_bytes = content.rfind(b"\n") + 1  # what follows is half a line of a process that was killed
        self._rows: dict[str, Entry] = {}
        lines = content[: self._index_bytes].split(b"\n")[:-1]
        for number, line in enumerate(lines):
            try:
                found = json.loads(line)
                key, entry = found["key"], Entry(found["row"], found["size"], found["digest"])
                if not isinstance(key, str) or entry.row != number:
                    raise ValueError("rows aren't in order")
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                reason = " ".join(str(error).split())
                raise DataError(f"{path}, line {number + 1}: can't be read ({reason}); {_HINT}") from None
            self._rows[key] = entry
        self._row_count = len(lines)
        data = self.folder / "features.bin"
        present = data.stat().st_size if data.exists() else 0
        if present < self._row_count * self._row_bytes:
            needed = self._row_count * self._row_bytes
            raise DataError(f"{data}: has {present} bytes, but the index needs {needed}; {_HINT}")

    def _checked(self, keys: Sequence[str], digests: Sequence[str], sizes: Sequence[int], array: Any) -> np.ndarray:
        values = np.asarray(array.detach().cpu() if isinstance(array, Tensor) else array)
        if values.shape != (len(keys), *self.shape) or len(digests) != len(keys) or len(sizes) != len(keys):
            raise InputError(
                f"array is {list(values.shape)} with {len(keys)} keys, {len(digests)} digests and {len(sizes)} sizes; "
                f"it must be [keys, {', '.join(map(str, self.shape))}]"
            )
        if len(set(keys)) != len(keys):
            twice = next(key for key in keys if list(keys).count(key) > 1)
            raise InputError(f"keys has {twice!r} twice; append each picture once")
        with np.errstate(over="ignore"):  # named below
            values = values.astype(self._type)
        finite = np.isfinite(values).reshape(len(keys), math.prod(self.shape)).all(1)
        if not finite.all():
            raise InputError(
                f"features of {keys[int(np.argmin(finite))]!r} aren't finite in {self.dtype}; look at the picture and "
                "the weights, or keep float32"
            )
        return values


def _check_form(shape: Sequence[int], dtype: str) -> None:
    if dtype not in _DTYPES:
        raise OptionError(f"dtype must be 'float32' or 'float16', not {dtype!r}")
    if not shape or min(shape) < 1:
        raise OptionError(f"shape must be of one record, with sizes of 1 or more, not {tuple(shape)}")


def _describe(folder: Path, spec: Mapping[str, Any], shape: Sequence[int], dtype: str) -> None:
    for name in ("features.bin", "index.jsonl"):
        if (folder / name).exists():
            raise DataError(f"{folder / name}: is there without a store.json; remove it, or give another folder")
    with write_atomically(folder / "store.json") as file:
        described = {"format": 1, "shape": list(shape), "dtype": dtype, "spec": dict(spec)}
        file.write(json.dumps(described, indent=1).encode())


def _write_at(path: Path, position: int, content: bytes) -> None:
    """Write at a position, cutting off what was there and after it, and wait until it is on the disk."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
    with open(descriptor, "r+b") as file:
        file.truncate(position)
        file.seek(position)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
