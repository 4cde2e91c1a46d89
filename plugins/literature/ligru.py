"""Ravanelli, Brakel, Omologo and Bengio 2018, "Light gated recurrent units for speech recognition"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("ligru")
class LiGRU(Cell):
    """A GRU without its reset gate, with relu for tanh::

        z = sigmoid(W_z x_t + U_z h_{t-1} + b_z)
        h~ = relu(W_h x_t + U_h h_{t-1} + b_h)
        h_t = z * h_{t-1} + (1 - z) * h~

    The paper normalises W_z x_t and W_h x_t over the batch, which a cell, blind to other rows, can't.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.

    Source: Ravanelli et al. 2018, arXiv 1803.10225, section III, without batch normalisation.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.ligru import LiGRU
        >>> LiGRU(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Ravanelli et al. 2018"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, 2 * hidden_size)  # rows: z, h
        self.U = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        z, new = (self.W(x) + self.U(h)).chunk(2, -1)
        z = torch.sigmoid(z)
        return z * h + (1 - z) * torch.relu(new)
