"""Writing to a folder that a user has named."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from seqmodels.errors import DataError


@contextlib.contextmanager
def writing_to(folder: str | os.PathLike[str]) -> Iterator[None]:
    """For a block that does nothing else; what the system refuses it is one line.

    Raises:
        DataError: If something can't be written.

    Example:
        >>> with writing_to("/dev/null"):
        ...     os.mkdir("/dev/null/study")
        Traceback (most recent call last):
        ...
        seqmodels.errors.DataError: /dev/null: can't be written (Not a directory); give another folder, or make room
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"{folder}: can't be written ({reason}); give another folder, or make room") from error


def check_writable(folder: str | os.PathLike[str]) -> None:
    """Sees whether a folder can be made or written, leaving nothing there; remote ones (``s3://...``) are let through.

    Raises:
        DataError: If it can't.

    Example:
        >>> check_writable("/dev/null/a")
        Traceback (most recent call last):
        ...
        seqmodels.errors.DataError: /dev/null/a: can't be written (Not a directory); give another folder, or make room
    """
    if "://" in os.fspath(folder):
        return
    path = Path(folder).absolute()
    there = next(each for each in (path, *path.parents) if os.path.lexists(each))
    with writing_to(folder), tempfile.TemporaryDirectory(prefix=".", dir=there):
        pass
