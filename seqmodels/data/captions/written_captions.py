"""Captions that a model wrote, to a file: for COCO's evaluation, or as a table that is read as captions are."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

from seqmodels.data.captions.coco_results import write_coco_results
from seqmodels.files.atomic_file import write_atomically
from seqmodels.files.writing import writing_to


def write_captions(path: str | Path, captions: Mapping[str, str]) -> None:
    """Write a table with the columns image and caption if the file's name ends in .csv, else COCO's result file.

    Args:
        path: The file; an old one is replaced.
        captions: The key of each image, in a CSV any, else COCO's id; and its caption.

    Raises:
        InputError: COCO's file can't have such keys or captions.
        DataError: The file can't be written.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "captions.csv"
        >>> write_captions(path, {"cat.jpg": "a cat, asleep"})
        >>> print(path.read_text(), end="")
        image,caption
        cat.jpg,"a cat, asleep"
    """
    path = Path(path)
    if path.suffix.lower() != ".csv":
        write_coco_results(path, captions)
        return
    table = io.StringIO(newline="")
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(("image", "caption"))
    rows.writerows(captions.items())
    with writing_to(path.parent), write_atomically(path) as file:
        file.write(table.getvalue().encode())
