"""Writing a file so that its name never stands for half of it, whatever kills the process.

The new content goes to a temporary file in the same folder (hence on the same file system: a rename is then atomic),
reaches the disk, and takes the name in one step. The writer holds a lock on its temporary file; the system frees the
lock when the process dies, however it dies, so the next writer can tell litter from work in progress.
"""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

try:
    import fcntl
except ImportError:  # Windows, where an open file can't be removed: the litter tells itself apart
    fcntl = None  # type: ignore[assignment]

_PREFIX, _SUFFIX = ".seqmodels-", ".tmp"


@contextlib.contextmanager
def write_atomically(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing that takes the name ``path`` when the block ends without an error.

    On any error the old file, if there was one, is as before and the temporary one is gone.

    >>> with write_atomically("example.txt") as file:
    ...     _ = file.write(b"whole")
    >>> Path("example.txt").read_bytes()
    b'whole'
    >>> os.remove("example.txt")
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_litter(path.parent)
    file = _open_locked(path.parent)
    try:
        yield file
        file.flush()
        os.fsync(file.fileno())
        if fcntl is None:
            file.close()
        os.replace(file.name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            file.close()
        with contextlib.suppress(OSError):
            os.unlink(file.name)
        raise
    file.close()
    _sync_folder(path.parent)


def remove_litter(folder: str | os.PathLike[str]) -> list[str]:
    """Remove temporary files whose writers are dead; return their names. Those of live writers stay."""
    removed = []
    for file in Path(folder).glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(OSError):  # held by a live writer, already gone, or no locks on this file system
            if fcntl is None:
                file.unlink()
            else:
                with open(file, "rb") as handle:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    file.unlink()
            removed.append(file.name)
    return removed


def _open_locked(folder: Path) -> BinaryIO:
    while True:
        name = folder / f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}"
        file = open(name, "xb")  # noqa: SIM115 (closed by the caller)
        if fcntl is None:
            return file
        with contextlib.suppress(OSError):  # no locks on this file system: then litter is never removed either
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink:
            return file
        file.close()  # another process took it for litter before we had the lock


def _sync_folder(folder: Path) -> None:
    """The rename itself must survive a power cut; where a folder can't be synced, nothing better exists."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
