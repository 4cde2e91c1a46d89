"""Using a model that may be in training."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

_lock = threading.Lock()
_users: Counter[nn.Module] = Counter()  # how many evaluate it now, each within others or in a thread of its own
_in_training: dict[nn.Module, bool] = {}  # whether it was in training before the first of them


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """No dropout in these modules, and no gradients; afterwards they are as they were.

    Several threads may do so at once: the last one brings back what was before the first.

    Example:
        >>> from torch import nn
        >>> layer = nn.Dropout()
        >>> with evaluating(layer):
        ...     layer.training
        False
        >>> layer.training
        True
    """
    parts = {part for module in modules for part in module.modules()}
    with _lock:
        for part in parts:
            _in_training.setdefault(part, part.training)
        _users.update(parts)
        for module in modules:
            module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        with _lock:
            _users.subtract(parts)
            for part in parts:
                if _users[part] == 0:
                    del _users[part]
                    part.training = _in_training.pop(part)
