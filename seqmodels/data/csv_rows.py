"""The rows of a CSV text."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from seqmodels.errors import DataError


def csv_rows(text: str, **form: Any) -> Any:
    """Python's reader of a CSV text, which refuses what is none; a field may be as long as the text.

    Args:
        text: Of the file.
        form: As ``csv.reader`` takes it, instead of commas and quotes.

    Example:
        >>> list(csv_rows('n,text\\n1,"a, b"\\n'))
        [['n', 'text'], ['1', 'a, b']]
    """
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))  # of this process; 131,072 at first
    return csv.reader(io.StringIO(text, newline=""), **(form or {"strict": True}))


def filled_rows(text: str, source: str, **form: Any) -> Iterator[tuple[int, list[str]]]:
    """The rows that aren't empty, each with the number of its line, of several its last.

    Args:
        text: Of the file.
        source: The file, for errors.
        form: As ``csv.reader`` takes it, instead of commas and quotes.

    Raises:
        DataError: The text is no CSV; names the line.

    Example:
        >>> list(filled_rows('n,text\\n\\n1,"a,\\nb"\\n', "a.csv"))
        [(1, ['n', 'text']), (4, ['1', 'a,\\nb'])]
    """
    rows = csv_rows(text, **form)
    try:
        for row in rows:
            if "".join(row).strip():
                yield rows.line_num, row
    except csv.Error as error:
        raise DataError(
            f"{source}, line {rows.line_num}: is no CSV ({error}); check the quotes there and before"
        ) from None
