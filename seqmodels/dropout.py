"""Dropout with one mask a sequence."""

import torch
from jaxtyping import Float
from torch import Tensor


def dropout_mask(shape: tuple[int, ...], rate: float, like: Tensor) -> Tensor:
    """0 with probability ``rate``, else 1 / (1 - rate); of the type and device of ``like``."""
    return torch.empty(shape, device=like.device, dtype=like.dtype).bernoulli_(1 - rate) / (1 - rate)


def locked_dropout(input: Float[Tensor, "T B F"], rate: float, training: bool = True) -> Float[Tensor, "T B F"]:
    """Dropout whose mask is the same at every step, and another for every row of the batch.

    Source: Gal and Ghahramani 2016, arXiv 1512.05287; "locked dropout" in the code of AWD-LSTM.

    Example:
        >>> import torch
        >>> output = locked_dropout(torch.ones(4, 2, 3), rate=0.5)
        >>> torch.equal(output[0], output[3])
        True
    """
    return input * dropout_mask(input.shape[1:], rate, input) if training and rate else input
