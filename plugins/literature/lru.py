"""Orvieto et al. 2023, "Resurrecting recurrent neural networks for long sequences"."""

import math

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("lru")
class LRU(Cell):
    """Linear recurrent unit: complex numbers that turn and shrink, each at a rate of its own, and nothing else::

        lambda = exp(-exp(nu) + i exp(theta))
        s_t = lambda * s_{t-1} + sqrt(1 - |lambda|^2) * (B x_t)
        y_t = Re(C s_t) + D x_t

    B and C are complex; s = re + i im. The paper has nonlinear layers between such ones.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of complex numbers in s, and of features of y.
        slowest: |lambda| starts between this and ``fastest``; 0 <= fastest < slowest < 1.
        fastest: See ``slowest``.

    Source: Orvieto et al. 2023, arXiv 2303.06349, section 3.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.lru import LRU
        >>> y, re, im = LRU(3, 5)(torch.randn(2, 3))
    """

    state_names = ("y", "re", "im")
    citation = "Orvieto et al. 2023"

    def __init__(self, input_size: int, hidden_size: int, slowest: float = 0.999, fastest: float = 0.9) -> None:
        super().__init__(input_size, hidden_size)
        self.slowest, self.fastest = slowest, fastest
        self.nu = nn.Parameter(torch.empty(hidden_size))
        self.theta = nn.Parameter(torch.empty(hidden_size))
        self.B = nn.Linear(input_size, 2 * hidden_size, bias=False)  # rows: real, imaginary
        self.C = nn.Linear(2 * hidden_size, hidden_size, bias=False)  # columns: real, minus imaginary
        self.D = nn.Linear(input_size, hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, y: Tensor, re: Tensor, im: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        size, angle = torch.exp(-torch.exp(self.nu)), torch.exp(self.theta)
        cos, sin = size * torch.cos(angle), size * torch.sin(angle)
        b_re, b_im = (torch.sqrt(1 - size**2).repeat(2) * self.B(x)).chunk(2, -1)
        re, im = cos * re - sin * im + b_re, sin * re + cos * im + b_im
        return self.C(torch.cat([re, im], -1)) + self.D(x), re, im

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw B, C and D from U(-bound, bound), and lambda evenly from the ring, at angles up to pi / 10."""
        super().reset_parameters(bound)
        squares = torch.empty_like(self.nu).uniform_(self.fastest**2, self.slowest**2)
        self.nu.copy_(torch.log(-0.5 * torch.log(squares)))
        self.theta.copy_(torch.log(torch.empty_like(self.theta).uniform_(0.001, 0.1) * math.pi))
