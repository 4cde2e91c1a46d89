"""Text of a plain file, of a ``.gz``, or of a ``.zip`` with one text file in it."""

import gzip
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from seqmodels.data.text_file import decode_utf8, read_text
from seqmodels.errors import DataError

_TEXT_ENDINGS = (".txt", ".tsv")
_DAMAGED = (OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, NotImplementedError, RuntimeError)


def read_packed_text(path: str | Path) -> str:
    """The text, changed only as ``read_text`` says.

    In a ``.zip``, files that don't end in .txt or .tsv or that begin with ``_`` don't count: Tatoeba's have an
    ``_about.txt`` beside the pairs.

    Args:
        path: its ending says how it is packed.

    Raises:
        DataError: the file is missing, no regular file, cut off, empty, or not UTF-8; a ``.zip`` has no text file, or
            several.

    Example:
        >>> import gzip, pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "train.de.gz"
        >>> _ = path.write_bytes(gzip.compress(b"ein Hund"))
        >>> read_packed_text(path)
        'ein Hund'
    """
    path = Path(path)
    if path.suffix not in (".gz", ".zip"):
        return read_text(path)
    if path.exists() and not path.is_file():
        raise DataError(f"{path}: this is not a regular file; name a file in it")
    try:
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else _unzipped(path)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path (now in {Path.cwd()})") from None
    except _DAMAGED as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: cannot be unpacked ({reason}); fetch it again, or unpack it yourself") from None
    text = decode_utf8(data, str(path))
    if not text:
        raise DataError(f"{path}: the file holds no text at all; give a longer file")
    return text


def _unzipped(path: Path) -> bytes:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if _is_text(PurePosixPath(name))]
        if len(names) != 1:
            found = f"{len(names)} text files ({', '.join(names[:5])})" if names else "no text file (.txt, .tsv)"
            raise DataError(f"{path}: {found} in it; give an archive with one, or unpack it and give the file")
        return archive.read(names[0])


def _is_text(name: PurePosixPath) -> bool:
    return name.suffix in _TEXT_ENDINGS and not any(part.startswith("_") for part in name.parts)
