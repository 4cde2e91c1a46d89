"""Functions for workers to run: of a module, so that another process can import them."""

import os
import signal
import time
from pathlib import Path


def add(a: int, b: int) -> int:
    return a + b


def fail(message: str) -> None:
    raise ValueError(message)


def process_id(seconds: float = 0.0) -> int:
    time.sleep(seconds)
    return os.getpid()


def die_at_first(folder: str, times: int) -> int:
    """Be killed the first so many times that it is called; then the number of calls."""
    calls = len(list(Path(folder).iterdir()))
    (Path(folder) / str(calls)).touch()
    if calls < times:
        os.kill(os.getpid(), signal.SIGKILL)
    return calls + 1


def sleep_and_touch(path: str, seconds: float) -> None:
    time.sleep(seconds)
    Path(path).touch()


def threads() -> int:
    import torch

    return torch.get_num_threads()


def gpus() -> str | None:
    return os.environ.get("CUDA_VISIBLE_DEVICES")
