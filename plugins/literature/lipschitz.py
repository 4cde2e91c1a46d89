"""Erichson, Azencot, Queiruga, Hodgkinson and Mahoney 2021, "Lipschitz recurrent neural networks"."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("lipschitz")
class Lipschitz(Cell):
    """A step of Euler's method along a linear and a bounded field, both between symmetric and skew-symmetric::

        S(M) = (1 - beta) (M + M^T) + beta (M - M^T) - gamma I
        h_t = h_{t-1} + epsilon (S(M_A) h_{t-1} + tanh(S(M_W) h_{t-1} + U x_t + b))

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        beta: From 0.5 (any matrices) to 1 (skew-symmetric ones, whose past doesn't fade but for gamma); the same for
            both.
        gamma: Damping, >= 0; the same for both.
        epsilon: Size of the step, > 0.

    Source: Erichson et al. 2021, arXiv 2006.12070; the defaults are those of its ordered MNIST, and M_A and M_W start
    small, as in the authors' code.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.lipschitz import Lipschitz
        >>> Lipschitz(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Erichson et al. 2021"

    def __init__(
        self, input_size: int, hidden_size: int, beta: float = 0.75, gamma: float = 0.001, epsilon: float = 0.03
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.beta, self.gamma, self.epsilon = beta, gamma, epsilon
        self.M_A = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.M_W = nn.Parameter(torch.empty(hidden_size, hidden_size))
        self.U = nn.Linear(input_size, hidden_size)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return h + self.epsilon * (self._turned(self.M_A, h) + torch.tanh(self._turned(self.M_W, h) + self.U(x)))

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw U and b from U(-bound, bound), M_A and M_W from N(0, (0.1 / hidden_size)^2): nothing bounds A h."""
        super().reset_parameters(bound)
        for M in (self.M_A, self.M_W):
            M.normal_(std=0.1 / self.hidden_size)

    def _turned(self, M: Tensor, h: Tensor) -> Tensor:
        """S(M) h."""
        return F.linear(h, (1 - self.beta) * (M + M.T) + self.beta * (M - M.T)) - self.gamma * h
