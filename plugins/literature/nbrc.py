"""Vecoven, Ernst and Drion 2021, "A bio-inspired bistable recurrent cell allows for long-lasting memory"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("nbrc")
class NBRC(Cell):
    """Recurrently neuromodulated bistable cell: ``brc`` whose gates a and c see all units::

        a = 1 + tanh(U_a x_t + W_a h_{t-1} + b_a)
        c = sigmoid(U_c x_t + W_c h_{t-1} + b_c)
        h_t = c * h_{t-1} + (1 - c) * tanh(U x_t + a * h_{t-1} + b)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.

    Source: Vecoven et al. 2021, PLoS ONE 16(6), arXiv 2006.05252. The paper has no biases, its code b_a and b_c.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.nbrc import NBRC
        >>> NBRC(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Vecoven et al. 2021 (nBRC)"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.U = nn.Linear(input_size, 3 * hidden_size)  # rows: a, c, the candidate
        self.W = nn.Linear(hidden_size, 2 * hidden_size, bias=False)  # rows: a, c
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        a_x, c_x, new = self.U(x).chunk(3, -1)
        a_h, c_h = self.W(h).chunk(2, -1)
        a, c = 1 + torch.tanh(a_x + a_h), torch.sigmoid(c_x + c_h)
        return c * h + (1 - c) * torch.tanh(new + a * h)
