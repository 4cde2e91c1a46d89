"""Text of a Hugging Face dataset, and its many ways to fail as errors of one line."""

from pathlib import Path
from typing import Any

from seqmodels.errors import DataError

_SPLITS = {"train": ("train",), "validation": ("validation", "valid", "val", "dev"), "test": ("test",)}
_BUILDERS = {".csv": "csv", ".json": "json", ".jsonl": "json", ".parquet": "parquet", ".txt": "text"}


def read_splits(name: str, text_column: str = "text") -> dict[str, str]:
    """The texts of a dataset: ``"train"``, and ``"validation"`` and ``"test"`` where it has them.

    Rows are joined so that each ends with one line feed.

    Args:
        name: ``owner/name``, ``owner/name/configuration`` or ``name/configuration`` on the hub, a local folder, or a
            local file (csv, json, jsonl, parquet, txt).
        text_column: the column that holds the text.

    Raises:
        DataError: the dataset can't be found, reached or read; it lacks a train split or the column; a row of the
            column is no text.

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "lines.jsonl"
        >>> _ = path.write_text('{"line": "to be"}\\n{"line": "or not to be"}\\n')
        >>> read_splits(str(path), text_column="line")
        {'train': 'to be\\nor not to be\\n'}
    """
    dataset = _load(name)
    texts = {}
    for split, spellings in _SPLITS.items():
        found = [spelling for spelling in spellings if spelling in dataset]
        if found:
            texts[split] = _join(dataset[found[0]], text_column, f"{name}, split {found[0]}")
    if "train" not in texts:
        raise DataError(f"{name}: there is no split 'train' among {', '.join(dataset)}; use a dataset that has one")
    return texts


def _load(name: str) -> Any:
    import datasets

    path = Path(name)
    if path.is_file():
        if path.suffix not in _BUILDERS:
            raise DataError(f"{name}: a dataset file ends in {', '.join(_BUILDERS)}; give other text with --data.path")
        return _attempt(name, _BUILDERS[path.suffix], data_files=str(path))
    if name.startswith(("/", ".", "~")) and not path.is_dir():
        raise DataError(f"{name}: no such file or folder; check the path (now in {Path.cwd()})")
    head, _, configuration = name.rpartition("/")
    if path.is_dir() or not head:
        return _attempt(name, name)
    if "/" in head:
        return _attempt(name, head, configuration)
    try:  # owner/name, or a name of the hub's early days and a configuration
        return datasets.load_dataset(name)
    except datasets.exceptions.DatasetNotFoundError:
        return _attempt(name, head, configuration)
    except Exception as error:
        raise _explained(name, error) from None


def _attempt(name: str, *arguments: str, **options: str) -> Any:
    import datasets

    try:
        return datasets.load_dataset(*arguments, **options)
    except Exception as error:  # whatever the library, its parsers and the network raise, StopIteration among them
        raise _explained(name, error) from None


def _explained(name: str, error: BaseException) -> DataError:
    causes = [error]
    while (cause := causes[-1].__cause__ or causes[-1].__context__) and cause not in causes:
        causes.append(cause)
    if any(isinstance(cause, ConnectionError) for cause in causes):
        return DataError(
            f"{name}: the Hugging Face hub can't be reached; connect to it, or use 'python', 'shakespeare', "
            f"a local folder, or a file with --data.path"
        )
    if any(type(cause).__name__ in ("StopIteration", "SchemaInferenceError") for cause in causes):
        return DataError(f"{name}: the dataset has an empty file; remove it or fill it")
    first, last = (" ".join(str(cause).split()) for cause in (error, causes[-1]))
    reason = first if last in first else f"{first}: {last}"
    kind = type(causes[-1]).__name__
    return DataError(f"{name}: no dataset can be read there ({kind}: {reason[:300]}); check the name and its files")


def _join(split: Any, column: str, source: str) -> str:
    if column not in split.column_names:
        raise DataError(
            f"{source}: there is no column {column!r}; choose one with --data.text_column: "
            f"{', '.join(split.column_names)}"
        )
    rows = []
    for number, row in enumerate(split[column]):
        if not isinstance(row, str):
            kind = "empty (null)" if row is None else f"no text but {type(row).__name__}"
            raise DataError(f"{source}, row {number}: column {column!r} is {kind}; remove the row or choose a column")
        rows.append(row if row.endswith("\n") else row + "\n")
    text = "".join(rows)
    if not text.strip():
        raise DataError(f"{source}: column {column!r} holds no text; choose another with --data.text_column")
    return text
