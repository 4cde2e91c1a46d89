"""A folder held by one process at a time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from seqmodels.errors import DataError
from seqmodels.files.writing import writing_to

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class FolderLock:
    """A lock that one object takes as often as it likes; the system frees it when the process ends, however it ends.

    Args:
        folder: made if it is missing.
        what: what the other process would be doing, for the message.

    Example:
        >>> import tempfile
        >>> lock = FolderLock(tempfile.mkdtemp(), "writes to it")
        >>> with lock, lock:
        ...     print("mine")
        mine
    """

    def __init__(self, folder: str | Path, what: str) -> None:
        self.folder, self.what = Path(folder), what
        self._file: IO[str] | None = None
        self._depth = 0

    def __enter__(self) -> None:
        """Take it.

        Raises:
            DataError: Another process, or another object, has it; or the folder can't be written.
        """
        self._take(wait=False)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Take it as soon as nobody else has it; a line on the standard error output says that it waits.

        Raises:
            DataError: The folder can't be written.
        """
        self._take(wait=True)
        try:
            yield
        finally:
            self.__exit__()

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            self.let_go()

    @property
    def held(self) -> bool:
        """Whether this object has it."""
        return self._depth > 0

    def let_go(self) -> None:
        """Close the file; for processes forked from the one that has the lock, which would go on holding it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _take(self, wait: bool) -> None:
        if self._depth == 0:
            self._file = self._locked(wait)
        self._depth += 1

    def _locked(self, wait: bool) -> IO[str]:
        with writing_to(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            file = open(self.folder / ".lock", "a")  # noqa: SIM115 - open as long as the lock is held
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not wait:
                    file.close()
                    raise DataError(f"{self.folder}: another process {self.what}; wait for it, or end it") from None
                print(f"{self.folder}: another process {self.what}; waiting for it", file=sys.stderr, flush=True)
                fcntl.flock(file, fcntl.LOCK_EX)
            except OSError:
                pass  # no locks on this file system
        return file

    def __getstate__(self) -> dict[str, object]:
        return {"folder": self.folder, "what": self.what, "_file": None, "_depth": 0}
