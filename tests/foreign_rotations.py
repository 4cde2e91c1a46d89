"""Strangers' cells that turn pairs of numbers: written out, and as complex numbers."""

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


class Unitary(Cell):
    """Arjovsky et al. 2016, arXiv 1511.06464, eq. 6 and 8, without its reflections; h has real parts, then imaginary::

    z_t = modReLU(D_2 F^-1 D_1 P F D_0 z_{t-1} + W x_t)
    """

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.size = hidden_size // 2
        self.W, self.rest = nn.Linear(input_size, 2 * self.size), hidden_size - 2 * self.size
        self.angles, self.bias = nn.Parameter(6 * torch.rand(3, self.size)), nn.Parameter(0.1 * torch.rand(self.size))
        self.register_buffer("order", torch.randperm(self.size))

    def step(self, x, h):
        first, second, third = torch.polar(torch.ones_like(self.angles), self.angles)
        z = torch.fft.fft(first * torch.complex(*h[:, : 2 * self.size].chunk(2, -1)), norm="ortho")
        z = third * torch.fft.ifft(second * z[:, self.order], norm="ortho")
        z = z + torch.complex(*self.W(x).chunk(2, -1))
        z = torch.relu(z.abs() - self.bias) * z.sgn()
        return torch.cat([z.real, z.imag, h[:, h.shape[1] - self.rest :]], 1)
