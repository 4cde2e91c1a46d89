"""Feng, Tung, Ahmed, Bengio and Hajimirsadeghi 2024, "Were RNNs all we needed?"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("min_lstm")
class MinLSTM(Cell):
    """An LSTM whose gates and candidate see the input alone; the two gates are scaled to a sum of 1::

        f, i = sigmoid(W_. x_t + b_.)
        h_t = f / (f + i) * h_{t-1} + i / (f + i) * (W_h x_t + b_h)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        forget_bias: Where b_f starts.

    Source: Feng et al. 2024, arXiv 2410.01201, section 3.2.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.min_lstm import MinLSTM
        >>> MinLSTM(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Feng et al. 2024 (minLSTM)"

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.forget_bias = forget_bias
        self.W = nn.Linear(input_size, 3 * hidden_size)  # rows: f, i, h
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        f, i, new = self.W(x).chunk(3, -1)
        f, i = torch.sigmoid(f), torch.sigmoid(i)
        return (f * h + i * new) / (f + i)

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then add ``forget_bias`` to b_f."""
        super().reset_parameters(bound)
        self.W.bias[: self.hidden_size] += self.forget_bias
