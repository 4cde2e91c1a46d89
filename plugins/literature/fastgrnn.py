"""Kusupati et al. 2018, "FastGRNN: a fast, accurate, stable and tiny kilobyte sized gated recurrent neural network"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.plugins.literature._options import at_least
from seqmodels.registry import register_cell


@register_cell("fastgrnn")
class FastGRNN(Cell):
    """Gate and candidate share their matrices, which may have a low rank::

        p = W x_t + U h_{t-1}
        z = sigmoid(p + b_z)
        h~ = tanh(p + b_h)
        h_t = (sigmoid(zeta) (1 - z) + sigmoid(nu)) * h~ + z * h_{t-1}

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        rank: W and U are products of two matrices with this inner size; at least 1, or of full rank if not given.

    Raises:
        OptionError: If ``rank`` is less than 1.

    Source: Kusupati et al. 2018, arXiv 1901.02358, section 3; there each has a rank of its own. Biases and zeta start
    at 1, nu at -4, as in their code.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.fastgrnn import FastGRNN
        >>> FastGRNN(3, 5, rank=2)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Kusupati et al. 2018 (FastGRNN)"

    def __init__(self, input_size: int, hidden_size: int, rank: int | None = None) -> None:
        super().__init__(input_size, hidden_size)
        at_least(1, "fastgrnn", rank=rank)
        self.W = _matrix(input_size, hidden_size, rank)
        self.U = _matrix(hidden_size, hidden_size, rank)
        self.b_z = nn.Parameter(torch.empty(hidden_size))
        self.b_h = nn.Parameter(torch.empty(hidden_size))
        self.zeta = nn.Parameter(torch.empty(1))
        self.nu = nn.Parameter(torch.empty(1))
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        p = self.W(x) + self.U(h)
        z, new = torch.sigmoid(p + self.b_z), torch.tanh(p + self.b_h)
        return (torch.sigmoid(self.zeta) * (1 - z) + torch.sigmoid(self.nu)) * new + z * h

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all matrices from U(-bound, bound); start the biases at 1, zeta at 1 and nu at -4."""
        super().reset_parameters(bound)
        for parameter, start in ((self.b_z, 1), (self.b_h, 1), (self.zeta, 1), (self.nu, -4)):
            parameter.fill_(start)


def _matrix(columns: int, rows: int, rank: int | None) -> nn.Module:
    if rank is None:
        return nn.Linear(columns, rows, bias=False)
    return nn.Sequential(nn.Linear(columns, rank, bias=False), nn.Linear(rank, rows, bias=False))
