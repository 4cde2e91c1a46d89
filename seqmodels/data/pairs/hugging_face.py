"""Pairs in a Hugging Face dataset."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seqmodels.data.captions.splits import split_name
from seqmodels.data.pairs.pair import Pair
from seqmodels.errors import DataError

BUILDERS = {".csv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet"}
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
    dataset = _load(name)
    for part, table in dataset.items():
        split = split_name(part)
        if len(dataset) > 1 and split is None:
            continue
        first, second = _sides(table, languages, f"{name}, split {part}")
        for number, row in enumerate(_rows(table, f"{name}, split {part}")):
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


def _rows(table: Any, source: str) -> Iterator[Any]:
    try:
        yield from table
    except Exception as error:  # damaged files make the library raise nearly anything
        raise _explained(source, error) from None


def _load(name: str) -> Mapping[str, Any]:
    import datasets

    path = Path(name)
    try:
        if path.suffix in BUILDERS:
            return datasets.load_dataset(BUILDERS[path.suffix], data_files=str(path))
        if (path / "state.json").is_file():
            return {"train": datasets.load_from_disk(name)}
        if (path / "dataset_dict.json").is_file():
            return datasets.load_from_disk(name)
        head, _, configuration = name.rpartition("/")
        if "/" in head and not path.is_dir():
            return datasets.load_dataset(head, configuration)
        return datasets.load_dataset(name)
    except Exception as error:  # whatever the library, its parsers and the network raise
        raise _explained(name, error) from None


def _explained(source: str, error: BaseException) -> DataError:
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        causes.append(cause)
    if any(isinstance(cause, ConnectionError) for cause in causes):
        return DataError(f"{source}: the Hugging Face hub can't be reached; connect to it, or give a folder or a file")
    reason = " ".join(f"{type(causes[-1]).__name__}: {causes[-1]}".split())[:300]
    return DataError(f"{source}: no dataset can be read there ({reason}); check the name and its files")
