"""``read_texts``: the texts of what ``read_labelled_texts`` reads, for a model that is to find their classes."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from seqmodels.data.bad_records import shown
from seqmodels.data.labelled.table import is_table, rows_of_table
from seqmodels.data.text_file import read_text
from seqmodels.errors import DataError

_FASTTEXT = "__label__"
_COLUMN = "--text-column"


class PlacedText(NamedTuple):
    """A text, and where it is from."""

    text: str
    """Without line ends; empty where a file of lines has an empty one."""
    where: str
    """The file and the line, for messages."""


def read_texts(path: str | Path, text_column: str = "text", labels: Collection[str] = ()) -> list[PlacedText]:
    """The texts of a file, without their classes if it has some.

    - ``.csv``, and ``.tsv`` with a header: the texts of one column;
    - ``.jsonl``: of one key of the object on each line; ``.json`` and ``.parquet``: of one column;
    - others: a text a line. Where all of them begin with a class, as fastText and TREC have it, it is left out.

    White space within a text becomes one space.

    Args:
        path: The file.
        text_column: The column of a table, or the key of an object.
        labels: The classes that may stand before the texts of a file of lines.

    Raises:
        DataError: The file is missing or damaged, lacks the column, or has a row without text; names the line.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "questions.txt"
        >>> _ = path.write_text("number How far is Denver ?\\nperson Who was Galileo ?\\n")
        >>> [found.text for found in read_texts(path, labels=["number", "person"])]
        ['How far is Denver ?', 'Who was Galileo ?']
    """
    name, ending = str(path), Path(path).suffix
    if ending in (".json", ".parquet"):
        return list(_of_dataset(name, text_column))
    text = read_text(path)
    if ending == ".jsonl":
        return list(_of_objects(text, name, text_column))
    if is_table(text, name, [text_column]):
        rows = rows_of_table(text, name, {_COLUMN: text_column})
        return [_placed(values[0] if values else None, where, fault) for where, values, fault in rows]
    lines = [" ".join(line.split()) for line in _without_classes(text.removesuffix("\n").split("\n"), labels)]
    return [PlacedText(line, f"{name}, line {number}") for number, line in enumerate(lines, 1)]


def _of_objects(text: str, path: str, column: str) -> Iterator[PlacedText]:
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{path}, line {number}"
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}: this is not JSON ({str(error)[:60]}); mend it there") from None
        if not isinstance(record, dict):
            raise DataError(f'{where}: the record is {shown(record)}; write an object, {{"{column}": "..."}}')
        if column not in record:
            known = ", ".join(record)
            raise DataError(f"{where}: there is no key {column!r}; choose one with {_COLUMN}: {known}")
        yield _placed(record[column], where)


def _of_dataset(path: str, column: str) -> Iterator[PlacedText]:
    from seqmodels.data.hub import open_dataset

    if not Path(path).is_file():
        read_text(path)  # says what is wrong with it
    (table,) = open_dataset(path).values()
    if column not in table.column_names:
        known = ", ".join(table.column_names)
        raise DataError(f"{path}: there is no column {column!r}; choose one with {_COLUMN}: {known}")
    for number, text in enumerate(table[column]):
        yield _placed(text, f"{path}, row {number}")


def _placed(text: Any, where: str, fault: str = "") -> PlacedText:
    if not fault and not isinstance(text, str):
        fault = f"the text is {shown(text)}"
    if not fault and not text.strip():
        fault = "the text is empty"
    if fault:
        raise DataError(f"{where}: {fault}; mend it, or leave it out")
    return PlacedText(" ".join(text.split()), where)


def _without_classes(lines: list[str], labels: Collection[str]) -> list[str]:
    """The lines, less the class before each if all have one."""
    filled = [line.strip() for line in lines if line.strip()]
    fasttext = bool(filled) and filled[0].startswith(_FASTTEXT)
    separator = "\t" if filled and "\t" in filled[0] and not fasttext else None  # None: any white space
    heads = [line.split(separator, 1) for line in filled]
    if not all(len(head) == 2 and (head[0].startswith(_FASTTEXT) if fasttext else head[0] in labels) for head in heads):
        return lines
    return [line.strip().split(separator, 1)[1] if line.strip() else "" for line in lines]
