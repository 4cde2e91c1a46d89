"""What worker processes load, with their failures as errors of waiting for it."""

import itertools
import math
import re
import time
from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader
from torch.utils.data._utils import signal_handling

POLL = 2.0  # seconds between looks at whether all workers live
_DIED = re.compile(r"DataLoader worker \(pid(?:\(s\))? ([\d, ]+)\)")
_HUNG = "DataLoader timed out after"
_A_WORKER_DIED = "a worker process died"
_watches = itertools.count(1 - 2**62)  # torch's loaders have their addresses


class WorkerFailed(Exception):
    """A worker process ended before its time, by a signal or for want of memory, or sends nothing; says which."""


class WorkerBatches:
    """The batches of a torch DataLoader with workers.

    Torch by itself raises its error of a worker that died in whatever the process does at that moment, such as a step
    of training; here it is raised where the next batch is waited for.

    Args:
        dataset: Of the DataLoader.
        timeout: Seconds that a batch may take, in which this process itself isn't stopped.
        **options: Of the DataLoader; ``num_workers`` is 1 or more.

    Raises:
        WorkerFailed: While iterating; the other workers have ended then. What else ``collate_fn`` raises in a worker,
            or comes of receiving a batch, is raised as it is.

    Example:
        >>> batches = WorkerBatches(range(5), batch_size=2, num_workers=1)
        >>> list(batches)
        [tensor([0, 1]), tensor([2, 3]), tensor([4])]
    """

    def __init__(self, dataset: Any, timeout: float = math.inf, **options: Any) -> None:
        self._loader: DataLoader[Any] = DataLoader(dataset, timeout=min(POLL, timeout), **options)
        self._timeout = timeout
        self._batches: Any = None
        self._workers: tuple[Any, ...] = ()  # processes; none before the first batch, and after the last

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        waited, failure = 0.0, None
        while failure is None:
            try:
                return self._watched()
            except StopIteration:
                self._workers = ()
                raise
            except WorkerFailed as error:
                failure = error
            except RuntimeError as error:
                if str(error).startswith(_HUNG):
                    waited += self._loader.timeout
                    if waited >= self._timeout:
                        failure = WorkerFailed(f"a worker process sent nothing for {self._timeout:g} s")
                elif self._tells_of_ours(error):
                    failure = WorkerFailed(_A_WORKER_DIED)
                else:
                    raise
            except (OSError, EOFError):  # a worker's last batch may be lost with it, which closes its channels first
                if not self._one_is_dead(within=POLL):
                    raise
                failure = WorkerFailed(_A_WORKER_DIED)
        self._batches, self._workers = iter(()), ()  # ends the workers, which a traceback would keep
        raise failure

    def _watched(self) -> Any:
        """The next batch; the signal of a worker's death ends the wait, even in the middle of what it sends."""
        if self._batches is None:
            self._start()
        if not self._workers:
            return next(self._batches)
        watch = next(_watches)
        signal_handling._set_worker_pids(watch, tuple(worker.pid for worker in self._workers))
        try:
            if self._one_is_dead():  # since the last batch; what it has sent of the next may end in the middle
                raise WorkerFailed(_A_WORKER_DIED)
            return next(self._batches)
        finally:
            signal_handling._remove_worker_pids(watch)

    def _start(self) -> None:
        """Makes the workers, and takes them from what torch watches all the time."""
        self._batches = iter(self._loader)
        if getattr(self._batches, "_worker_pids_set", False):
            self._workers = tuple(self._batches._workers)
            signal_handling._remove_worker_pids(id(self._batches))
            self._batches._worker_pids_set = False

    def _tells_of_ours(self, error: RuntimeError) -> bool:
        found = _DIED.match(str(error))
        dead = {int(pid) for pid in found[1].split(",")} if found else set()
        ours = {worker.pid for worker in self._workers}
        return bool(dead) and (not ours or not dead.isdisjoint(ours))  # none yet: they have just begun

    def _one_is_dead(self, within: float = 0.0) -> bool:
        until = time.monotonic() + within
        while all(worker.is_alive() for worker in self._workers):
            if time.monotonic() >= until:
                return False
            time.sleep(0.05)
        return True
