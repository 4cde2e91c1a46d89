"""JSON files of a study: written whole or not at all, read with the file's name in every error."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqmodels.errors import DataError, OptionError
from seqmodels.training.atomic_file import write_atomically

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


def write_json(path: Path, values: Any) -> None:
    """Write plain values; the name never stands for half of them."""
    with write_atomically(path) as file:
        file.write((json.dumps(values, indent=1, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """Read them back.

    Raises:
        DataError: If the file can't be read or is no JSON.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist; give the folder of a study that was begun")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: can't be read ({reason}); remove it to have it made again") from error


@contextlib.contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold a folder for this process; the system frees it when the process ends, however it ends.

    Raises:
        OptionError: If another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "a") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise OptionError(f"{folder}: another process runs this study; wait for it, or end it") from error
            except OSError:
                pass  # no locks on this file system
        yield
