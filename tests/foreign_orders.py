"""A stranger's cell whose step puts columns of its state into another order."""

import torch
from torch import nn

from seqmodels import Cell


class RotatedPairs(Cell):
    """Neighbours are turned as complex numbers, after a fixed permutation, as in Arjovsky et al. 2016 (1511.06464)::

    h_t = tanh(W x_t + R(theta) P h_{t-1} + b)
    """

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W, self.theta = nn.Linear(input_size, hidden_size), nn.Parameter(torch.rand(hidden_size // 2))
        self.register_buffer("order", torch.randperm(hidden_size // 2 * 2))

    def step(self, x, h):
        real, imaginary = h[:, self.order].view(len(h), -1, 2).unbind(-1)
        cos, sin = self.theta.cos(), self.theta.sin()
        turned = torch.stack([cos * real - sin * imaginary, sin * real + cos * imaginary], -1).flatten(1)
        return torch.tanh(self.W(x) + torch.cat([turned, h[:, turned.shape[1] :]], 1))
