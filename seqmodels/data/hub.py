"""A Hugging Face dataset, and its many ways to fail as errors of one line."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from seqmodels.data.held_out import PARTS, split_name
from seqmodels.errors import DataError

BUILDERS = {".csv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet", ".txt": "text"}
_INSTEAD = "give a folder or a file"


def open_dataset(name: str, instead: str = _INSTEAD) -> Mapping[str, Any]:
    """The tables of a dataset by the names of its splits.

    Args:
        name: ``owner/name``, ``owner/name/configuration`` or ``name/configuration`` on the hub, a folder that
            ``load_dataset`` or ``load_from_disk`` reads, or a local file (csv, json, jsonl, parquet, txt).
        instead: What else can be done where the hub is out of reach, for the message.

    Raises:
        DataError: The dataset can't be found, reached or read.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "lines.jsonl"
        >>> _ = path.write_text('{"line": "to be"}\\n{"line": "or not to be"}\\n')
        >>> open_dataset(str(path))["train"]["line"][1]
        'or not to be'
    """
    try:
        return _load(name, instead)
    except DataError:
        raise
    except Exception as error:  # whatever the library, its parsers and the network raise, StopIteration among them
        raise _explained(name, error, instead) from None


def splits_of(dataset: Mapping[str, Any], name: str) -> dict[str, tuple[str, Any]]:
    """The splits that there are of training, validation and test: what the dataset calls each, and its table.

    Raises:
        DataError: There is none to train on.
    """
    named = {part: next((split for split in dataset if split_name(split) == part), None) for part in PARTS}
    if named["train"] is None:
        raise DataError(f"{name}: there is no split 'train' among {', '.join(dataset)}; use a dataset that has one")
    return {part: (split, dataset[split]) for part, split in named.items() if split is not None}


def rows_of(table: Any, source: str) -> Iterator[Any]:
    """The rows of a table one by one; ``source`` names it in errors.

    Raises:
        DataError: The file is damaged further on.
    """
    try:
        yield from table
    except Exception as error:  # damaged files make the library raise nearly anything
        raise _explained(source, error, _INSTEAD) from None


def _load(name: str, instead: str) -> Any:
    import datasets

    path = Path(name)
    if path.is_file():
        if path.suffix not in BUILDERS:
            raise DataError(f"{name}: a dataset file ends in {', '.join(BUILDERS)}; convert it, or {instead}")
        return datasets.load_dataset(BUILDERS[path.suffix], data_files=str(path))
    if (path / "state.json").is_file():
        return {"train": datasets.load_from_disk(name)}
    if (path / "dataset_dict.json").is_file():
        return datasets.load_from_disk(name)
    if name.startswith(("/", ".", "~")) and not path.is_dir():
        raise DataError(f"{name}: no such file or folder; check the path (now in {Path.cwd()})")
    head, _, configuration = name.rpartition("/")
    if path.is_dir() or not head:
        return datasets.load_dataset(name)
    if "/" in head:
        return datasets.load_dataset(head, configuration)
    try:  # owner/name, or a name of the hub's early days and a configuration
        return datasets.load_dataset(name)
    except datasets.exceptions.DatasetNotFoundError:
        return datasets.load_dataset(head, configuration)


def _explained(source: str, error: BaseException, instead: str) -> DataError:
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        causes.append(cause)
    if any(isinstance(cause, ConnectionError) for cause in causes):
        here = "" if Path(source).exists() else "is no file or folder here, and "
        return DataError(f"{source}: {here}the Hugging Face hub can't be reached; connect to it, or {instead}")
    if any(type(cause).__name__ in ("StopIteration", "SchemaInferenceError") for cause in causes):
        return DataError(f"{source}: the dataset has an empty file; remove it or fill it")
    first, last = (" ".join(str(cause).split()) for cause in (error, causes[-1]))
    reason = first if last in first else f"{first}: {last}"
    kind = type(causes[-1]).__name__
    return DataError(f"{source}: no dataset can be read there ({kind}: {reason[:300]}); check the name and its files")
