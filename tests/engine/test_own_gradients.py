"""A step that changes gradients by hand keeps them: it runs as the plain loop."""

import warnings

import pytest
import torch
from torch import Tensor, nn

from seqmodels import RNN, Cell
from seqmodels.errors import OptionError


class Sharp(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a):
        return torch.tanh(a)

    @staticmethod
    def backward(ctx, gradient):
        return 10 * gradient


class WithFunction(Cell):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size + hidden_size, hidden_size)

    def sum(self, x: Tensor, h: Tensor) -> Tensor:
        return self.W(torch.cat([x, h], -1))

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return Sharp.apply(self.sum(x, h))


class WithoutGradient(WithFunction):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        y = self.sum(x, h)
        with torch.no_grad():
            gate = torch.sigmoid(y)
        return torch.tanh(y) * gate


class WithHook(WithFunction):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        y = self.sum(x, h)
        if y.requires_grad:
            y.register_hook(lambda gradient: 2 * gradient)
        return torch.tanh(y)


class Detached(WithFunction):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        y = self.sum(x, h)
        return torch.tanh(y) * torch.sigmoid(y).detach()


def gradients(cell: type[Cell], backend: str) -> list[Tensor]:
    torch.manual_seed(0)
    rnn, x = RNN(cell, 3, 5, backend=backend), torch.randn(6, 2, 3, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(torch.autograd.grad(rnn(x)[0].sum(), [x, *rnn.parameters()]))


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        (WithFunction, "an autograd.Function of its own"),
        (WithoutGradient, "turns gradients off"),
        (WithHook, "hooks on gradients"),
    ],
)
def test_gradients_changed_by_hand_stay_so(cell, reason, one_line):
    for found, expected in zip(gradients(cell, "auto"), gradients(cell, "reference"), strict=True):
        assert torch.equal(found, expected)
    with one_line(OptionError, reason):
        gradients(cell, "native")


def test_a_detached_value_has_no_gradient():
    for found, expected in zip(gradients(Detached, "native"), gradients(Detached, "reference"), strict=True):
        torch.testing.assert_close(found, expected)


def test_a_network_first_met_in_inference_mode_is_compiled(recwarn):
    rnn = RNN("mut1", 3, 4, backend="native")
    with torch.inference_mode():
        input = torch.randn(5, 2, 3)
        output, _ = rnn(input)
    rnn.backend = "reference"
    torch.testing.assert_close(output, rnn(input.clone())[0].detach())
    assert not recwarn
