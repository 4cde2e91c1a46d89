"""The folder of compiled libraries: trusted only if nobody else can write to it, read only what is whole.

A library ends with a trailer, the digest of all that stands before it. Loaders of shared libraries ignore what follows
the last section, and a file that was cut short or has rotted is found out before any of it runs.
"""

import contextlib
import ctypes
import hashlib
import os
import shutil
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

WORK, LOCK = ".work-", ".lock"  # how the names of temporary folders begin, how those of lock files end

_MAGIC = b"\nseqmodels library\n"
_PATIENCE = 150.0  # seconds that another process may take for a library: more than a compiler gets
_HOUR = 3600.0

_has_warned = False


def location() -> Path:
    """Where libraries are kept, whether or not that folder can be used."""
    named = os.environ.get("SEQMODELS_CACHE")
    if named:
        return Path(os.path.expanduser(named), "native")
    caches = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(caches):  # as its specification says
        caches = os.path.expanduser("~/.cache")
    return Path(caches, "seqmodels", "native")


def prepare() -> Path:
    """Make the folder if need be; OSError says why it can't be used. It may still be impossible to write to it."""
    folder = location()
    if str(folder).startswith("~"):
        raise OSError("there is no home folder")
    folder = folder.absolute()
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    _refuse_others(folder.stat())
    return folder


def seal(library: Path) -> None:
    """Append the trailer to a new library and have it on the disk."""
    with contextlib.suppress(OSError):  # some file systems have one mode for all
        library.chmod(0o700)  # whatever the umask
    with open(library, "r+b") as file:
        file.write(_trailer(file.read()))
        file.flush()
        os.fsync(file.fileno())


def open_library(library: Path) -> ctypes.CDLL:
    """Load a sealed library. OSError: it is missing, damaged, another user's, or of no use on this machine."""
    with open(library, "rb") as file:
        _refuse_others(os.fstat(file.fileno()))
        content = file.read()
    length = len(_trailer(b""))
    if content[-length:] != _trailer(content[:-length]):
        raise OSError("a library in it is damaged")
    return ctypes.CDLL(str(library))


@contextlib.contextmanager
def one_process(lock: Path) -> Iterator[None]:
    """Processes that ask for the same lock enter one after another.

    The system frees the lock of a process that dies. Where there are no locks, or a holder is stuck, all enter: nothing
    worse happens than the same work done twice.
    """
    if fcntl is None:
        yield
        return
    with open(lock, "ab") as file:
        _wait_for(file.fileno())
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                lock.unlink()
            with contextlib.suppress(OSError):  # closing is not enough if the process was forked meanwhile
                fcntl.flock(file, fcntl.LOCK_UN)


def remove_strays(folder: Path) -> None:
    """Remove what killed processes left behind an hour ago or more."""
    with contextlib.suppress(OSError):
        for path in [*folder.glob(f"{WORK}*"), *folder.glob(f"*{LOCK}")]:
            with contextlib.suppress(OSError):  # another process removed it first
                if time.time() - path.lstat().st_mtime > _HOUR:
                    path.unlink() if path.name.endswith(LOCK) else shutil.rmtree(path, ignore_errors=True)


def reason(error: Exception) -> str:
    """What went wrong, on one line, without error numbers."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(text.split())


def warn_once(error: Exception) -> None:
    """Say that the folder can't be used, the first time in this process."""
    global _has_warned
    if _has_warned:
        return
    _has_warned = True
    warnings.warn(
        f"compiled code isn't kept for the next run, since {location()} can't be used: {reason(error)}; "
        "set SEQMODELS_CACHE to a writable folder of your own",
        RuntimeWarning,
        stacklevel=4,  # who called build.load
    )


def _trailer(content: bytes) -> bytes:
    return _MAGIC + hashlib.sha256(content).digest()


def _refuse_others(status: os.stat_result) -> None:
    """Another user who can write here could have us run anything."""
    if hasattr(os, "geteuid") and status.st_uid != os.geteuid():
        raise PermissionError("it belongs to another user")
    if os.name == "posix" and status.st_mode & 0o022:
        raise PermissionError("other users may write to it")


def _wait_for(descriptor: int) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.02)
        except OSError:  # no locks on this file system
            return
        else:
            return
