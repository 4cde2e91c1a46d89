"""Vecoven, Ernst and Drion 2021, "A bio-inspired bistable recurrent cell allows for long-lasting memory"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("brc")
class BRC(Cell):
    """Bistable recurrent cell: each unit sees its own past alone, and has two stable states where a > 1::

        a = 1 + tanh(U_a x_t + w_a * h_{t-1} + b_a)
        c = sigmoid(U_c x_t + w_c * h_{t-1} + b_c)
        h_t = c * h_{t-1} + (1 - c) * tanh(U x_t + a * h_{t-1} + b)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.

    Source: Vecoven et al. 2021, PLoS ONE 16(6), arXiv 2006.05252. The paper has no biases, its code b_a and b_c.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.brc import BRC
        >>> BRC(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Vecoven et al. 2021 (BRC)"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.U = nn.Linear(input_size, 3 * hidden_size)  # rows: a, c, the candidate
        self.w_a = nn.Parameter(torch.empty(hidden_size))
        self.w_c = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        a, c, new = self.U(x).chunk(3, -1)
        a = 1 + torch.tanh(a + self.w_a * h)
        c = torch.sigmoid(c + self.w_c * h)
        return c * h + (1 - c) * torch.tanh(new + a * h)

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw U and biases from U(-bound, bound); w_a and w_c start at 1, as in the authors' code."""
        super().reset_parameters(bound)
        self.w_a.fill_(1)
        self.w_c.fill_(1)
