"""``ImageArrays``: pictures in NumPy files, many in each, as SHAPES has them."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from seqmodels.errors import DataError, InputError

ENDING = ".input.npy"


class ImageArrays:
    """The pictures in the ``.input.npy`` files of a folder, by keys such as "val/17": the file and the picture in it.

    A file is mapped into memory when a picture of it is first asked for, so only pictures that are used are read.
    Files that would need unpickling are refused.

    Args:
        folder: of files of uint8 [N, height, width, 3], in the order blue, green, red, which is the order of SHAPES.

    Raises:
        DataError: there are no such files; or, when a picture is asked for, its file is damaged or another kind.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> blue = np.zeros((1, 30, 30, 3), np.uint8)
        >>> blue[..., 0] = 255
        >>> np.save(folder / "val.input.npy", blue)
        >>> images = ImageArrays(folder)
        >>> images["val/0"].shape, images["val/0"][0, 0].tolist()
        ((30, 30, 3), [0, 0, 255])
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder)
        try:
            found = sorted(name for name in os.listdir(self.folder) if name.endswith(ENDING))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(f"{str(self.folder)!r}: can't be listed ({reason}); give the folder of SHAPES") from None
        if not found:
            raise DataError(f"{self.folder}: has no files such as val{ENDING}; give the folder of SHAPES")
        self.names = tuple(name.removesuffix(ENDING) for name in found)
        self._arrays: dict[str, UInt8[np.ndarray, "N H W 3"]] = {}

    def file(self, name: str) -> UInt8[np.ndarray, "N H W 3"]:
        """All pictures of one file, as it has them: mapped, not read, in the order blue, green, red."""
        if name not in self._arrays:
            if name not in self.names:
                raise InputError(f"{self.folder} has no {name + ENDING!r}; it has {', '.join(self.names)}")
            self._arrays[name] = _mapped(self.folder / (name + ENDING))
        return self._arrays[name]

    def __getitem__(self, key: str) -> UInt8[np.ndarray, "H W 3"]:
        """A copy of one picture: red, green, blue from 0 to 255.

        Raises:
            InputError: there is no picture with that key.
        """
        name, slash, digits = key.rpartition("/")
        if not slash or name not in self.names or not _is_number(digits) or int(digits) >= len(self.file(name)):
            raise InputError(f"{self.folder} has no picture {key!r}; keys are as '{self.names[0]}/0'")
        return np.ascontiguousarray(self.file(name)[int(digits)][..., ::-1])

    def __contains__(self, key: object) -> bool:
        if not isinstance(key, str):
            return False
        name, slash, digits = key.rpartition("/")
        return bool(slash) and name in self.names and _is_number(digits) and int(digits) < len(self.file(name))

    def __iter__(self) -> Iterator[str]:
        return (f"{name}/{number}" for name in self.names for number in range(len(self.file(name))))

    def __len__(self) -> int:
        return sum(len(self.file(name)) for name in self.names)

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_arrays": {}}  # to another process the maps would go as copies


def _is_number(digits: str) -> bool:
    return digits.isascii() and digits.isdigit() and len(digits) < 19 and str(int(digits)) == digits


def _mapped(path: Path) -> UInt8[np.ndarray, "N H W 3"]:
    try:
        if not path.is_file():  # a pipe would block
            raise DataError(f"{path}: is not a regular file; replace it")
        array = np.lib.format.open_memmap(path, mode="r")  # unpickles nothing
    except DataError:
        raise
    except Exception as error:  # damaged headers make NumPy raise nearly anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:200]
        raise DataError(f"{path}: can't be read ({reason}); get the file again") from None
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[-1] != 3:
        raise DataError(f"{path}: is {array.dtype} {list(array.shape)}; it must be uint8 [pictures, height, width, 3]")
    return array
