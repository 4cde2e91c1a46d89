"""Workers on this machine: one process a GPU, or a share of the CPU."""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import types
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any

from seqmodels.compare.workers import ATTEMPTS, Outcome, call, check_count, end_with, pack

_Job = tuple[str, Callable[..., Any], tuple[Any, ...]]


class LocalWorkers:
    """Processes of this machine; a context manager. They end with the process that made them, even if it is killed.

    Args:
        count: How many.
        threads: Of each, for torch.
        gpus: The GPUs of a worker, such as "0" or "0,1", in turn; None leaves the devices as they are.

    Example:
        >>> from operator import add
        >>> with LocalWorkers(2) as workers:
        ...     workers.submit("sum", add, 1, 2)
        ...     workers.wait()
        Outcome(key='sum', value=3, error='', died=False)
    """

    def __init__(self, count: int, threads: int = 1, gpus: Sequence[str] | None = None) -> None:
        check_count(count)
        self.capacity = count
        self._threads = threads
        self._gpus = gpus
        self._waiting: deque[_Job] = deque()
        self._attempts: dict[str, int] = {}
        self._workers: list[_Worker | None] = [None] * count  # started when there is something to do

    def __enter__(self) -> LocalWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, key: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Have ``function(*arguments)`` called in one of the processes."""
        self._waiting.append((key, function, arguments))
        self._hand_out()

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """The next job that ends; None if none does within ``timeout`` seconds."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            busy = [worker for worker in self._workers if worker is not None and worker.job is not None]
            if not busy:
                return None
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready = wait([worker.connection for worker in busy], left)
            if not ready:
                return None
            worker = next(worker for worker in busy if worker.connection is ready[0])
            outcome = self._outcome_of(worker)
            self._hand_out()
            if outcome is not None:
                return outcome

    def cancel(self, keys: Iterable[str]) -> None:
        """Give up these jobs, whether they wait or run; the processes of those that run end."""
        given_up = set(keys)
        self._waiting = deque(job for job in self._waiting if job[0] not in given_up)
        for number, worker in enumerate(self._workers):
            if worker is not None and worker.job is not None and worker.job[0] in given_up:
                worker.kill()
                self._workers[number] = None
        for key in given_up:
            self._attempts.pop(key, None)
        self._hand_out()

    def close(self) -> None:
        """End all processes at once."""
        self._waiting.clear()
        for worker in filter(None, self._workers):
            worker.kill()
        self._workers = [None] * self.capacity
        atexit.unregister(self.close)

    @property
    def process_ids(self) -> list[int]:
        """Of the processes that run."""
        return [worker.process.pid or 0 for worker in self._workers if worker is not None]

    def _hand_out(self) -> None:
        for number, worker in enumerate(self._workers):
            if not self._waiting:
                return
            if worker is None:
                if not any(self._workers):
                    atexit.register(self.close)  # Python waits for processes that nobody has ended
                gpus = self._gpus[number % len(self._gpus)] if self._gpus else None
                worker = self._workers[number] = _Worker(self._threads, gpus)
            if worker.job is None:
                worker.give(self._waiting.popleft())

    def _outcome_of(self, worker: _Worker) -> Outcome | None:
        """None if the process has died and its job is to run again."""
        assert worker.job is not None
        key = worker.job[0]
        try:
            value, error = worker.connection.recv()
        except (EOFError, OSError):
            pass
        else:
            worker.job = None
            self._attempts.pop(key, None)
            return Outcome(key, value, error)
        code = worker.kill()
        self._workers[self._workers.index(worker)] = None
        self._attempts[key] = self._attempts.get(key, 0) + 1
        if self._attempts[key] < ATTEMPTS:
            self._waiting.appendleft(worker.job)
            return None
        del self._attempts[key]  # given again, it has as many
        return Outcome(key, error=f"its process died {ATTEMPTS} times, the last time {_in_words(code)}", died=True)


class _Worker:
    """One process, and the job that it has."""

    def __init__(self, threads: int, gpus: str | None) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would share CUDA and threads
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, os.getpid(), threads, gpus))
        with _without_main():
            self.process.start()
        theirs.close()  # so that the end of the process ends the connection
        self.job: _Job | None = None

    def give(self, job: _Job) -> None:
        self.job = job
        _, function, arguments = job
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died while idle, as its outcome will show
            self.connection.send(pack(function, arguments))

    def kill(self) -> int:
        """Its exit code, once it has ended, and with it what it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg") and os.getpgid(self.process.pid or 0) == self.process.pid:
                os.killpg(self.process.pid, signal.SIGKILL)  # of a session of its own, once it has one
        self.process.kill()
        self.process.join()
        self.connection.close()
        return self.process.exitcode or 0


@contextlib.contextmanager
def _without_main() -> Iterator[None]:
    """A new process runs the main script again, to find what is defined there; jobs need nothing of it."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _serve(connection: Connection, parent: int, threads: int, gpus: str | None) -> None:
    """What a process does: one job after another, until nobody is there to ask for more."""
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C reaches all processes of a terminal's session; the first one decides
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    if gpus is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpus
    import torch

    torch.set_num_threads(threads)
    while True:
        try:
            job = connection.recv()
        except EOFError:
            return
        connection.send(call(*job))


def _in_words(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
