"""Texts with classes in a Hugging Face dataset."""

from collections.abc import Iterator
from typing import Any

from seqmodels.data.bad_records import BadRecords, shown
from seqmodels.data.hub import open_dataset, splits_of
from seqmodels.data.labelled.records import LabelledText
from seqmodels.errors import DataError


def read_dataset(name: str, text_column: str, label_column: str, bad: BadRecords) -> dict[str, Iterator[LabelledText]]:
    """The texts of "train", and of "validation" and "test" where the dataset has them.

    Classes that the dataset keeps as numbers with names get their names.

    Args:
        name: ``owner/name``, ``owner/name/configuration`` or ``name/configuration`` on the hub, a local folder, or a
            local file (json, jsonl, parquet).
        text_column: The column of the texts.
        label_column: That of the classes, texts or integers.
        bad: Where rows without class or text are counted.

    Raises:
        DataError: The dataset can't be found, reached or read; it lacks a train split or a column.
    """
    splits = splits_of(open_dataset(name), name)
    return {
        part: _rows(table, text_column, label_column, f"{name}, split {split}", bad)
        for part, (split, table) in splits.items()
    }


def _rows(table: Any, text_column: str, label_column: str, source: str, bad: BadRecords) -> Iterator[LabelledText]:
    for option, column in {"--data.text_column": text_column, "--data.label_column": label_column}.items():
        if column not in table.column_names:
            raise DataError(
                f"{source}: there is no column {column!r}; choose one with {option}: {', '.join(table.column_names)}"
            )
    names = getattr(table.features[label_column], "names", None)
    for number, (text, label) in enumerate(zip(table[text_column], table[label_column], strict=True)):
        where = f"{source}, row {number}"
        if names is not None and isinstance(label, int) and 0 <= label < len(names):
            label = names[label]
        if not isinstance(text, str):
            bad.add(where, f"the text is {shown(text)}")
        elif isinstance(label, bool) or not isinstance(label, int | str) or (names is not None and label == -1):
            bad.add(where, f"the class is {shown(label)}; it must be a text or an integer")
        else:
            yield LabelledText(str(label), text, where)
