"""Where kernels run, and how exactly products are computed there."""

import contextlib
import functools
import importlib.util
import os
import threading
from collections.abc import Iterator

import torch
from torch.utils._python_dispatch import _disable_current_modes

from seqmodels.engine.cuda import module
from seqmodels.engine.cuda.choice import Processors
from seqmodels.errors import OptionError

H100 = Processors(132, 232448)
TRIAL = """\
import triton
import triton.language as tl


@triton.jit
def run(place):
    tl.store(place, 1)
"""
OLDEST = (8, 0)  # compute capability: tensor cores that know bfloat16 and TF32
MOST = "SEQMODELS_CUDA_PROCESSORS"


def runs_on(device: torch.device) -> bool:
    """Whether this is the backend of a device: of GPUs, and of the CPU where tests have kernels interpreted there."""
    return device.type == "cuda" or (device.type == "cpu" and is_interpreted())


def is_interpreted() -> bool:
    """Whether tensors of the CPU come here: $SEQMODELS_TRITON_ON_CPU and $TRITON_INTERPRET are 1."""
    return all(os.environ.get(name) == "1" for name in ("SEQMODELS_TRITON_ON_CPU", "TRITON_INTERPRET"))


@functools.cache
def problem(device: torch.device) -> str | None:
    """Why there can be no kernels on a device, or None."""
    if importlib.util.find_spec("triton") is None:
        return "there is no triton; pip install triton"
    if device.type != "cuda":
        return None
    if torch.version.hip:
        return "no code is generated for AMD's GPUs"
    major, minor = torch.cuda.get_device_capability(device)
    if (major, minor) < OLDEST:
        return f"code is generated for GPUs of compute capability {OLDEST[0]}.{OLDEST[1]}, not for {major}.{minor}"
    return _failure(device)


def _failure(device: torch.device) -> str | None:
    """Why Triton can't run a kernel that does nothing, or None: it needs a C compiler, and Python's headers."""
    try:
        with _disable_current_modes(), torch.cuda.device(device):
            module.load(TRIAL).run[(1,)](torch.zeros(1, dtype=torch.int32, device=device))
    except Exception as error:  # of any kind, from compilers and drivers
        return f"Triton fails: {type(error).__name__}: {' '.join(str(error).split())[:200]}"
    return None


@contextlib.contextmanager
def working_on(device: torch.device) -> Iterator[None]:
    """Kernels are launched on this device, and products are as exact as torch's own recurrent layers have them."""
    if device.type != "cuda":
        yield
        return
    with torch.cuda.device(device), _products.are(precision()):
        yield


class _Products:
    """torch's flag of how exact products are, one for all threads: the last that works here puts it back."""

    def __init__(self) -> None:
        self.lock, self.users, self.before = threading.Lock(), 0, "none"

    @contextlib.contextmanager
    def are(self, wanted: str) -> Iterator[None]:
        flags = torch.backends.cuda.matmul
        with self.lock:
            if not self.users:
                found = flags.fp32_precision
                # What follows the flag of all operations goes on to.
                self.before = "none" if found == torch.backends.fp32_precision else found  # type: ignore[attr-defined]
            self.users += 1
            flags.fp32_precision = wanted
        try:
            yield
        finally:
            with self.lock:
                self.users -= 1
                if not self.users:
                    flags.fp32_precision = self.before


_products = _Products()


def precision() -> str:
    """Of products of float32, "tf32" or "ieee": what torch.backends.cudnn says of recurrent layers, not of products."""
    return "tf32" if torch.backends.cudnn.rnn.fp32_precision == "tf32" else "ieee"  # type: ignore[attr-defined]


@functools.cache
def processors(device: torch.device) -> Processors:
    """What there is of a GPU; the CPU, where programs are interpreted one after another, is one processor."""
    if device.type != "cuda":
        return Processors(1, H100.shared)
    found = torch.cuda.get_device_properties(device)
    shared = getattr(found, "shared_memory_per_block_optin", found.shared_memory_per_block)
    most = os.environ.get(MOST) or str(found.multi_processor_count)
    if not most.isdecimal() or int(most) == 0:
        raise OptionError(f"${MOST} must be a number of processors, not {most!r}")
    return Processors(min(found.multi_processor_count, int(most)), shared)
