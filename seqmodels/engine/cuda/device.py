"""Where kernels run, and how exactly products are computed there."""

import contextlib
import functools
import importlib.util
import os
from collections.abc import Iterator

import torch

from seqmodels.engine.cuda.choice import Processors

H100 = Processors(132, 232448)


def runs_on(device: torch.device) -> bool:
    """Whether this is the backend of a device: of GPUs, and of the CPU where tests have kernels interpreted there."""
    return device.type == "cuda" or (device.type == "cpu" and is_interpreted())


def is_interpreted() -> bool:
    """Whether tensors of the CPU come here: $SEQMODELS_TRITON_ON_CPU and $TRITON_INTERPRET are 1."""
    return all(os.environ.get(name) == "1" for name in ("SEQMODELS_TRITON_ON_CPU", "TRITON_INTERPRET"))


@functools.cache
def problem() -> str | None:
    """Why there can be no kernels, or None."""
    if importlib.util.find_spec("triton") is None:
        return "there is no triton; pip install triton"
    return None


@contextlib.contextmanager
def working_on(device: torch.device) -> Iterator[None]:
    """Kernels are launched on this device, and products are as exact as torch's own recurrent layers have them."""
    if device.type != "cuda":
        yield
        return
    products = torch.backends.cuda.matmul
    before, wanted = products.fp32_precision, precision()
    with torch.cuda.device(device):
        products.fp32_precision = wanted
        try:
            yield
        finally:
            products.fp32_precision = before


def precision() -> str:
    """Of products of float32, "tf32" or "ieee": what torch.backends.cudnn says of recurrent layers, not of products."""
    return "tf32" if torch.backends.cudnn.rnn.fp32_precision == "tf32" else "ieee"  # type: ignore[attr-defined]


@functools.cache
def processors(device: torch.device) -> Processors:
    """What there is of a GPU; of the CPU, where kernels are interpreted, what there is of an H100."""
    if device.type != "cuda":
        return H100
    found = torch.cuda.get_device_properties(device)
    shared = getattr(found, "shared_memory_per_block_optin", found.shared_memory_per_block)
    return Processors(found.multi_processor_count, shared)
