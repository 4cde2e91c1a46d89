"""``CocoImages``: the image files of VQA, found by the number in their names."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from seqmodels.errors import DataError

# COCO_train2014_000000000009.jpg, abstract_v002_val2015_000000000009.png, 000000000009.jpg
_NAME = re.compile(r"(?:(?:COCO|abstract_v\d{3})_([a-z]+\d{4})_)?(\d{12})\.(?:jpg|jpeg|png)", re.IGNORECASE | re.ASCII)


class CocoImages:
    """The image files in a folder and in the folders directly below it, listed once.

    Args:
        folder: of files such as COCO_train2014_000000000009.jpg or 000000000009.jpg; others are ignored.
        subset: the ``data_subtype`` of the questions, such as "train2014": its file is taken where several have one
            number.

    Raises:
        DataError: there is no such folder, or no file with such a name in it.

    Source: visualqa.org/download.html.

    Example:
        >>> import pathlib, tempfile
        >>> folder = pathlib.Path(tempfile.mkdtemp())
        >>> (folder / "COCO_train2014_000000000009.jpg").touch()
        >>> pathlib.Path(CocoImages(folder).find(9)).name
        'COCO_train2014_000000000009.jpg'
    """

    def __init__(self, folder: str | os.PathLike[str], subset: str | None = None) -> None:
        self.folder, self._subset = Path(folder), subset
        self._files: dict[int, list[tuple[str, str]]] = {}
        try:
            for path in sorted(_files(self.folder)):
                if match := _NAME.fullmatch(os.path.basename(path)):
                    self._files.setdefault(int(match[2]), []).append((match[1] or "", path))
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(f"{str(self.folder)!r}: can't be listed ({reason}); check images") from None
        if not self._files:
            raise DataError(
                f"{self.folder}: has no image file named as COCO's are, such as COCO_train2014_000000000009.jpg or "
                f"000000000009.jpg; check images"
            )

    def find(self, image_id: int) -> str:
        """The path of the file.

        Raises:
            LookupError: there is none, or several; the message says which.
        """
        found = self._files.get(image_id, [])
        if len(found) > 1:
            found = [one for one in found if one[0] == self._subset] or found
        if len(found) > 1:
            paths = " and ".join(path for _, path in found[:2])
            raise LookupError(f"image {image_id} has several files, {paths}")
        if not found:
            raise LookupError(f"image {image_id} has no file in {self.folder}, such as {image_id:012d}.jpg")
        return found[0][1]


def _files(folder: Path, below: bool = True) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if below and entry.is_dir():
                yield from _files(Path(entry.path), below=False)
            elif entry.is_file():  # no pipe, which would block a reader
                yield entry.path
