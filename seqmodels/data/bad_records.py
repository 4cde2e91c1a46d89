"""``BadRecords``: records that can't be used are named, skipped and counted, up to a limit."""

import warnings

from seqmodels.errors import DataError, OptionError


class BadRecords:
    """The bad records of one call, over all its files.

    Args:
        max_bad: how many are skipped; the next one is an error. None: none is, and messages don't tell of
            ``--data.max_bad``, which only commands that train have.

    Raises:
        OptionError: ``max_bad`` is no integer from 0.

    Example:
        >>> BadRecords(0).add("dogs.csv, line 3", "the caption is empty")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        seqmodels.errors.DataError: dogs.csv, line 3: the caption is empty; mend it, or skip bad records with ...
    """

    def __init__(self, max_bad: int | None) -> None:
        if max_bad is not None and (type(max_bad) is not int or max_bad < 0):
            raise OptionError(f"max_bad must be 0 or more bad records, not {max_bad!r}")
        self.max_bad, self.count = max_bad, 0
        self._first = ""

    def add(self, where: str, fault: str) -> None:
        """One more.

        Raises:
            DataError: it is one too many.
        """
        self.count += 1
        self._first = self._first or f"{where}: {fault}"
        if self.max_bad is None:
            raise DataError(f"{where}: {fault}; mend it, or leave it out")
        if self.count > self.max_bad:
            seen = f" ({self.count} bad records so far, max_bad is {self.max_bad})" if self.max_bad else ""
            more = f"skip bad records with --data.max_bad={self.count}" if not self.max_bad else "raise --data.max_bad"
            raise DataError(f"{where}: {fault}{seen}; mend it, or {more}")

    def warn(self) -> None:
        """Say how many were skipped, if any."""
        if self.count:
            records = "1 bad record was" if self.count == 1 else f"{self.count:,} bad records were"
            warnings.warn(f"{records} skipped, the first: {self._first}", stacklevel=3)


def shown(value: object) -> str:
    """A value of a file within a message: one line, and not long.

    Example:
        >>> shown("two\\nlines"), shown([0] * 10)
        ("'two\\\\nlines'", 'list')
    """
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return repr(value if len(value) <= 60 else value[:57] + "...")
    if isinstance(value, float) or (isinstance(value, int) and value.bit_length() <= 64):
        return repr(value)
    return type(value).__name__
