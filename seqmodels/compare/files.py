"""JSON files of a study: written whole or not at all, or line by line; read with the file's name in every error."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
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


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The values of a file of JSON lines; [] without a file. A last line that was never finished is ignored.

    Raises:
        DataError: If another line is damaged.
    """
    if not os.path.exists(path):
        return []
    found = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], 1):
        try:
            found.append(json.loads(line))
        except ValueError as error:
            raise DataError(f"{path}: line {number} is damaged; remove the line, or give another folder") from error
    return found


def append_line(path: Path, values: Mapping[str, Any]) -> None:
    """Adds a line of JSON, in place of a last line that was never finished; it has reached the disk on return.

    Raises:
        DataError: If it can't be written.
    """
    with writing_to(path.parent), open(path, "a+b") as file:
        end = file.seek(0, os.SEEK_END)
        file.seek(max(0, end - 1))
        if end and file.read(1) != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
        file.write((json.dumps(values, allow_nan=False) + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


def check_same(found: Any, asked: Any, what: str) -> None:
    """Refuse to go on with what was begun otherwise.

    Raises:
        OptionError: If two sets of options differ; says the first difference.

    Example:
        >>> check_same({"steps": [1, 2]}, {"steps": (1, 2)}, "the folder holds another study")
    """
    for name, there, here in _differences(found, plain(asked)):
        raise OptionError(f"{what} (its {name} is {there}, here {here}); give another folder")


def plain(value: Any) -> Any:
    """The value as JSON has it: lists for tuples, None for NaN and infinity, text for what it doesn't know.

    >>> plain({"a": (1, float("nan")), 2: "b"})
    {'a': [1, None], '2': 'b'}
    """
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)


def _differences(found: Any, asked: Any, name: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(asked, dict) and isinstance(found, dict):
        for key in [*asked, *(key for key in found if key not in asked)]:
            yield from _differences(found.get(key), asked.get(key), f"{name}.{key}" if name else key)
    elif asked != found:
        yield name, found, asked
