"""Texts that a command works on one by one: those of its options, or the lines of a file or pipe."""

import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path

from seqmodels.errors import InputError


def file_of(options: Namespace) -> Path | None:
    """The file that ``--file`` names; None: what is piped in, for which ``-`` stands, too."""
    path: Path | None = options.file
    return None if path == Path("-") else path


def placed_texts(texts: Sequence[str]) -> list[tuple[str, str]]:
    """What stands after ``--text``: where each is, for messages, and the text.

    Raises:
        InputError: If one is empty.

    Example:
        >>> placed_texts(["a dog", "a cat"])
        [('text 1 of --text', 'a dog'), ('text 2 of --text', 'a cat')]
    """
    several = len(texts) > 1
    places = [f"text {number} of --text" if several else "--text" for number in range(1, len(texts) + 1)]
    for where, text in zip(places, texts, strict=True):
        if not text.strip():
            raise InputError(f"{where}: the text is empty; write something in it")
    return list(zip(places, texts, strict=True))


def lines_of(path: Path | None) -> Iterator[str]:
    """The lines of a text file, or of what is piped in or typed, as they come; who is to type is told so.

    Raises:
        DataError: If the file can't be read, or something is not UTF-8.
    """
    from seqmodels.data.text_file import decode_utf8, read_text

    if path is not None:
        yield from read_text(path).removesuffix("\n").split("\n")
        return
    if sys.stdin.isatty():
        print("seqmodels: waits for lines from the terminal; Ctrl-D ends them", file=sys.stderr)
    for number, line in enumerate(sys.stdin.buffer, 1):
        yield decode_utf8(line, "standard input", number).rstrip("\n")


def texts_of(options: Namespace) -> Iterator[str]:
    """The texts of ``--text``, or else the lines of ``--file`` or of what is piped in, empty ones among them.

    Raises:
        InputError: If a text of ``--text`` is empty.
        DataError: If the file can't be read, or something is not UTF-8.
    """
    if options.text is None:
        yield from lines_of(file_of(options))
    else:
        yield from (text for _, text in placed_texts(options.text))
