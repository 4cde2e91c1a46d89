"""The rows of a CSV text."""

import csv
import io
from typing import Any


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
