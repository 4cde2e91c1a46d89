"""Turkoglu, D'Aronco, Wegner and Schindler 2021, "Gating revisited: deep multi-layer RNNs that can be trained"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("star")
class STAR(Cell):
    """Stackable recurrent cell: gradients keep their size through many layers::

        z = tanh(W_z x_t + b_z)
        k = sigmoid(W_k x_t + U_k h_{t-1} + b_k)
        h_t = tanh((1 - k) * h_{t-1} + k * z)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        keep_bias: How far below zero b_k starts. The paper draws it from log U(1, T - 1) for memories of up to T steps.

    Source: Turkoglu et al. 2021, arXiv 1911.11033.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.star import STAR
        >>> STAR(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Turkoglu et al. 2021"

    def __init__(self, input_size: int, hidden_size: int, keep_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.keep_bias = keep_bias
        self.W = nn.Linear(input_size, 2 * hidden_size)  # rows: z, k
        self.U_k = nn.Linear(hidden_size, hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        z, k = self.W(x).chunk(2, -1)
        z, k = torch.tanh(z), torch.sigmoid(k + self.U_k(h))
        return torch.tanh((1 - k) * h + k * z)

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then take ``keep_bias`` from b_k."""
        super().reset_parameters(bound)
        self.W.bias[self.hidden_size :] -= self.keep_bias
