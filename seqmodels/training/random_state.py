"""The random state of a process, as plain values that a checkpoint may hold.

Lightning's own collection holds numpy arrays, which ``torch.load(weights_only=True)`` refuses.
"""

import random
from typing import Any, TypeVar

import numpy as np
import torch
import torch.distributed

from seqmodels.errors import CheckpointError

T = TypeVar("T")


def get_random_state() -> dict[str, Any]:
    """The state of the random generators of Python, numpy, torch, and CUDA (all devices, once CUDA is in use).

    >>> state = get_random_state()
    >>> first = torch.rand(3)
    >>> set_random_state(state)
    >>> torch.equal(torch.rand(3), first)
    True
    """
    version, words, gauss = random.getstate()
    _, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    return {
        "python": [version, torch.tensor(words), gauss],
        "numpy": [torch.from_numpy(np.asarray(keys).astype(np.int64)), int(position), int(has_gauss), float(cached)],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else [],
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Return all generators to a state that `get_random_state` gave; states of CUDA devices not here are ignored.

    Raises:
        CheckpointError: ``state`` is something else.
    """
    try:
        version, words, gauss = state["python"]
        keys, position, has_gauss, cached = state["numpy"]
        random.setstate((version, tuple(words.tolist()), gauss))
        np.random.set_state(("MT19937", keys.cpu().numpy().astype(np.uint32), position, has_gauss, cached))
        torch.set_rng_state(state["torch"].cpu())
        if torch.cuda.is_available():
            for device, device_state in zip(range(torch.cuda.device_count()), state["cuda"], strict=False):
                torch.cuda.set_rng_state(device_state.cpu(), device)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise CheckpointError(
            f"random state: not what get_random_state() gave ({type(error).__name__}): resume from another checkpoint"
        ) from error


def gather_from_ranks(value: T) -> list[T]:
    """``value`` of every rank, in order of rank; every rank must call this. ``[value]`` where there is one process.

    >>> gather_from_ranks("mine")
    ['mine']
    """
    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return [value]
    values: list[Any] = [None] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(values, value)
    return values
