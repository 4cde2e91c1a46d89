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
    """Arjovsky et al. 2016, arXiv 1511.06464, eq. 6 and 8, without its reflections, and damped, so that it forgets::

    z_t = modReLU(D_2 F^-1 D_1 P F D_0 z_{t-1} + W x_t)

    h has the real parts of z, then the imaginary ones.
    """

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        size = self.size = (hidden_size + 1) // 2
        self.W, self.bias = nn.Linear(input_size, 2 * size), nn.Parameter(0.1 * torch.rand(size))
        self.angles = nn.Parameter(6 * torch.rand(3, size))
        self.register_buffer("order", torch.randperm(size))

    @property
    def state_sizes(self):
        return (2 * self.size,)

    output_size = property(lambda self: 2 * self.size)

    def step(self, x, h):
        first, second, third = torch.polar(torch.full_like(self.angles, 0.9), self.angles)
        z = torch.fft.fft(first * torch.complex(*h.chunk(2, -1)), norm="ortho")
        z = third * torch.fft.ifft(second * z[:, self.order], norm="ortho") + torch.complex(*self.W(x).chunk(2, -1))
        z = torch.relu(z.abs() - self.bias) * z.sgn()
        return torch.cat([z.real, z.imag], 1)
