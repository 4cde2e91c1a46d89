"""The products of a step are found, whichever way they are written, and those of the input are hoisted."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from seqmodels import RNN, Cell, get_cell
from seqmodels.engine import find_products
from seqmodels.engine.products import SequenceProducts

PRODUCTS = {  # rows, and the number of columns that come from the state
    "elman": [(5, 0), (5, 5)],
    "lstm": [(20, 0), (20, 5)],
    "peephole": [(20, 0), (20, 5), (5, 5), (5, 5), (5, 5)],
    "coupled": [(15, 0), (15, 5)],
    "gru": [(15, 0), (10, 5), (5, 5)],
    "mut1": [(5, 0), (5, 0), (5, 5), (5, 5), (5, 0)],
    "mut2": [(5, 0), (5, 5), (5, 0), (5, 5), (5, 5), (5, 0)],
    "mut3": [(5, 0), (5, 5), (5, 0), (5, 5), (5, 5), (5, 0)],
}


def test_products_of_the_built_in_cells(cell_name):
    found = find_products(get_cell(cell_name)(3, 5))
    assert [(p.rows, int(p.state_columns.sum())) for p in found] == PRODUCTS[cell_name]
    assert [p.index for p in found] == list(range(len(found)))


WAYS = {
    "linear": lambda h, W: F.linear(h, W),
    "linear with names": lambda h, W: F.linear(h, weight=W, bias=None),
    "@": lambda h, W: h @ W.t(),
    "matmul": lambda h, W: torch.matmul(h, W.t()),
    "mm": lambda h, W: torch.mm(h, W.t()),
    "method matmul": lambda h, W: h.matmul(W.t()),
    "method mm": lambda h, W: h.mm(W.t()),
}


class Written(Cell):
    """A product of the state with a matrix, written in one of several ways."""

    def __init__(self, input_size, hidden_size, way):
        super().__init__(input_size, hidden_size)
        self.way = way
        self.W = nn.Parameter(torch.randn(hidden_size, hidden_size) / hidden_size)
        self.V = nn.Linear(input_size, hidden_size)

    def step(self, x, h):
        return torch.tanh(WAYS[self.way](h, self.W) + self.V(x))


@pytest.mark.parametrize("way", WAYS)
def test_a_product_is_found_however_it_is_written(way):
    found = find_products(Written(3, 5, way))
    assert [(p.rows, p.is_recurrent) for p in found] == [(5, True), (5, False)]
    rnn, x = RNN(Written, 3, 5, way=way, layer_norm=True), torch.randn(4, 2, 3)
    assert not torch.allclose(rnn(x)[0], RNN(rnn.cell)(x)[0])


def test_finding_consumes_no_random_numbers(cell_name):
    cell, before = get_cell(cell_name)(3, 5), torch.get_rng_state()
    find_products(cell)
    assert torch.equal(before, torch.get_rng_state())


def test_products_of_the_input_are_computed_once_for_all_steps(cell_name, monkeypatch):
    shapes = []
    compute = SequenceProducts.compute

    def recorded(self, index, call):
        shapes.append(tuple(call.operand.shape))
        return compute(self, index, call)

    monkeypatch.setattr(SequenceProducts, "compute", recorded)
    RNN(cell_name, 3, 5, backend="reference")(torch.randn(7, 2, 3))
    of_input = sum(columns == 0 for _, columns in PRODUCTS[cell_name])
    assert shapes.count((7, 2, 3)) == of_input
    assert (2, 3) not in shapes


def test_a_hoisted_product_may_be_changed_in_place():
    class InPlace(Cell):
        def __init__(self, input_size, hidden_size):
            super().__init__(input_size, hidden_size)
            self.a, self.b = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)

        def step(self, x, h):
            return self.a(x).add_(self.b(h)).tanh_()

    rnn, x = RNN(InPlace, 3, 5), torch.randn(4, 2, 3)
    output, _ = rnn(x)
    h = torch.zeros(2, 5)
    for t in range(4):
        h = torch.tanh(rnn.cell.a(x[t]) + rnn.cell.b(h))
    torch.testing.assert_close(output[-1], h)
    found = torch.autograd.grad(output[-1].sum(), list(rnn.parameters()))
    for a, b in zip(found, torch.autograd.grad(h.sum(), list(rnn.parameters())), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("cell_name", ["lstm", "mut1"])
def test_a_cell_without_values_has_the_same_products(cell_name):
    with torch.device("meta"):
        rnn = RNN(cell_name, 3, 5, layer_norm=True)
    expected = find_products(get_cell(cell_name)(3, 5))
    for found, product in zip(rnn.layers[0].products, expected, strict=True):
        assert found[:2] == product[:2]
        assert torch.equal(found.state_columns, product.state_columns)


def test_one_matrix_for_two_products_is_two_products():
    class Tied(Cell):
        def __init__(self, input_size, hidden_size):
            super().__init__(input_size, hidden_size)
            self.W = nn.Linear(input_size, hidden_size)

        def step(self, x, h):
            return torch.tanh(self.W(x) + self.W(h))

    assert [p.is_recurrent for p in find_products(Tied(5, 5))] == [False, True]
    rnn, x = RNN(Tied, 5, 5), torch.randn(4, 2, 5)
    h = torch.zeros(2, 5)
    for now in x:
        h = rnn.cell.next_state(now, (h,))[0]
    torch.testing.assert_close(rnn(x)[0][-1], h)
