"""Texts of a Hugging Face dataset."""

from typing import Any

from seqmodels.data.hub import open_dataset, splits_of
from seqmodels.errors import DataError

_INSTEAD = "use 'python', 'shakespeare', a local folder, or a file with --data.path"


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
    splits = splits_of(open_dataset(name, _INSTEAD), name)
    return {part: _join(table, text_column, f"{name}, split {split}") for part, (split, table) in splits.items()}


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
