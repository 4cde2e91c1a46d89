"""Slots of the state that attend to each other: every way to write it keeps the fast path and its values."""

import pytest
import torch
from agreement import measured, require_equal
from torch import nn
from torch.nn import functional as F

from seqmodels import RNN, Cell

SLOTS, HEADS, SIZE, INPUTS = 3, 2, 4, 5
WITHIN = SIZE // HEADS


class Slots(Cell):
    """Santoro et al. 2018, less its gates. What the slots see of each other is given."""

    def __init__(self, input_size, hidden_size, attend):
        super().__init__(input_size, hidden_size)
        self.attend = attend
        self.read, self.write = nn.Linear(input_size, SIZE), nn.Linear(SIZE, SIZE)
        self.qkv = nn.Linear(SIZE, 3 * SIZE)
        self.attention = nn.MultiheadAttention(SIZE, HEADS, batch_first=True)
        self.sequence_first = nn.MultiheadAttention(SIZE, HEADS, bias=False)
        self.dropping = nn.MultiheadAttention(SIZE, HEADS, dropout=0.5, batch_first=True)

    def step(self, x, h):
        slots = h.view(-1, SLOTS, SIZE) + self.read(x)[:, None]
        return torch.tanh(slots + self.write(self.attend(self, slots))).flatten(1)


def heads(cell, slots):
    """q, k and v, each [B, heads, slots, size]."""
    return (each.view(-1, SLOTS, HEADS, WITHIN).transpose(1, 2) for each in cell.qkv(slots).chunk(3, -1))


def by_matmul(cell, slots):
    q, k, v = heads(cell, slots)
    return (torch.softmax(q @ k.mT / WITHIN**0.5, -1) @ v).transpose(1, 2).flatten(2)


def by_einsum(cell, slots):
    q, k, v = heads(cell, slots)
    shares = torch.einsum("bhid,bhjd->bhij", q, k).softmax(-1)
    return torch.einsum("bhij,bhjd->bihd", shares, v).flatten(2)


def by_bmm_of_heads(cell, slots):
    q, k, v = (each.reshape(-1, SLOTS, WITHIN) for each in heads(cell, slots))
    scores = torch.bmm(q, k.transpose(1, 2)) - torch.eye(SLOTS, dtype=slots.dtype)
    shares = torch.softmax(scores.transpose(1, 2) * 0.5, 1).transpose(1, 2)
    return torch.bmm(shares, v).view(-1, HEADS, SLOTS, WITHIN).transpose(1, 2).reshape(-1, SLOTS, SIZE)


def of_one_head(cell, slots):
    q, k, v = cell.qkv(slots).chunk(3, -1)
    return torch.bmm(torch.bmm(q, k.mT).softmax(-1), v)


def dot_product(**options):
    def attend(cell, slots):
        return F.scaled_dot_product_attention(*heads(cell, slots), **options).transpose(1, 2).flatten(2)

    return attend


def weighed(cell, slots):
    result, shares = cell.attention(slots, slots, slots)
    return result * shares.sum(1)[..., None]


WRITTEN = {
    "matmul": by_matmul,
    "einsum": by_einsum,
    "bmm of heads": by_bmm_of_heads,
    "bmm": of_one_head,
    "scaled_dot_product_attention": dot_product(),
    "scaled_dot_product_attention, scaled": dot_product(scale=0.3),
    "MultiheadAttention": lambda c, s: c.attention(s, s, s, need_weights=False)[0],
    "MultiheadAttention and its weights": weighed,
    "MultiheadAttention, each head's": lambda c, s: c.attention(s, s, s, average_attn_weights=False)[1].sum(1) @ s,
    "MultiheadAttention, another order": lambda c, s: c.sequence_first(*[s.transpose(0, 1)] * 3)[0].transpose(0, 1),
    "MultiheadAttention of others": lambda c, s: c.attention(s[:, 1:], s, 2 * s)[0].sum(1, keepdim=True),
}
PADDING = torch.tensor([[False, True, False]])


