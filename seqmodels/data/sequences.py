"""A batch of whole sequences."""

from __future__ import annotations

from typing import NamedTuple

from jaxtyping import Float, Int64
from torch import Tensor


class SequenceBatch(NamedTuple):
    """B sequences of at most T steps, time first."""

    input: Float[Tensor, "T B I"] | Int64[Tensor, "T B"]
    """Features of each step, or tokens; 0 past a sequence's end."""
    target: Tensor
    """What belongs to a whole sequence: classes [B], values [B] or [B, K]; or to each step: [T, B, K]."""
    lengths: Int64[Tensor, "B"] | None = None
    """Steps of each sequence; None: all have T."""
