"""Captions in a Hugging Face dataset, where a picture is a cell of the table."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from seqmodels.data.captions.gathering import Gathering
from seqmodels.data.hub import open_dataset, rows_of
from seqmodels.errors import DataError

_IMAGE = ("image", "img", "jpg", "png", "image_path", "file_path")
_CAPTIONS = ("captions", "caption", "sentences", "sentence", "text", "texts")
_KEYS = ("image_id", "cocoid", "filename", "file_name", "id")


@dataclass(frozen=True)
class _Cell:
    """Reads the bytes of one picture from the table, which stays on the disk."""

    rows: Any
    number: int
    column: str

    def __call__(self) -> bytes:
        return _content(self.rows[self.number][self.column])[0] or b""


def gather_hugging_face(name: str, gathering: Gathering) -> None:
    """A dataset with the columns image, and captions, caption, sentences or text.

    The splits are those of a column ``split``, or else of the dataset if it has several. The key is that of the column
    image_id, cocoid, filename, file_name or id; without any, the start of the SHA-256 of the picture's bytes, so that
    rows of one picture come together.

    Args:
        name: ``owner/name`` or ``owner/name/configuration`` on the hub, a folder that ``load_dataset`` or
            ``load_from_disk`` reads, or a ``.parquet`` file.
        gathering: takes the records.

    Raises:
        DataError: the dataset can't be found, reached or read, or lacks a column.
    """
    dataset = open_dataset(name)
    for part in dataset:
        table = dataset[part]
        image = _column(table, _IMAGE, f"{name}, split {part}", "pictures")
        captions = _column(table, _CAPTIONS, f"{name}, split {part}", "captions")
        key_column = next((column for column in _KEYS if column in table.column_names), None)
        table = _undecoded(table, image)
        for number, row in enumerate(rows_of(table, f"{name}, split {part}")):
            where = f"split {part}, row {number}"
            split = (row["split"] or "") if "split" in row else part if len(dataset) > 1 else None
            data, path = _content(row[image])
            if data is None and path is None:
                gathering.fault(where, f"there is no picture in the column {image!r}")
                continue
            key: Any = row[key_column] if key_column else None
            if data is not None:
                key = key if key_column else sha256(data).hexdigest()[:16]
                text = gathering.image(where, key, split=split, load=_Cell(table, number, image), again=True)
            elif path is not None and os.path.isabs(path) and not isinstance(row[image], str):
                key = key if key_column else os.path.basename(path)  # a folder of images, unpacked by the library
                text = gathering.image(where, key, split=split, path=path, again=True)
            else:
                text = gathering.image(where, key if key_column else path, path, split, again=True)
            for caption in _texts(row[captions]) if text is not None else ():
                gathering.caption(where, str(text), caption)


def _content(value: Any) -> tuple[bytes | None, str | None]:
    """The bytes of a picture, or its path."""
    if isinstance(value, dict):
        data, path = value.get("bytes"), value.get("path")
        return (data, None) if data else (None, path if isinstance(path, str) else None)
    if isinstance(value, bytes):
        return value, None
    return None, value if isinstance(value, str) else None


def _texts(value: Any) -> Sequence[Any]:
    """The captions of a cell: one, a list, or a list of objects with ``raw``."""
    values = value if isinstance(value, list) else [value]
    return [text.get("raw") if isinstance(text, dict) else text for text in values]


def _column(table: Any, names: tuple[str, ...], source: str, what: str) -> str:
    for name in names:
        if name in table.column_names:
            return name
    columns = ", ".join(table.column_names)
    raise DataError(f"{source}: no column of {what} among {columns}; rename one to {names[0]!r}")


def _undecoded(table: Any, column: str) -> Any:
    import datasets

    if isinstance(table.features[column], datasets.Image):
        return table.cast_column(column, datasets.Image(decode=False))
    return table
