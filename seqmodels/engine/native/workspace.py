"""Memory that a call needs only while it runs, kept for the next: fresh pages cost more than writing to them."""

import threading
from collections.abc import Sequence
from math import nan, prod

import torch
from torch import Tensor

MOST = 1 << 28  # bytes that a thread keeps; a call that needs more gives them back at its end
ALIGNMENT = 64  # bytes: a cache line, and the widest vector


class _Kept(threading.local):
    buffer = torch.empty(0, dtype=torch.uint8, device="cpu")


_kept = _Kept()


def take(shapes: Sequence[Sequence[int]], dtype: torch.dtype) -> list[Tensor]:
    """Tensors of these shapes and no values, until this thread calls again."""
    size = dtype.itemsize
    places, end = [], 0
    for shape in shapes:
        places.append(end)
        end += -(-prod(shape) * size // ALIGNMENT) * ALIGNMENT
    buffer = _kept.buffer
    if buffer.numel() < end:
        buffer = torch.empty(end + ALIGNMENT, dtype=torch.uint8, device="cpu")
        buffer = buffer[-buffer.data_ptr() % ALIGNMENT :]
        if end <= MOST:
            _kept.buffer = buffer
    numbers = buffer[: buffer.numel() // size * size].view(dtype)
    fills = getattr(torch.utils.deterministic, "fill_uninitialized_memory")  # noqa: B009  # mypy doesn't know it
    if fills and torch.are_deterministic_algorithms_enabled():
        numbers.fill_(nan)  # as torch.empty does then, so that a number which nobody wrote shows
    return [
        numbers.as_strided(shape, _strides(shape), place // size) for shape, place in zip(shapes, places, strict=True)
    ]


def _strides(shape: Sequence[int]) -> tuple[int, ...]:
    return tuple(prod(shape[dim + 1 :]) for dim in range(len(shape)))
