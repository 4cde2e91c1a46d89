"""A recurrent cell found by evolution, number 269."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell


class Evolved(Cell):
    """Evolved::

        u1 = W_x_u1 x + b_x_u1
        z = sigmoid(u1 + W_hz h)
        r = sigmoid(W_xr x + b_xr + W_hr h)
        u2 = W_x_u2 x + b_x_u2 + u1 + W_h_u2_2 ((r + W_x_u2_2 x) * h) + W_h_u2 h
        u3 = z * u2
        h' = (1 - z) * h - u3

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.

    Source: evolutionary search after Jozefowicz, Zaremba and Sutskever 2015, ICML, section 3, seed 0: number 269, of
    generation 30, made from number 242: a matrix times x is added to node 9 (r: sigmoid). Its score is 1.2972, where
    the baseline's is 1.
    """

    citation = "Found by seqmodels.compare.search, number 269"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W_x_u1 = nn.Linear(input_size, hidden_size)
        self.W_hz = nn.Linear(hidden_size, hidden_size, bias=False)
        self.W_xr = nn.Linear(input_size, hidden_size)
        self.W_hr = nn.Linear(hidden_size, hidden_size, bias=False)
        self.W_x_u2 = nn.Linear(input_size, hidden_size)
        self.W_h_u2 = nn.Linear(hidden_size, hidden_size, bias=False)
        self.W_x_u2_2 = nn.Linear(input_size, hidden_size, bias=False)
        self.W_h_u2_2 = nn.Linear(hidden_size, hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        u1 = self.W_x_u1(x)
        z = torch.sigmoid(u1 + self.W_hz(h))
        r = torch.sigmoid(self.W_xr(x) + self.W_hr(h))
        u2 = self.W_x_u2(x) + u1 + self.W_h_u2_2((r + self.W_x_u2_2(x)) * h) + self.W_h_u2(h)
        u3 = z * u2
        return (1 - z) * h - u3
