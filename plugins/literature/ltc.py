"""Hasani, Lechner, Amini, Rus and Grosu 2021, "Liquid time-constant networks"."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.cell import Cell
from seqmodels.plugins.literature._options import at_least
from seqmodels.registry import register_cell


@register_cell("ltc")
class LTC(Cell):
    """Liquid time-constant network: a differential equation, solved over each input in ``unfolds`` fused steps::

        f = sigmoid(W x_t + U h + b)
        h <- (h + dt f * A) / (1 + dt (1 / tau + f))        dt = 1 / unfolds

    The second line is repeated ``unfolds`` times, from h_{t-1} to h_t; tau is softplus of a parameter. The sigmoid is
    that of the authors' code, which has one for each synapse; it keeps the divisor above 0.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        unfolds: Number of steps of the solver over one input, at least 1.

    Raises:
        OptionError: If ``unfolds`` is less than 1.

    Source: Hasani et al. 2021, arXiv 2006.04439, algorithm 1.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.ltc import LTC
        >>> LTC(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Hasani et al. 2021"

    def __init__(self, input_size: int, hidden_size: int, unfolds: int = 6) -> None:
        super().__init__(input_size, hidden_size)
        at_least(1, "ltc", unfolds=unfolds)
        self.unfolds = unfolds
        self.W = nn.Linear(input_size, hidden_size)
        self.U = nn.Linear(hidden_size, hidden_size, bias=False)
        self.A = nn.Parameter(torch.empty(hidden_size))
        self.tau = nn.Parameter(torch.empty(hidden_size))  # before softplus
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        dt, rate, sensory = 1 / self.unfolds, 1 / F.softplus(self.tau), self.W(x)
        for _ in range(self.unfolds):
            f = torch.sigmoid(sensory + self.U(h))
            h = (h + dt * f * self.A) / (1 + dt * (rate + f))
        return h

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then A from U(-1, 1) and tau so that it starts about 1."""
        super().reset_parameters(bound)
        self.A.uniform_(-1, 1)
        self.tau.add_(0.5413)  # softplus of it is 1
