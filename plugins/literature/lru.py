"""Orvieto et al. 2023, "Resurrecting recurrent neural networks for long sequences"."""

import math

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.errors import OptionError
from seqmodels.registry import register_cell


@register_cell("lru")
class LRU(Cell):
    """Linear recurrent unit: complex numbers that turn and shrink, each at a rate of its own, and nothing else::

        lambda = exp(-exp(nu) + i exp(theta))
        s_t = lambda * s_{t-1} + exp(gamma) * (B x_t)
        y_t = Re(C s_t) + D x_t

    B and C are complex; s = re + i im; gamma starts so that states keep their size, at log sqrt(1 - |lambda|^2). D is a
    matrix, as the sizes of x and y may differ; the paper's is a vector. The paper has nonlinear layers between such
    ones.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of complex numbers in s, and number of features of y.
        slowest: |lambda| starts between this and ``fastest``; 0 <= fastest < slowest < 1.
        fastest: See ``slowest``.
        largest_angle: lambda starts at angles up to this, above 0 and at most 2 pi; less for longer memories.

    Raises:
        OptionError: If ``slowest`` and ``fastest`` are not in that order.

    Source: Orvieto et al. 2023, arXiv 2303.06349, eq. 7 and appendix A.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.lru import LRU
        >>> y, re, im = LRU(3, 5)(torch.randn(2, 3))
    """

    state_names = ("y", "re", "im")
    citation = "Orvieto et al. 2023"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        slowest: float = 0.999,
        fastest: float = 0.9,
        largest_angle: float = 2 * math.pi,
    ) -> None:
        super().__init__(input_size, hidden_size)
        if not 0 <= fastest < slowest < 1:
            raise OptionError(f"lru: 0 <= fastest < slowest < 1 must hold, not of {fastest} and {slowest}")
        self.slowest, self.fastest, self.largest_angle = slowest, fastest, largest_angle
        self.nu = nn.Parameter(torch.empty(hidden_size))
        self.theta = nn.Parameter(torch.empty(hidden_size))
        self.gamma = nn.Parameter(torch.empty(hidden_size))
        self.B = nn.Linear(input_size, 2 * hidden_size, bias=False)  # rows: real, imaginary
        self.C = nn.Linear(2 * hidden_size, hidden_size, bias=False)  # columns: real, minus imaginary
        self.D = nn.Linear(input_size, hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, y: Tensor, re: Tensor, im: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        size, angle = torch.exp(-torch.exp(self.nu)), torch.exp(self.theta)
        cos, sin = size * torch.cos(angle), size * torch.sin(angle)
        b_re, b_im = self.B(x).chunk(2, -1)
        scale = torch.exp(self.gamma)
        re, im = cos * re - sin * im + scale * b_re, sin * re + cos * im + scale * b_im
        return self.C(torch.cat([re, im], -1)) + self.D(x), re, im

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw B, C and D from U(-bound, bound), and lambda evenly from the ring; gamma follows from it."""
        super().reset_parameters(bound)
        squares = torch.empty_like(self.nu).uniform_(self.fastest**2, self.slowest**2)
        self.nu.copy_(torch.log(-0.5 * torch.log(squares)))
        shares = 1 - torch.empty_like(self.theta).uniform_(0, 1)  # above 0
        self.theta.copy_(torch.log(shares * self.largest_angle))
        self.gamma.copy_(0.5 * torch.log(1 - squares))
