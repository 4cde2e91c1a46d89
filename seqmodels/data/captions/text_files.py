"""Captions in lines of text: CSV with a header, Flickr8k's token files and Flickr30k's ``results.csv``."""

import contextlib
import csv
import re
from pathlib import Path

from seqmodels.data.captions.gathering import Gathering
from seqmodels.data.csv_rows import filled_rows
from seqmodels.errors import DataError

HINT = (
    "give a CSV file with the columns image and caption, a token file (dog.jpg#0, a tab, the caption), or Flickr30k's "
    "results.csv"
)
IMAGE_COLUMNS = ("image", "image_name", "image_path", "file_name", "filename", "file")
_CAPTION = ("caption", "text", "comment", "sentence")
_TOKEN = re.compile(r"([^\t]+)#\d+\t(.*)", re.DOTALL)
_HEADER = re.compile(r"\s*image_name\s*\|", re.IGNORECASE)


def text_format(text: str, path: str | Path) -> str:
    """Which of the three a file is, by its first line.

    Raises:
        DataError: none.

    Example:
        >>> text_format("dog.jpg#0\\ta dog\\n", "token.txt"), text_format("image,caption\\n", "captions.txt")
        ('token', 'csv')
    """
    first = text.lstrip("\n").partition("\n")[0]
    if _TOKEN.fullmatch(first):
        return "token"
    if _HEADER.match(first):
        return "flickr30k"
    with contextlib.suppress(csv.Error):
        if _columns(next(csv.reader([first[:10_000]]), [])) is not None:
            return "csv"
    raise DataError(f"{path}, line 1: {first[:60]!r} begins no caption file; {HINT}")


def gather_token(text: str, gathering: Gathering) -> None:
    """Flickr8k's and Flickr30k's ``name.jpg#0``, a tab, the caption.

    Source: Hodosh, Young and Hockenmaier 2013, Framing Image Description as a Ranking Task.
    """
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where = f"line {number}"
        found = _TOKEN.fullmatch(line)
        if found is None:
            gathering.fault(where, f"{line[:60]!r} is no image name, # and number, a tab, and a caption")
        else:
            _record(gathering, where, found[1].strip(), found[2])


def gather_flickr30k(text: str, gathering: Gathering) -> None:
    """Flickr30k's ``results.csv``: image_name | comment_number | comment.

    The file that goes around has one bad record, line 20001, which lacks a separator: read it with ``max_bad=1``.
    """
    header = len(text) - len(text.lstrip("\n")) + 1  # its line, if it is there
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or (number == header and _HEADER.match(line)):
            continue
        parts = line.split("|", 2)
        if len(parts) < 3:
            gathering.fault(f"line {number}", f"{line[:60]!r} has {len(parts)} of 3 columns, separated by |")
        else:
            _record(gathering, f"line {number}", parts[0].strip(), parts[2])


def gather_csv(text: str, gathering: Gathering) -> None:
    """CSV whose header names the image, the caption, and the split if there is one; a picture may have many rows."""
    rows = filled_rows(text, gathering.source)
    number, header = next(rows, (1, []))
    columns = _columns(header)
    if columns is None:
        raise DataError(f"{gathering.source}, line {number}: no columns image and caption; {HINT}")
    image, caption, split = columns
    for number, row in rows:
        where = f"line {number}"
        if len(row) == len(header):
            _record(gathering, where, row[image].strip(), row[caption], None if split is None else row[split])
        else:
            gathering.fault(where, f"{len(row)} columns rather than {len(header)}; put the caption in quotes")


def _columns(header: list[str]) -> tuple[int, int, int | None] | None:
    """Places of the image, the caption and the split."""
    names = [name.strip().lower() for name in header]
    image = next((names.index(name) for name in IMAGE_COLUMNS if name in names), None)
    caption = next((names.index(name) for name in _CAPTION if name in names), None)
    if image is None or caption is None:
        return None
    return image, caption, names.index("split") if "split" in names else None


def _record(gathering: Gathering, where: str, name: str, caption: str, split: str | None = None) -> None:
    key = gathering.image(where, name, name, split, again=True)
    if key is not None:
        gathering.caption(where, key, caption)
