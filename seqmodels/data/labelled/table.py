"""Tables of texts: ``.csv``, and ``.tsv`` with a header."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from seqmodels.data.csv_rows import filled_rows
from seqmodels.errors import DataError


class Row(NamedTuple):
    """A row of a table."""

    where: str
    """The file and the line, for messages."""
    values: list[str]
    """Of the columns that were asked for, in their order; empty if something is wrong."""
    fault: str
    """What is wrong with it; empty: nothing."""


def is_table(text: str, path: str, columns: Iterable[str]) -> bool:
    """Whether a file is a table: by its name if that ends in ``.csv``; ``.tsv`` may also be lines without a header.

    Example:
        >>> is_table("text\\tlabel\\n", "a.tsv", ["text"]), is_table("person\\tWho ?\\n", "a.tsv", ["text"])
        (True, False)
    """
    header = text.lstrip().partition("\n")[0].split("\t")
    return Path(path).suffix == ".csv" or (Path(path).suffix == ".tsv" and set(columns) <= set(header))


def rows_of_table(text: str, path: str, columns: Mapping[str, str]) -> Iterator[Row]:
    """The rows of a table whose first line names its columns; empty ones don't count.

    Args:
        text: Of the file, in which commas separate, or tabs if its name ends in ``.tsv``.
        path: The file.
        columns: Those that are wanted, by the options that choose them.

    Raises:
        DataError: A column is missing, or the file is no CSV; names the line.

    Example:
        >>> text = 'n,text\\n1,"Who, then ?"\\n2,Why,not ?\\n'
        >>> [row[1:] for row in rows_of_table(text, "a.csv", {"--text-column": "text"})]
        [(['Who, then ?'], ''), ([], '3 columns rather than 2')]
    """
    # Quotes mean nothing in a table of tabs.
    form = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if path.endswith(".tsv") else {}
    rows = filled_rows(text, path, **form)
    number, header = next(rows, (1, []))
    header = [name.strip() for name in header]
    for option, column in columns.items():
        if column not in header:
            raise DataError(
                f"{path}, line {number}: there is no column {column!r}; choose one with {option}: {', '.join(header)}"
            )
    places = [header.index(column) for column in columns.values()]
    for number, row in rows:
        where = f"{path}, line {number}"
        if len(row) == len(header):
            yield Row(where, [row[place] for place in places], "")
        else:
            yield Row(where, [], f"{len(row)} columns rather than {len(header)}")
