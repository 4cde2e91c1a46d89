"""What worker processes load, with their failures as errors of waiting for it."""

import time
from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader
from torch.utils.data._utils.signal_handling import _remove_worker_pids

POLL = 2.0  # seconds between looks at whether all workers live


class WorkerFailed(Exception):
    """A worker process ended before its time, by a signal or for want of memory, or sends nothing; says which."""


class WorkerBatches:
    """The batches of a DataLoader with workers.

    Torch by itself raises its error of a worker that died in whatever the process does at that moment, such as a step
    of training; here it is raised where the next batch is waited for.

    Args:
        loader: Its ``timeout`` is the time between looks at the workers, :data:`POLL` or less.
        timeout: Seconds that a batch may take.

    Raises:
        WorkerFailed: While iterating; the other workers have ended then. What ``collate_fn`` raises in a worker is
            raised as it is.

    Example:
        >>> batches = WorkerBatches(DataLoader(range(5), batch_size=2, num_workers=1, timeout=POLL), timeout=60.0)
        >>> list(batches)
        [tensor([0, 1]), tensor([2, 3]), tensor([4])]
    """

    def __init__(self, loader: DataLoader[Any], timeout: float) -> None:
        batches: Any = iter(loader)
        self._batches, self._timeout = batches, timeout
        if getattr(batches, "_worker_pids_set", False):  # where torch's handler of their signals looks for them
            _remove_worker_pids(id(batches))
            batches._worker_pids_set = False

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        begin, failure = time.monotonic(), None
        while failure is None:
            try:
                return next(self._batches)
            except (RuntimeError, OSError, EOFError) as error:
                failure = self._failure(error, time.monotonic() - begin)
        self._batches = iter(())  # ends the workers
        raise failure

    def _failure(self, error: Exception, seconds: float) -> WorkerFailed | None:
        """What torch's error says of the workers; None to wait on."""
        said = str(error)
        if said.startswith("Caught "):  # by torch in a worker, which lives
            raise error
        if isinstance(error, RuntimeError):
            if "exited unexpectedly" in said or "killed by signal" in said:
                return WorkerFailed("a worker process died")
            if "timed out" not in said:
                raise error
        if seconds >= self._timeout:
            return WorkerFailed(f"a worker process sent nothing for {self._timeout:g} s")
        return None  # the last batch of a worker that dies may be lost on its way; the next look will find it dead
