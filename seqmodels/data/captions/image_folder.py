"""``ImageFolder``: finds the image files that a caption file names, and nothing outside the folder."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePath, PurePosixPath, PureWindowsPath

from seqmodels.errors import DataError


def name_fault(name: object) -> str | None:
    """What is wrong with the name of an image file; None: nothing.

    Example:
        >>> name_fault("val2014/dog.jpg")
        >>> name_fault("../dog.jpg")
        "the file name '../dog.jpg' leaves the folder of the images"
    """
    from seqmodels.data.bad_records import shown

    if name is None:
        return "there is no file name"
    if not isinstance(name, str):
        return f"the file name is {shown(name)}, no text"
    if not name.strip():
        return "the file name is empty"
    if any("\ud800" <= character <= "\udfff" or character < " " for character in name):
        return f"the file name {shown(name)} has characters that no file name can have"
    windows = PureWindowsPath(name)
    if windows.drive or windows.root or ".." in windows.parts:  # splits at / and at \
        return f"the file name {shown(name)} leaves the folder of the images"
    return None


class ImageFolder:
    """The files below a folder, listed once.

    Links are followed, as image sets are often on another disk.

    Raises:
        DataError: there is no such folder.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> (folder / "val2017").mkdir()
        >>> (folder / "val2017" / "1.jpg").touch()
        >>> pathlib.Path(ImageFolder(folder).find("1.jpg")).parent.name
        'val2017'
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise DataError(f"{self.folder}: no such folder of images; check images (now in {Path.cwd()})")
        self._places: dict[str, str] = {}
        self._names: dict[str, list[str]] = {}
        for place, relative in _files(self.folder):
            self._places[relative] = place
            self._names.setdefault(relative.rpartition("/")[2], []).append(relative)

    def find(self, name: str) -> str:
        """The path of a file, given its path in the folder, or its name alone if it is in one subfolder.

        Raises:
            FileNotFoundError: there is none, or several; the message says which.
        """
        relative = PurePosixPath(name).as_posix()
        if relative in self._places:
            return self._places[relative]
        found = self._names.get(PurePosixPath(name).name, [])
        ending = [place for place in found if f"/{place}".endswith(f"/{relative}")] or found
        if len(ending) > 1:
            raise FileNotFoundError(f"{name!r} is in {self.folder} {len(ending)} times: {', '.join(ending[:3])}")
        if not ending:
            raise FileNotFoundError(f"{name!r} is not in {self.folder}")
        return self._places[ending[0]]


def _files(root: Path) -> Iterator[tuple[str, str]]:
    """The path of each file, and its path below the root."""
    seen = set()
    for folder, folders, names in os.walk(root, followlinks=True):
        state = os.stat(folder)
        if (state.st_dev, state.st_ino) in seen:  # a link to a folder above would never end
            folders.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        folders.sort()
        below = PurePath(folder).relative_to(root).as_posix()
        for name in sorted(names):
            path = os.path.join(folder, name)
            if os.path.isfile(path):  # no pipe, which would block a reader
                yield path, name if below == "." else f"{below}/{name}"
