"""JSON files, read strictly: what other readers guess at is an error that says where it is."""

import contextlib
import gc
import json
import math
import os
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NoReturn

from seqmodels.data.text_file import read_text
from seqmodels.errors import DataError

_COMPRESSED = {b"\x1f\x8b": "gzip", b"PK\x03\x04": "zip"}
_STRING = r'"(?:[^"\\]|\\.)*"'
_NOT_A_NUMBER = re.compile(rf"{_STRING}|(NaN|-?Infinity)", re.DOTALL)
_HIGH, _LOW = r"u[dD][89abAB][0-9a-fA-F]{2}", r"u[dD][c-fC-F][0-9a-fA-F]{2}"
# Each escape is matched whole, so that the second half of "\\\\ud800" is no escape.
_ESCAPE = re.compile(rf"\\(?:{_HIGH}\\{_LOW}|({_HIGH}|{_LOW})|.)", re.DOTALL)


def read_json(path: str | os.PathLike[str]) -> Any:
    """The value of a JSON file in UTF-8: dictionaries, lists, strings, integers, finite floats, booleans and None.

    A byte order mark at the start is dropped.

    Args:
        path: a regular file.

    Raises:
        DataError: the file is missing, compressed, not UTF-8 or not JSON (then with line and column), ends too early,
            is nested too deeply, or holds what JSON readers disagree about: a key twice in one object, NaN or
            Infinity, a number out of range, half of a surrogate pair.

    Source: RFC 8259.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "questions.json"
        >>> _ = path.write_text('{"questions": [{"question_id": 1}]}')
        >>> read_json(path)
        {'questions': [{'question_id': 1}]}
    """
    path = os.fspath(path)
    _refuse_compressed(path)
    text = read_text(path)
    try:
        with collection_paused():
            value = json.loads(
                text, object_pairs_hook=_without_duplicates, parse_constant=_not_a_number, parse_float=_finite
            )
    except json.JSONDecodeError as error:
        place, reason = _place(text, error.pos), f"{error.msg[0].lower()}{error.msg[1:]}"
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            raise DataError(f"{path}, {place}: the JSON ends too early ({reason}); get the whole file again") from None
        raise DataError(f"{path}, {place}: this is not JSON ({reason}); mend it there") from None
    except _NotStrict as fault:
        raise DataError(f"{path}: {fault}") from None
    except _NotANumber as fault:
        raise DataError(f"{path}, {_place_of_constant(text)}: {fault}") from None
    except RecursionError:
        raise DataError(f"{path}: lists and objects are nested too deeply; the file is damaged") from None
    except ValueError:  # Python refuses integers of thousands of digits
        raise DataError(f"{path}: holds an integer of too many digits; the file is damaged") from None
    for escape in _ESCAPE.finditer(text):
        if escape[1]:
            place = _place(text, escape.start())
            raise DataError(f"{path}, {place}: \\{escape[1]} is half of a surrogate pair; write the whole character")
    return value


@contextlib.contextmanager
def collection_paused() -> Iterator[None]:
    """No garbage collection in the block: it takes half the time where millions of records are made and kept.

    Example:
        >>> with collection_paused():
        ...     gc.isenabled()
        False
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _NotStrict(Exception):
    """JSON to Python, but not to everyone."""


class _NotANumber(Exception):
    """JSON to Python alone."""


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    counts = Counter(key for key, _ in pairs)
    twice = max(counts, key=counts.__getitem__)
    scalars = [f"{key!r}: {value!r:.40}" for key, value in pairs if isinstance(value, str | int)]
    inside = ", ".join(scalars[:4])[:160]
    raise _NotStrict(f"the key {twice!r:.60} is twice in one object ({inside}); keep one of the two")


def _not_a_number(constant: str) -> NoReturn:
    raise _NotANumber(f"{constant} is not JSON; write a number or null")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _NotStrict(f"the number {digits:.40} is out of range; write a smaller one")
    return number


def _place_of_constant(text: str) -> str:
    """Of the first NaN or Infinity outside strings; the decoder doesn't say where it met it."""
    return _place(text, next(match.start() for match in _NOT_A_NUMBER.finditer(text) if match[1]))


def _place(text: str, position: int) -> str:
    return f"line {text.count(chr(10), 0, position) + 1}, column {position - text.rfind(chr(10), 0, position)}"


def _refuse_compressed(path: str) -> None:
    if not os.path.isfile(path):
        return  # read_text says why
    try:
        with open(path, "rb") as file:
            start = file.read(4)
    except OSError:
        return
    for mark, name in _COMPRESSED.items():
        if start.startswith(mark):
            raise DataError(f"{path}: this is a {name} file; unpack it and name the JSON file in it")
