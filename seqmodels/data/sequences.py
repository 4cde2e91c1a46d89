"""Whole sequences side by side."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence


class SequenceBatch(NamedTuple):
    """B sequences of at most T steps, time first."""

    input: Float[Tensor, "T B I"] | Int64[Tensor, "T B"]
    """Features of each step, or tokens; 0 past a sequence's end."""
    target: Tensor
    """What belongs to a whole sequence: classes [B], values [B] or [B, K]; or to each step: [T, B, K]."""
    lengths: Int64[Tensor, " B"] | None = None
    """Steps of each sequence; None: all have T."""
    texts: tuple[str, ...] = ()
    """Of each sequence as it was read, tagged words with tabs between; empty if these are no texts."""

    @property
    def token_count(self) -> int:
        """Steps, padding included."""
        return self.input.shape[0] * self.input.shape[1]


def pad(tokens: list[Tensor]) -> tuple[Int64[Tensor, "T B"], Int64[Tensor, " B"]]:
    """Vectors of tokens as the columns of one matrix, 0 past their ends, and their lengths.

    Example:
        >>> pad([torch.tensor([5, 6]), torch.tensor([7])])
        (tensor([[5, 7],
                [6, 0]]), tensor([2, 1]))
    """
    return pad_sequence(tokens), torch.tensor([len(one) for one in tokens])
