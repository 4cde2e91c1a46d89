"""The tree that a beam search grows, to show it."""

from typing import NamedTuple

import torch
from torch import Tensor


class TraceStep(NamedTuple):
    """The M beams that live on after a step, then those that ended at it; tensors on the CPU."""

    item: Tensor
    """[M] the sequence of the batch."""
    group: Tensor
    """[M] the group of diverse beam search, else 0."""
    parent: Tensor
    """[M] the beam of the step before that this one goes on from, by its place there; at the first step, the item."""
    tokens: Tensor
    """[M, t] what is written; the last one is the end, where it ended."""
    log_probability: Tensor
    """[M] sum of the model's log-probabilities of these tokens."""
    ended: Tensor
    """[M] whether it ended at this step."""


def trace_step(items: Tensor, beams: tuple[Tensor, ...], ended: tuple[Tensor, ...]) -> TraceStep:
    """One step of a search: of both a place of the parent [G, n, m], tokens [G, n, m, t] and scores, -inf for none."""
    parts: list[tuple[Tensor, ...]] = []
    for parent, tokens, score in (beams, ended):
        group, item, beam = (score > -torch.inf).nonzero(as_tuple=True)
        at = (group, item, beam)
        flag = torch.full_like(group, len(parts), dtype=torch.bool)
        parts.append((items[item], group, parent[at], tokens[at], score[at], flag))
    return TraceStep(*(torch.cat(pair).cpu() for pair in zip(*parts, strict=True)))
