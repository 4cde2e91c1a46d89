"""Collins, Sohl-Dickstein and Sussillo 2017, "Capacity and trainability in recurrent neural networks"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("ugrnn")
class UGRNN(Cell):
    """Update-gate network: Elman's, with one gate between its old state and its new one::

        g = sigmoid(W_g x_t + U_g h_{t-1} + b_g)
        h_t = g * h_{t-1} + (1 - g) * tanh(W_c x_t + U_c h_{t-1} + b_c)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        gate_bias: Where b_g starts.

    Source: Collins et al. 2017, arXiv 1611.09913, section 1.1.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.ugrnn import UGRNN
        >>> UGRNN(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Collins et al. 2017"

    def __init__(self, input_size: int, hidden_size: int, gate_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.gate_bias = gate_bias
        self.W = nn.Linear(input_size, 2 * hidden_size)  # rows: g, c
        self.U = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        g, new = (self.W(x) + self.U(h)).chunk(2, -1)
        g = torch.sigmoid(g)
        return g * h + (1 - g) * torch.tanh(new)

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then add ``gate_bias`` to b_g."""
        super().reset_parameters(bound)
        self.W.bias[: self.hidden_size] += self.gate_bias
