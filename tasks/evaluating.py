"""Using a model that may be in training."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """No dropout in these modules, and no gradients; afterwards they are as they were.

    Example:
        >>> from torch import nn
        >>> layer = nn.Dropout()
        >>> with evaluating(layer):
        ...     layer.training
        False
        >>> layer.training
        True
    """
    with ExitStack() as after, torch.no_grad():
        for module in modules:
            after.callback(module.train, module.training)
            module.eval()
        yield
