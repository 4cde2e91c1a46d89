"""Attention as its papers' equations say, masks, and many queries at once."""

import pytest
import torch

from seqmodels.errors import OptionError
from seqmodels.tasks.attention import AdditiveAttention, MultiplicativeAttention

MEMORY = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0))
QUERIES = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(1))
MASK = torch.tensor([[True] * 6, [True, True, False, True, False, False]])


def look(attention, memory, queries, mask):
    """Context and weights [B, T, ...] of either class."""
    if isinstance(attention, MultiplicativeAttention):
        return attention(memory, queries, mask)
    prepared = attention.prepare(memory)
    found = [attention(prepared, memory, query, mask) for query in queries.unbind(1)]
    return tuple(torch.stack(parts, 1) for parts in zip(*found, strict=True))


EVERY = pytest.mark.parametrize(
    "attention",
    [AdditiveAttention(4, 4, 5), MultiplicativeAttention(4, 4), MultiplicativeAttention(4, 4, learned=False)],
    ids=["additive", "general", "dot"],
)


def test_scores_are_those_of_luong():
    general = MultiplicativeAttention(4, 4)
    weight = general.from_query.weight.T  # [Q, M]: q . W m
    for attention, matrix in ((general, weight), (MultiplicativeAttention(4, 4, learned=False), torch.eye(4))):
        _, weights = attention(MEMORY, QUERIES)
        for row in range(2):
            scores = torch.stack([QUERIES[row] @ matrix @ entry for entry in MEMORY[row]], -1)
            torch.testing.assert_close(weights[row], scores.softmax(-1))


@EVERY
def test_the_context_is_the_weighted_mean_of_the_memory(attention):
    context, weights = look(attention, MEMORY, QUERIES, MASK)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3))
    torch.testing.assert_close(context, torch.einsum("btr,brm->btm", weights, MEMORY))


@EVERY
def test_masked_entries_count_for_nothing(attention):
    context, weights = look(attention, MEMORY, QUERIES, MASK)
    assert (weights[1, :, ~MASK[1]] == 0).all()
    assert (weights[1, :, MASK[1]] > 0).all()
    alone, _ = look(attention, MEMORY[1:, MASK[1]], QUERIES[1:], None)
    torch.testing.assert_close(context[1:], alone)


@pytest.mark.parametrize("attention", [AdditiveAttention(4, 4, 5), MultiplicativeAttention(4, 4)])
def test_gradients_reach_every_parameter(attention):
    context, _ = look(attention, MEMORY, QUERIES, MASK)
    context.pow(2).sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in attention.parameters())


def test_dot_needs_equal_sizes(one_line):
    assert MultiplicativeAttention(3, 4)(torch.rand(1, 2, 3), torch.rand(1, 1, 4))[0].shape == (1, 1, 3)
    with one_line(OptionError, "'dot'", "3 and 4", "'general'"):
        MultiplicativeAttention(3, 4, learned=False)
