"""Read a text file strictly: every byte is kept, named as wrong, or changed as documented here; nothing else."""

import codecs
from pathlib import Path

from seqmodels.errors import DataError

_BYTE_ORDER_MARK = "\ufeff"


def read_text(path: str | Path, minimum: int = 1) -> str:
    """The text of a UTF-8 file.

    Two things are changed, as every text editor does: a byte order mark at the very start is dropped, and a Windows
    line end (CR LF) becomes a line feed. All other characters stay, among them NUL, U+2028 and a lone CR.

    Args:
        path: a regular file.
        minimum: the fewest characters that are of any use.

    Raises:
        DataError: the file is missing, a directory, a pipe, unreadable, empty, shorter than ``minimum``, or not UTF-8
            (then with line and byte offset; this includes surrogates, which UTF-8 cannot hold).

    Example:
        >>> import tempfile, pathlib
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "hello.txt"
        >>> _ = path.write_bytes(b"\\xef\\xbb\\xbfhello\\r\\nworld\\n")
        >>> read_text(path)
        'hello\\nworld\\n'
    """
    path = Path(path)
    text = decode_utf8(_read_bytes(path), str(path))
    if len(text) < minimum:
        length = f"only {len(text)} of the {minimum} characters that are needed" if text else "no text at all"
        raise DataError(f"{path}: the file holds {length}; give a longer file")
    return text


def decode_utf8(data: bytes, source: str, first_line: int = 1) -> str:
    """Bytes as text, changed only as ``read_text`` says; ``source`` and the number of their first line are for errors.

    Example:
        >>> decode_utf8(b"caf\\xe9", "menu.txt")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        seqmodels.errors.DataError: menu.txt, line 1: byte 3 (0xE9) is not UTF-8; convert the file to UTF-8, ...
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + first_line
        raise DataError(
            f"{source}, line {line}: byte {error.start} (0x{data[error.start]:02X}) is not UTF-8; "
            f"convert the file to UTF-8, for example with: iconv -f {_likely_encoding(data)} -t UTF-8"
        ) from None
    return text.removeprefix(_BYTE_ORDER_MARK).replace("\r\n", "\n")


def _likely_encoding(data: bytes) -> str:
    """By the mark that Windows writes at the start; without one a text of one byte a character."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):  # before UTF-16, whose mark is the half of it
        return "UTF-32"
    return "UTF-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "LATIN1"


def _read_bytes(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise DataError(f"{path}: this is a directory; name a text file in it")
        # A pipe or a device could block for ever or never end.
        if path.exists() and not path.is_file():
            raise DataError(f"{path}: this is not a regular file; save the text to a file first")
        return path.read_bytes()
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path (now in {Path.cwd()})") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataError(f"{str(path)!r}: cannot be read ({reason}); check the path and its permissions") from None
