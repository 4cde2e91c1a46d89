"""Captions that a model wrote, in the form in which COCO's evaluation reads them."""

import json
from collections.abc import Mapping
from pathlib import Path

from seqmodels.data.bad_records import shown
from seqmodels.errors import DataError, InputError
from seqmodels.files.atomic_file import write_atomically


def write_coco_results(path: str | Path, captions: Mapping[str, str]) -> None:
    """Write ``[{"image_id": 42, "caption": "a dog"}, ...]``, all of it or nothing.

    Args:
        path: the file; an old one is replaced.
        captions: the key of each image, COCO's id, and its caption.

    Raises:
        InputError: a key that is no integer or there twice, a caption that is no text, or no captions.
        DataError: the file can't be written.

    Source: cocodataset.org/#format-results; read by ``pycocotools.coco.COCO.loadRes``.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "results.json"
        >>> write_coco_results(path, {"42": "a dog"})
        >>> path.read_text()
        '[{"image_id": 42, "caption": "a dog"}]'
    """
    results = [{"image_id": _image_id(key), "caption": _caption(key, text)} for key, text in captions.items()]
    if not results:
        raise InputError("there are no captions to write; COCO's evaluation can't read an empty list")
    numbers = [result["image_id"] for result in results]
    if len(set(numbers)) < len(numbers):
        raise InputError("captions has an image id twice, as an integer and as a text; keep one of them")
    try:
        with write_atomically(path) as file:
            file.write(json.dumps(results).encode())
    except OSError as error:
        raise DataError(f"{path}: can't be written ({error.strerror}); check the path and its permissions") from None


def _image_id(key: object) -> int:
    if type(key) is int:
        return key
    if isinstance(key, str) and len(key) < 20 and key.isascii() and key.isdigit() and str(int(key)) == key:
        return int(key)
    raise InputError(
        f"captions has the key {shown(key)}, no integer as COCO's image ids are; use images with COCO's ids, or "
        "write a table: a file whose name ends in .csv"
    )


def _caption(key: object, text: object) -> str:
    if not isinstance(text, str):
        raise InputError(f"the caption of image {shown(key)} is {shown(text)}; it must be a text")
    return text
