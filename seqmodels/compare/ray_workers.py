"""Workers of a Ray cluster: on this machine, or on as many as the cluster has."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from seqmodels.compare.workers import ATTEMPTS, Outcome, call, check_count, pack
from seqmodels.errors import OptionError


class RayWorkers:
    """Jobs as tasks of Ray; a context manager. All machines must see the study's folder under one path.

    Args:
        count: How many jobs run at once; None: as many as the cluster has room for.
        threads: CPU cores of each.
        gpus: GPUs of each.
        address: Of a running cluster, as in ``ray.init``; None starts one on this machine.

    Raises:
        OptionError: If Ray isn't installed, or no cluster is at the address.
    """

    def __init__(self, count: int | None, threads: int = 1, gpus: int = 0, address: str | None = None) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # Without this Ray hides the GPUs from jobs that ask for none, which is what is wanted, but says so at length.
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        check_count(count)
        try:
            import ray
        except ImportError as error:
            raise OptionError("--engine ray needs Ray: pip install 'seqmodels[ray]'") from error
        self._ray = ray
        if address is None:
            where: dict[str, Any] = {"num_cpus": count and count * threads, "include_dashboard": False}
        else:
            where = {"address": address}
            _reach(address)
        self._running: dict[Any, tuple[str, Callable[..., Any], tuple[Any, ...]]] = {}
        self._attempts: dict[str, int] = {}
        self._sigterm_handler = signal.getsignal(signal.SIGTERM)  # Ray sets its own, and doesn't put this one back
        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **where)
        except (ConnectionError, RuntimeError, ValueError) as error:
            raise _nobody_at(address, error) from error
        try:
            self.capacity = self._capacity(count, threads, gpus)
        except OptionError:
            self.close()
            raise
        self._remote = ray.remote(call).options(num_cpus=threads, num_gpus=gpus, max_retries=0)

    def _capacity(self, count: int | None, threads: int, gpus: int) -> int:
        """How many jobs the cluster has room for, ``count`` at most."""
        room = self._ray.cluster_resources()
        fits = int(room.get("CPU", 0) // threads)
        if gpus:
            fits = min(fits, int(room.get("GPU", 0) // gpus))
        if fits < 1:
            raise OptionError(
                f"the Ray cluster has {room.get('CPU', 0):g} cores and {room.get('GPU', 0):g} GPUs, fewer than the "
                f"{threads} and {gpus} of one trial; give fewer threads or devices"
            )
        return fits if count is None else min(count, fits)

    def __enter__(self) -> RayWorkers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def submit(self, key: str, function: Callable[..., Any], *arguments: Any) -> None:
        """Have ``function(*arguments)`` called somewhere in the cluster."""
        self._running[self._remote.remote(*pack(function, arguments))] = (key, function, arguments)

    def wait(self, timeout: float | None = None) -> Outcome | None:
        """The next job that ends; None if none does within ``timeout`` seconds."""
        while self._running:
            done, _ = self._ray.wait(list(self._running), num_returns=1, timeout=timeout)
            if not done:
                return None
            key, function, arguments = self._running.pop(done[0])
            try:
                value, error = self._ray.get(done[0])
            except self._ray.exceptions.RayError as failure:  # of Ray, not of the function: its worker or node is gone
                self._attempts[key] = self._attempts.get(key, 0) + 1
                if self._attempts[key] < ATTEMPTS:
                    self.submit(key, function, *arguments)
                    continue
                del self._attempts[key]  # given again, it has as many
                reason = " ".join(str(failure).split())
                return Outcome(key, error=f"its worker died {ATTEMPTS} times, the last time: {reason}", died=True)
            self._attempts.pop(key, None)
            return Outcome(key, value, error)
        return None

    def cancel(self, keys: Iterable[str]) -> None:
        """Give up these jobs, whether they wait or run."""
        given_up = set(keys)
        references = [reference for reference, (key, *_) in self._running.items() if key in given_up]
        for reference in references:
            self._attempts.pop(self._running.pop(reference)[0], None)
        end = time.monotonic() + 10
        while references and time.monotonic() < end:  # until they have ended
            for reference in references:  # again: Ray forgets one that meets its job on the way to a worker
                self._ray.cancel(reference, force=True)
            _, references = self._ray.wait(references, num_returns=len(references), timeout=1)

    def close(self) -> None:
        """End all jobs at once, and the cluster, if it was started here."""
        for reference in self._running:
            self._ray.cancel(reference, force=True)
        self._running = {}
        self._ray.shutdown()
        if self._sigterm_handler is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._sigterm_handler)


def _reach(address: str) -> None:
    """Ray itself waits for minutes where nobody answers, and then ends the process."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not (host and port.isdigit()):
        return  # "auto", or a name that Ray knows
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        raise _nobody_at(address, error) from error


def _nobody_at(address: str | None, error: Exception) -> OptionError:
    reason = " ".join(str(error).split())
    return OptionError(f"no Ray cluster at {address!r} ({reason}); start one: ray start --head")
