"""Funahashi and Nakamura 1993, "Approximation of dynamical systems by continuous time recurrent neural networks"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("ctrnn")
class CTRNN(Cell):
    """Continuous-time network in steps of Euler's method; h is a potential; units see each other's tanh(h)::

        h_t = h_{t-1} + dt (-h_{t-1} + W tanh(h_{t-1}) + U x_t + b)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        dt: Length of a step in units of the time constant, above 0 and at most 1.

    Source: Funahashi and Nakamura 1993, Neural Networks 6(6), eq. 1.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.ctrnn import CTRNN
        >>> CTRNN(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Funahashi & Nakamura 1993"

    def __init__(self, input_size: int, hidden_size: int, dt: float = 0.5) -> None:
        super().__init__(input_size, hidden_size)
        self.dt = dt
        self.W = nn.Linear(hidden_size, hidden_size, bias=False)
        self.U = nn.Linear(input_size, hidden_size)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return h + self.dt * (self.W(torch.tanh(h)) + self.U(x) - h)
