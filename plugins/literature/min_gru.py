"""Feng, Tung, Ahmed, Bengio and Hajimirsadeghi 2024, "Were RNNs all we needed?"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("min_gru")
class MinGRU(Cell):
    """A GRU whose gate and candidate see the input alone::

        z = sigmoid(W_z x_t + b_z)
        h_t = (1 - z) * h_{t-1} + z * (W_h x_t + b_h)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.

    Source: Feng et al. 2024, arXiv 2410.01201, section 3.1.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.min_gru import MinGRU
        >>> MinGRU(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Feng et al. 2024 (minGRU)"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, 2 * hidden_size)  # rows: z, h
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        z, new = self.W(x).chunk(2, -1)
        z = torch.sigmoid(z)
        return (1 - z) * h + z * new
