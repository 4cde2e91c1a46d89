"""Kusupati et al. 2018, "FastGRNN: a fast, accurate, stable and tiny kilobyte sized gated recurrent neural network"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("fastrnn")
class FastRNN(Cell):
    """Elman's network with a residual connection, weighed by two learned numbers::

        h~ = tanh(W x_t + U h_{t-1} + b)
        h_t = sigmoid(alpha) h~ + sigmoid(beta) h_{t-1}

    alpha starts at -3 and beta at 3: little changes in a step. The sigmoids, and b that starts at 1, are the code's.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.

    Source: Kusupati et al. 2018, arXiv 1901.02358, section 3.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.fastrnn import FastRNN
        >>> FastRNN(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Kusupati et al. 2018 (FastRNN)"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, hidden_size)
        self.U = nn.Linear(hidden_size, hidden_size, bias=False)
        self.alpha = nn.Parameter(torch.empty(1))
        self.beta = nn.Parameter(torch.empty(1))
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        new = torch.tanh(self.W(x) + self.U(h))
        return torch.sigmoid(self.alpha) * new + torch.sigmoid(self.beta) * h

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw W and U from U(-bound, bound); b starts at 1, alpha and beta at -3 and 3."""
        super().reset_parameters(bound)
        self.W.bias.fill_(1)
        self.alpha.fill_(-3)
        self.beta.fill_(3)
