"""Pairs in a Hugging Face dataset."""

from collections.abc import Iterator
from typing import Any

from seqmodels.data.held_out import split_name
from seqmodels.data.hub import open_dataset, rows_of
from seqmodels.data.pairs.pair import Pair
from seqmodels.errors import DataError

_NESTED = "translation"


def hugging_face_pairs(name: str, languages: tuple[str, str] | None) -> Iterator[Pair]:
    """The two languages of the column ``translation``, as wmt-like datasets have it, or else two columns.

    A dataset with several splits keeps them; those that are neither training, validation nor test are left aside.

    Args:
        name: ``owner/name`` or ``owner/name/configuration`` on the hub, a folder that ``load_dataset`` or
            ``load_from_disk`` reads, or a csv, json, jsonl or parquet file.
        languages: the two keys of ``translation``, or the two columns; None: there are just two.

    Raises:
        DataError: the dataset can't be found, reached or read, or lacks a language or column.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "pairs.jsonl"
        >>> _ = path.write_text('{"translation": {"de": "ein Hund", "en": "a dog"}}')
        >>> [(pair.source, pair.target) for pair in hugging_face_pairs(str(path), ("en", "de"))]
        [('a dog', 'ein Hund')]
    """
    dataset = open_dataset(name)
    for part, table in dataset.items():
        split = split_name(part)
        if len(dataset) > 1 and split is None:
            continue
        first, second = _sides(table, languages, f"{name}, split {part}")
        for number, row in enumerate(rows_of(table, f"{name}, split {part}")):
            texts: Any = (row[_NESTED] or {}) if _NESTED in table.column_names else row
            where = f"{name}, split {part}, row {number}"
            yield Pair(texts.get(first), texts.get(second), where, split=split if len(dataset) > 1 else None)


def _sides(table: Any, languages: tuple[str, str] | None, source: str) -> tuple[str, str]:
    names = table.column_names
    if _NESTED in names:
        feature = table.features[_NESTED]
        names = list(getattr(feature, "languages", None) or feature)
    if languages is None and len(names) == 2:
        return names[0], names[1]
    if languages is None or not set(languages) <= set(names):
        asked = "two" if languages is None else " and ".join(languages)
        raise DataError(
            f"{source}: its languages or columns are {', '.join(names)}, not {asked}; choose two, as languages='de-en'"
        )
    return languages