def padded(cell, slots):
    rows, one = slots.transpose(0, 1), cell.attention
    given = (SIZE, HEADS, one.in_proj_weight, one.in_proj_bias, None, None, False, 0.0)
    out = (one.out_proj.weight, one.out_proj.bias, True, PADDING.expand(len(slots), -1), False)
    return F.multi_head_attention_forward(rows, rows, rows, *given, *out)[0].transpose(0, 1)


LEFT_TO_TORCH = {
    "padding": padded,
    "a mask": dot_product(attn_mask=torch.zeros(SLOTS, SLOTS, dtype=torch.float64)),
    "causal": dot_product(is_causal=True),
    "a mask of many heads": lambda c, s: c.attention(s, s, s, attn_mask=torch.eye(SLOTS) > 0)[0],
    "dropout": lambda c, s: c.dropping(s, s, s)[0],
}


@pytest.mark.parametrize("name", WRITTEN)
def test_attention_is_computed(name):
    found, expected = (
        measured(Slots, backend, INPUTS, SLOTS * SIZE, attend=WRITTEN[name]) for backend in ("native", "reference")
    )
    require_equal(found, expected, 1e-9)


@pytest.mark.parametrize("name", LEFT_TO_TORCH)
@pytest.mark.filterwarnings("ignore:Slots runs as a plain loop")
def test_masks_and_dropout_are_as_in_torch(name):
    found, expected = (
        measured(Slots, backend, INPUTS, SLOTS * SIZE, attend=LEFT_TO_TORCH[name]) for backend in ("auto", "reference")
    )
    require_equal(found, expected, 1e-9)


class Parts(Cell):
    """One matrix for all parts of the state, laid below each other."""

    def __init__(self, input_size, hidden_size, change):
        super().__init__(input_size, hidden_size)
        self.change = change
        self.read, self.product = nn.Linear(input_size, hidden_size), nn.Linear(SIZE, SIZE)
        self.plain = nn.Linear(SIZE, SIZE, bias=False)

    def step(self, x, h):
        return torch.tanh(self.read(x) + self.change(self, h.reshape(-1, SIZE)).view(-1, self.hidden_size))


OF_PARTS = {
    "a module": lambda c, p: c.product(p),
    "two modules": lambda c, p: c.plain(torch.relu(c.product(p)) + p),
    "sums": lambda c, p: c.plain(p) * p.mean(1, keepdim=True) - p.amax(-1)[:, None] + p.sum(-1, keepdim=True),
    "softmax": lambda c, p: c.plain(torch.softmax(p, -1) * p.log_softmax(1)),
    "layer norm": lambda c, p: c.plain(F.layer_norm(p, (SIZE,), c.product.bias)),
}
OPTIONS = {"none": {}, "recurrent_dropout": {"recurrent_dropout": 0.5}, "layer_norm": {"layer_norm": True}}


@pytest.mark.parametrize(
    ("change", "options"),
    [*((name, "none") for name in OF_PARTS), ("a module", "recurrent_dropout"), ("two modules", "layer_norm")],
)
def test_parts_laid_below_each_other_are_computed(change, options):
    given = {"change": OF_PARTS[change], **OPTIONS[options]}
    require_equal(*(measured(Parts, each, INPUTS, SLOTS * SIZE, **given) for each in ("native", "reference")), 1e-9)


def test_rnns_dropout_masks_the_products_of_attention():
    """Of all that is written out: the masks of both runs are the same."""
    found = []
    for backend in ("native", "reference"):
        torch.manual_seed(0)
        rnn = RNN(
            Slots, INPUTS, SLOTS * SIZE, recurrent_dropout=0.5, backend=backend, attend=WRITTEN["MultiheadAttention"]
        )
        found.append(rnn(torch.randn(4, 3, INPUTS))[0])
    torch.testing.assert_close(*found)
