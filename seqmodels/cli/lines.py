"""Lines of text that a command works on one by one."""

import sys
from collections.abc import Iterator
from pathlib import Path


def lines_of(path: Path | None) -> Iterator[str]:
    """The lines of a text file, or of what is piped in, as they come.

    Raises:
        DataError: If the file can't be read, or something is not UTF-8.
    """
    from seqmodels.data.text_file import decode_utf8, read_text

    if path is not None:
        yield from read_text(path).removesuffix("\n").split("\n")
        return
    for number, line in enumerate(sys.stdin.buffer, 1):
        yield decode_utf8(line, "standard input", number).rstrip("\n")
