"""What a study's files were when it began: a cell or a text that has changed since makes other numbers."""

from __future__ import annotations

import contextlib
import hashlib
import inspect
from collections.abc import Iterable
from pathlib import Path

from seqmodels import registry
from seqmodels.compare.problem import Problem


def digests(cells: Iterable[str], problems: Iterable[Problem]) -> dict[str, str]:
    """Digests of the files of strangers' cells and of data: a name or path, and 16 digits of its sha256.

    Example:
        >>> digests(["lstm"], [])
        {}
    """
    found = {}
    for cell in cells:
        cls = registry.get_cell(cell)
        if cls.__module__.startswith("seqmodels.plugins."):
            continue
        with contextlib.suppress(OSError, TypeError):  # a class that was made without a file
            found[cell] = _digest(Path(inspect.getfile(cls)))
    for problem in problems:
        for value in problem.data_options.values():
            if isinstance(value, str) and Path(value).is_file():
                found[value] = _digest(Path(value))
    return found


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
