"""JSON files of a study: written whole or not at all, read with the file's name in every error."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqmodels.errors import DataError, OptionError
from seqmodels.files.atomic_file import write_atomically
from seqmodels.files.writing import writing_to


def write_json(path: Path, values: Any) -> None:
    """Write plain values; the name never stands for half of them.

    Raises:
        DataError: If the file can't be written.
    """
    with writing_to(path.parent), write_atomically(path) as file:
        file.write((json.dumps(values, indent=1, allow_nan=False) + "\n").encode())


def read_json(path: Path) -> Any:
    """Read them back.

    Raises:
        DataError: If the file can't be read or is no JSON.
    """
    if not os.path.exists(path):
        raise DataError(f"{path} does not exist; give the folder of a study that was begun")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: can't be read ({reason}); remove it to have it made again") from error


def check_same(found: Any, asked: Any, what: str) -> None:
    """Refuse to go on with what was begun otherwise.

    Raises:
        OptionError: If two sets of options differ; says the first difference.

    Example:
        >>> check_same({"steps": [1, 2]}, {"steps": (1, 2)}, "the folder holds another study")
    """
    for name, there, here in _differences(found, plain(asked)):
        raise OptionError(f"{what} (its {name} is {there}, here {here}); give another folder")


def plain(values: Any) -> Any:
    """As JSON gives it back: tuples are lists, keys are texts."""
    if isinstance(values, dict):
        return {str(key): plain(value) for key, value in values.items()}
    return [plain(value) for value in values] if isinstance(values, list | tuple) else values


def _differences(found: Any, asked: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(asked, dict) and isinstance(found, dict):
        for key in [*asked, *(key for key in found if key not in asked)]:
            yield from _differences(found.get(key), asked.get(key), f"{name}.{key}" if name else key)
    elif asked != found:
        yield name, found, asked
