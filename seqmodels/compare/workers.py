"""Where jobs run: on this machine or on others, behind one interface."""

from __future__ import annotations

import os
import pickle
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from seqmodels.errors import OptionError

ATTEMPTS = 3  # a job whose worker dies this often is given up


@dataclass(frozen=True)
class Outcome:
    """What came of a job.

    Attributes:
        key: The name it was submitted under.
        value: What its function returned.
        error: One line, if the function raised or its workers died; else empty.
        died: Whether the job was given up because its workers died, every time it was tried.
    """

    key: str
    value: Any = None
    error: str = ""
    died: bool = False


@runtime_checkable
class Workers(Protocol):
    """Runs functions in other processes; a job whose process is killed is run again.

    Attributes:
        capacity: How many jobs run at once.
    """

    capacity: int

    def submit(self, key: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Have ``function(*arguments)`` called; both must be picklable. More than ``capacity`` jobs wait their turn."""

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """The next job that ends; None if none does within ``timeout`` seconds."""

    def cancel(self, keys: Iterable[str]) -> None:
        """Give up these jobs, whether they wait or run; nobody hears of them any more."""

    def close(self) -> None:
        """End all workers at once, whatever they are doing."""


def end_with(parent: int) -> None:
    """End this process as soon as the one that made it is gone: nobody waits for it, or somebody else does its work.

    Runs in a thread of its own.
    """
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def check_count(workers: int | None) -> None:
    """Refuses to work with nobody.

    Raises:
        OptionError: If it isn't a positive number, or None.
    """
    if workers is not None and workers < 1:
        raise OptionError(f"workers is {workers}; give 1 or more")


def available_cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pack(function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[list[str], bytes]:
    """A call on its way to a worker: where modules are found, and what is to be read once they are."""
    return [os.path.abspath(entry) for entry in sys.path], pickle.dumps((function, arguments))


def call(path: list[str], packed: bytes) -> tuple[Any, str]:
    """What a worker does with it: the value that came of it, and the error, one line."""
    sys.path[:] = [*sys.path, *(entry for entry in path if entry not in sys.path)]
    try:
        function, arguments = pickle.loads(packed)
        return function(*arguments), ""
    except Exception as error:
        return None, f"{type(error).__name__}: {' '.join(str(error).split())}"
