"""Dropout with one mask a sequence, and what a probability is."""

import torch
from jaxtyping import Float
from torch import Tensor

from seqmodels.errors import OptionError


def probability(name: str, value: float) -> float:
    """The value of an option that is a probability of dropping something.

    Raises:
        OptionError: If it isn't a number from 0 to below 1.

    Example:
        >>> probability("zoneout", 0.1)
        0.1
    """
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 <= value < 1:
        raise OptionError(f"{name} must be a probability from 0 to below 1, not {value!r}")
    return float(value)


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
