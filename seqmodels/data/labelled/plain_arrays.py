"""NumPy's files without the pickles that could run something: arrays of numbers, of texts, and of such arrays."""

import importlib
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy

from seqmodels.errors import DataError

# What a pickled array of arrays is made of; NumPy 2 has moved two of them.
_ALLOWED = {"_reconstruct", "ndarray", "dtype", "scalar", "_frombuffer"}
_MODULES = {"numpy", *(f"numpy.{core}.{name}" for core in ("core", "_core") for name in ("multiarray", "numeric"))}


def load_array(path: str, name: str) -> Any:
    """The array of a ``.npy`` file, or the one of that name in a ``.npz`` file, where case doesn't matter.

    Args:
        path: The file. Arrays of objects, such as series of different lengths, are read if they hold arrays and texts;
            a pickle that would call or import anything else is refused.
        name: In a ``.npz`` file.

    Raises:
        DataError: The file is missing, damaged, or lacks the name.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "two.npz"
        >>> np.savez(path, X=np.array([np.zeros((2, 1)), np.zeros((3, 1))], dtype=object))
        >>> [series.shape for series in load_array(str(path), "X")]
        [(2, 1), (3, 1)]
    """
    try:
        if Path(path).suffix != ".npz":
            with open(path, "rb") as file:
                return _read(file)
        with zipfile.ZipFile(path) as archive:
            member = next((one for one in archive.namelist() if one.lower() == f"{name.lower()}.npy"), None)
            if member is None:
                held = ", ".join(one.removesuffix(".npy") for one in archive.namelist())
                raise DataError(f"{path}: has no array {name}, only {held or 'nothing'}; save it as X and y")
            with archive.open(member) as file:
                return _read(file)
    except DataError:
        raise
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; check the path (now in {Path.cwd()})") from None
    except Exception as error:  # damaged files make these libraries raise nearly anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise DataError(f"{path}: can't be read ({reason}); give arrays that numpy.save or numpy.savez wrote") from None


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if module in _MODULES and name in _ALLOWED:
            return getattr(importlib.import_module(module), name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, but series are arrays of numbers")


def _read(file: Any) -> Any:
    version = npy.read_magic(file)
    read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, _, dtype = read_header(file)
    if dtype.hasobject:
        return np.reshape(_PlainUnpickler(file).load(), shape)
    file.seek(0)
    return npy.read_array(file, allow_pickle=False)
