"""``read_features``: features that were computed elsewhere, in the files in which they are passed on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from seqmodels.errors import DataError, OptionError
from seqmodels.images.given_formats import FORMATS, FolderFile, FormatError
from seqmodels.images.records import FeatureRecords


def read_features(path: str | Path, feature_size: int | None = None) -> GivenFeatures:
    """Features by key, read as they are asked for: [F], or [R, F] with R regions, as float32.

    Feature maps [rows, columns, F] become [rows * columns, F], row by row. R may differ between records.

    Args:
        path: one of

            - ``.npy``: [N, F] or [N, R, F]; keys are the row numbers, "0", "1", ..., or those of a file beside it,
              ``NAME.keys.txt`` or ``keys.txt`` (one a line), ``NAME.keys.json`` or ``keys.json`` (a list);
            - ``.npz``: one array a key, or "features" [N, ...] with "keys" or "ids" [N];
            - ``.safetensors``: one tensor a key, or "features" [N, ...] with a JSON list "keys" in the metadata;
            - ``.h5``, ``.hdf5``: one dataset a key, or "features" [N, ...] with "keys" or "ids" [N];
            - a folder of ``.npy`` files, or of ``.npz`` files with one array, each named by its key.

            Nothing is ever unpickled.
        feature_size: if given, the F that is needed.

    Raises:
        DataError: the file is missing, damaged, or of another kind or width; or, when a record is asked for, it is
            missing, of another width than the first one, or not finite.
        OptionError: a package that the format needs isn't installed.

    Example:
        >>> import pathlib, tempfile
        >>> import numpy as np
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "vgg.npy"
        >>> np.save(path, np.ones((2, 4096), np.float16))
        >>> _ = path.with_name("vgg.keys.txt").write_text("cat.jpg\\ndog.jpg\\n")
        >>> features = read_features(path)
        >>> list(features), features["dog.jpg"].shape, features["dog.jpg"].dtype
        (['cat.jpg', 'dog.jpg'], torch.Size([4096]), torch.float32)
    """
    return GivenFeatures(Path(path), feature_size)


class GivenFeatures(FeatureRecords):
    """What :func:`read_features` gives; can be pickled and forked, each process opens the file itself.

    Attributes:
        path: the file or folder.
        feature_size: F, of the first record.
    """

    def __init__(self, path: Path, feature_size: int | None = None) -> None:
        self.path = path
        self._opened: tuple[int, Any] | None = None
        self._open()
        if not self._rows:
            raise DataError(f"{path}: has no features; give a file with some")
        self.feature_size = feature_size
        found = self[next(iter(self))].shape[-1]
        self.feature_size = found

    def __getitem__(self, key: str) -> Tensor:
        if key not in self._rows:
            raise DataError(f"{self.path}: has no features of {key!r}; give a file that has those of all pictures")
        where = f"{self.path}, record {key!r}"
        try:
            values = np.asarray(self._file().read(self._rows[key]))
        except FormatError as error:
            raise DataError(f"{where}: {error}") from None
        except Exception as error:  # damaged files make these libraries raise nearly anything
            raise DataError(f"{where}: can't be read ({_reason(error)}); make the file again") from None
        if values.dtype.kind not in "fiu":
            raise DataError(f"{where}: is of type {values.dtype}; features must be numbers")
        if not 1 <= values.ndim <= 3 or values.size == 0:
            raise DataError(f"{where}: is {list(values.shape)}; features must be [F], [R, F] or [rows, columns, F]")
        if self.feature_size not in (None, values.shape[-1]):
            raise DataError(
                f"{where}: has {values.shape[-1]} features, but {self.feature_size} are needed; use one network for all"
            )
        with np.errstate(over="ignore"):  # named below
            values = values.astype(np.float32)
        if not np.isfinite(values).all():
            raise DataError(f"{where}: has values that aren't finite; compute it again")
        return torch.from_numpy(values.reshape(-1, values.shape[-1]) if values.ndim == 3 else values)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_opened": None}

    def __repr__(self) -> str:
        return f"GivenFeatures({str(self.path)!r}: {len(self)} records of {self.feature_size} features)"

    def _file(self) -> Any:
        """The open file of this process: a handle that was forked would share its position."""
        if self._opened is None or self._opened[0] != os.getpid():
            self._open()
        assert self._opened is not None
        return self._opened[1]

    def _open(self) -> None:
        path = self.path
        kinds = ", ".join(FORMATS)
        if path.is_dir():
            reader: Any = FolderFile
        elif not path.is_file():
            raise DataError(f"{path}: there is no such file; give a folder of .npy files, or a file of {kinds}")
        elif path.suffix.lower() not in FORMATS:
            raise DataError(f"{path}: is of no known kind; give a folder of .npy files, or a file of {kinds}")
        elif path.stat().st_size == 0:
            raise DataError(f"{path}: is empty; make the file again")
        else:
            reader = FORMATS[path.suffix.lower()]
        try:
            file = reader(path)
        except FormatError as error:
            raise DataError(f"{path}: {error}") from None
        except ImportError as error:
            raise OptionError(f"{path}: needs {error.name}; pip install 'seqmodels[images]'") from None
        except Exception as error:  # damaged files make these libraries raise nearly anything
            raise DataError(f"{path}: can't be read ({_reason(error)}); make the file again") from None
        self._opened, self._rows = (os.getpid(), file), file.keys


def _reason(error: Exception) -> str:
    return " ".join((str(error) or type(error).__name__).split())
