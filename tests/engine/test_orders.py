"""Columns of a state in another order, and running sums: products, on all backends that generate code."""

import pytest
import torch
from agreement import measured, require_equal
from torch import nn

from seqmodels import RNN, Cell
from seqmodels.engine import LayerPass
from seqmodels.engine.trace import PRIMES, trace
from seqmodels.errors import OptionError

T, B = 4, 3


class Ordered(Cell):
    """What is done with the state before it enters the next is given."""

    def __init__(self, input_size, hidden_size, order):
        super().__init__(input_size, hidden_size)
        self.order, self.W, self.U = order, nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.decay = nn.Parameter(torch.rand(hidden_size // 2))
        self.register_buffer("places", torch.randperm(hidden_size))

    def step(self, x, h):
        return torch.tanh(self.W(x) + self.order(self, self.U(h)) + h / 2)


def rotated(cell, re, im):
    cos, sin = cell.decay.cos(), cell.decay.sin()
    return cos * re - sin * im, sin * re + cos * im


def pairs(h):
    return h.view(len(h), -1, 2)


ORDERS = {
    "cumsum": lambda cell, h: h.cumsum(-1),
    "cumsum of parts": lambda cell, h: h.view(len(h), 2, -1).softmax(2).cumsum(2).flatten(1),
    "cumsum of the last of many": lambda cell, h: h.view(len(h), 1, 2, -1).cumsum(3).flatten(1),
    "flip": lambda cell, h: h.flip(-1),
    "flip of parts": lambda cell, h: h.view(len(h), 2, -1).flip(2).flatten(1),
    "order of parts": lambda cell, h: h.view(len(h), 2, -1).flip(1).flatten(1),
    "flip of all": lambda cell, h: h.view(len(h), 2, -1).flip([1, 2]).flatten(1),
    "a buffer": lambda cell, h: h[:, cell.places],
    "a list, from the end": lambda cell, h: h[:, [-1, 0] * (h.shape[1] // 2)],
    "a range": lambda cell, h: h[..., torch.arange(h.shape[1] - 1, -1, -1)],
    "some, of parts": lambda cell, h: h.view(len(h), 2, -1)[..., cell.places[:1] % 2].flatten(1).mean(1, True) * h,
    "index_select": lambda cell, h: h.index_select(1, cell.places),
    "gather": lambda cell, h: torch.gather(h, 1, cell.places.expand(len(h), -1)),
    "gather of the first": lambda cell, h: torch.gather(h, 1, cell.places[None, :1].expand(len(h), 1)) * h,
    "pairs": lambda cell, h: torch.stack(rotated(cell, *pairs(h).unbind(-1)), -1).flatten(1),
    "pairs by slices": lambda cell, h: torch.stack(rotated(cell, h[:, ::2], h[:, 1::2]), 2).flatten(1),
    "pairs by chunks": lambda cell, h: torch.cat(
        [each[..., None] for each in rotated(cell, *(part[..., 0] for part in pairs(h).chunk(2, -1)))], -1
    ).flatten(1),
    "shuffle": lambda cell, h: h.view(len(h), 2, -1).transpose(1, 2).flatten(1),
    "neighbours alike": lambda cell, h: h[:, : h.shape[1] // 2].repeat_interleave(2, -1),
    "expanded in the middle": lambda cell, h: h[:, : h.shape[1] // 2, None].expand(len(h), -1, 2).flatten(1),
    "roll of pairs": lambda cell, h: pairs(h).roll(1, 2).flatten(1),
    "numbers of a list": lambda cell, h: h * torch.tensor([0.5, 2.0]).repeat(h.shape[1] // 2),
    "a matrix of lists": lambda cell, h: (
        h[:, :2] @ torch.tensor([[0.5, 0.1], [0.2, -0.3]], dtype=h.dtype).sum(0)[:, None]
    ),
}


@pytest.mark.parametrize("hidden_size", [6, 70])  # of blocks one by one there may be 64
@pytest.mark.parametrize("order", ORDERS)
def test_what_columns_become_is_that_of_the_plain_loop(order, hidden_size):
    found = [measured(Ordered, each, 2, hidden_size, order=ORDERS[order]) for each in ("native", "reference")]
    require_equal(*found, 1e-9)


def test_what_may_be_infinite_is_moved_and_not_multiplied():
    def order(cell, h):
        return h.masked_fill(h < 0, -torch.inf).view(len(h), 2, -1).transpose(1, 2).flatten(1).exp()

    found = [measured(Ordered, each, 2, 20, order=order) for each in ("native", "reference")]
    require_equal(*found, 1e-9)


def test_a_row_as_wide_as_the_batch_of_the_trace():
    def order(cell, h):
        parts = h[:, :104].reshape(-1, 4, 26), h[:, 104 : 104 + PRIMES[0] - 104].reshape(-1, 1, PRIMES[0] - 104)
        return torch.cat([parts[0].mT.flatten(1), parts[1].flatten(1)], 1).mean(1, True) * h

    found = [measured(Ordered, each, 2, 220, order=order) for each in ("native", "reference")]
    require_equal(*found, 1e-9)


def test_an_order_in_a_buffer_may_change():
    native, loop = (RNN(Ordered, 2, 6, backend=each, order=ORDERS["a buffer"]) for each in ("native", "reference"))
    x = torch.randn(T, B, 2)
    for _ in range(2):
        loop.load_state_dict(native.state_dict())
        torch.testing.assert_close(native(x)[0], loop(x)[0])
        native.cell.places.copy_(native.cell.places.flip(0))


@pytest.mark.parametrize(
    "order",
    [
        lambda cell, h: h.sort(-1).values,
        lambda cell, h: torch.gather(h, 1, h.argsort(-1)),  # another for each row
        lambda cell, h: h.flip(0),
        lambda cell, h: h[torch.arange(len(h) - 1, -1, -1)],
        lambda cell, h: h + 0 * h.sum().cumsum(0),
    ],
)
def test_orders_that_depend_on_values_or_rows_are_left_to_the_loop(order):
    with pytest.raises(OptionError, match="native"):
        RNN(Ordered, 2, 6, backend="native", order=order)(torch.randn(T, B, 2))


def products(order, dtype=torch.float32):
    """How many there are in a step of 64 columns, but for those of the input and the state."""
    rnn = RNN(Ordered, 64, 64, order=order).to(dtype)
    layer = LayerPass(rnn.cell, torch.randn(T, B, 64, dtype=dtype), (torch.zeros(B, 64, dtype=dtype),))
    return sum(node.target is torch.ops.aten.mm.default for node in trace(layer).graph.nodes)


def test_few_long_blocks_are_moved_and_many_short_ones_multiplied():
    assert products(lambda cell, h: h.roll(3, 1)) == 0
    assert products(lambda cell, h: h.view(len(h), 8, 8).flip(1).flatten(1)) == 0
    assert products(ORDERS["shuffle"]) == 1
    assert products(ORDERS["pairs"]) == 3


def test_where_products_are_rounded_what_can_be_moved_is():
    def order(cell, h):
        return h.view(len(h), 16, 4)[:, :, :2].repeat(1, 1, 2).flatten(1)

    assert (products(order), products(order, torch.bfloat16)) == (2, 0)
    assert (products(ORDERS["shuffle"]), products(ORDERS["shuffle"], torch.bfloat16)) == (1, 1)


class Ahead(Cell):
    """What is done with the input is given."""

    def __init__(self, input_size, hidden_size, order):
        super().__init__(input_size, hidden_size)
        self.order, self.W = order, nn.Linear(input_size, hidden_size)

    def step(self, x, h):
        return torch.tanh(self.order(self, x) + self.order(self, self.W(x)) + h)


@pytest.mark.parametrize("order", [lambda cell, x: x.flip(1), lambda cell, x: x.cumsum(1), ORDERS["shuffle"]])
def test_what_the_input_alone_says_is_computed_ahead(order):
    native, loop = (measured(Ahead, backend, 70, 70, order=order) for backend in ("native", "reference"))
    require_equal(native, loop, 1e-9)
    rnn = RNN(Ahead, 70, 70, order=order)
    layer = LayerPass(rnn.cell, torch.randn(T, B, 70), (torch.zeros(B, 70),))
    assert not any(node.target is torch.ops.aten.mm.default for node in trace(layer).graph.nodes)


NUMBERS = [0.5, 2.0]


class Careless(Ordered):
    """Numbers that change without a sign of it."""

    def __init__(self, input_size, hidden_size, order):
        super().__init__(input_size, hidden_size, order)
        self.plain = torch.tensor([0.5, 2.0])


class OfAGlobal(Ordered):
    def step(self, x, h):
        return super().step(x, h * torch.tensor(NUMBERS).repeat(h.shape[1] // 2))


@pytest.mark.parametrize(
    ("cell", "size", "order"),
    [
        (Careless, 6, lambda cell, h: h * torch.tensor(cell.plain.tolist()).repeat(h.shape[1] // 2)),
        (OfAGlobal, 6, lambda cell, h: h),
        (Ordered, 1002, lambda cell, h: h[:, [*range(h.shape[1])][::-1]]),  # more than are compared at every call
    ],
)
def test_numbers_that_may_change_unseen_are_left_to_the_loop(cell, size, order):
    with pytest.raises(OptionError, match="numbers that may change"):
        RNN(cell, 2, size, backend="native", order=order)(torch.randn(T, B, 2))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_constants_reach_compiled_and_exported_models():
    rnn = RNN(Ordered, 2, 6, backend="native", order=ORDERS["a list, from the end"])
    x = torch.randn(T, B, 2)
    expected = rnn(x)[0]
    exported = torch.export.export(rnn, (x,)).module()
    torch.testing.assert_close(exported(x)[0], expected)
