"""torch's own pool of threads: a second one would fight it for the processors."""

import ctypes
import functools
import os

import torch


@functools.cache
def pool() -> tuple[int, int, int] | None:
    """Addresses of GOMP_parallel, omp_get_thread_num and omp_get_num_threads, or None where torch has another pool."""
    if "OpenMP" not in torch.__config__.parallel_info():
        return None
    names = ("GOMP_parallel", "omp_get_thread_num", "omp_get_num_threads")
    try:
        process = ctypes.CDLL(None)  # torch has loaded its OpenMP into the process
        return tuple(ctypes.cast(getattr(process, name), ctypes.c_void_p).value for name in names)  # type: ignore
    except (OSError, AttributeError, TypeError):
        return None


def number_of_threads() -> int:
    """As many as torch is told to use; one in a forked process, which inherits a pool without its threads."""
    return torch.get_num_threads() if pool() is not None and not _is_forked else 1


def _fork() -> None:
    global _is_forked
    _is_forked = True


_is_forked = False
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_fork)
