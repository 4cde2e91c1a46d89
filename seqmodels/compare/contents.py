"""What a study's files were when it began: a cell or a text that has changed since makes other numbers."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import io
import tokenize
from collections.abc import Iterable
from pathlib import Path

from seqmodels import registry
from seqmodels.compare.problem import Problem


def digests(cells: Iterable[str], problems: Iterable[Problem]) -> dict[str, str]:
    """Digests of strangers' cells and of files of data: a name or path, and 16 digits of its sha256.

    Of a cell it is that of its file without comments and empty lines.

    Example:
        >>> digests(["lstm"], [])
        {}
    """
    found = {}
    for cell in cells:
        cls = registry.get_cell(registry.split_options(cell)[0])
        if cls.__module__.startswith("seqmodels.plugins."):
            continue
        with contextlib.suppress(OSError, TypeError):  # a class that was made without a file
            found[cell] = _digest(_code(Path(inspect.getfile(cls)).read_bytes()))
    for problem in problems:
        for value in problem.data_options.values():
            if isinstance(value, str) and Path(value).is_file():
                found[value] = _digest(Path(value).read_bytes())
    return found


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _code(source: bytes) -> bytes:
    """Python without comments, empty lines and spaces at the ends of lines; what can't be read as Python, as it is."""
    try:
        tokens = list(tokenize.tokenize(io.BytesIO(source).readline))
        lines = source.decode(tokens[0].string).splitlines()
    except (tokenize.TokenError, SyntaxError, UnicodeDecodeError):
        return source
    for token in tokens:
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return "\n".join(line.rstrip() for line in lines if line.strip()).encode()
