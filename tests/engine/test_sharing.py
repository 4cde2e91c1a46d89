"""What is a part of a sum of products, and used by itself, is multiplied once."""

import pytest
import torch
from torch import nn

import seqmodels
from seqmodels import RNN, Cell
from seqmodels.engine import LayerPass, generated
from seqmodels.engine.loop import Loop
from seqmodels.engine.sharing import share_products
from seqmodels.testing import check_cell
from seqmodels.trees import sequence_cells


class Parts(Cell):
    """Uses two products each by itself, their sum, and the sum of this with a third."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.x = nn.Linear(input_size, hidden_size)
        self.h = nn.Linear(hidden_size, hidden_size, bias=False)
        self.g = nn.Linear(hidden_size, hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x, h):
        a, b, c = self.x(x), self.h(h), self.g(torch.tanh(h))
        return torch.sigmoid(a) * torch.tanh(a + b + c) + torch.sigmoid(b) * torch.tanh(a + b)


class Once(Parts):
    """Uses the products in one sum only."""

    def step(self, x, h):
        return torch.tanh(self.x(x) + self.h(h) + self.g(torch.tanh(h)))


def test_each_matrix_is_multiplied_once():
    I, H = 3, 5  # noqa: E741
    for cell in (Parts, Once):
        found = seqmodels.explain(cell, I, H)
        assert found.multiply_adds == I * H + 2 * H * H


def test_values_and_gradients_stay_those_of_the_step():
    check_cell(Parts)


@pytest.mark.parametrize("name", sequence_cells())
def test_a_loop_without_repeated_products_stays_as_it_is(name, monkeypatch):
    unchanged = []

    def share(loop: Loop) -> None:
        before = loop.new_state
        share_products(loop)
        unchanged.append(loop.new_state is before)

    monkeypatch.setattr(generated, "share_products", share)
    cell, x = RNN(name, 3, 5).cell, torch.zeros(4, 2, 3)
    generated.program_of(LayerPass(cell, x, cell.zero_state(x[0])))
    assert unchanged == [True]
