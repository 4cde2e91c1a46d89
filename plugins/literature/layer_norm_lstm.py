"""Ba, Kiros and Hinton 2016, "Layer normalization"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("layer_norm_lstm")
class LayerNormLSTM(Cell):
    """An LSTM whose two products and whose cell state are normalised over their features, each with a gain and bias::

        f, i, o, g = LN(W_h h_{t-1}) + LN(W_x x_t)
        c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)
        h_t = sigmoid(o) * tanh(LN(c_t))

    ``RNN("lstm", ..., layer_norm=True)`` normalises the product of the state only.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h and of c.
        forget_bias: Where the bias of f starts.

    Source: Ba et al. 2016, arXiv 1607.06450, eq. 20-22; their b is the bias of one LN.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.layer_norm_lstm import LayerNormLSTM
        >>> h, c = LayerNormLSTM(3, 5)(torch.randn(2, 3))
    """

    state_names = ("h", "c")
    citation = "Ba et al. 2016"

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.forget_bias = forget_bias
        self.W_h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)  # rows: f, i, o, g
        self.W_x = nn.Linear(input_size, 4 * hidden_size, bias=False)
        self.norm_h = nn.LayerNorm(4 * hidden_size)
        self.norm_x = nn.LayerNorm(4 * hidden_size)
        self.norm_c = nn.LayerNorm(hidden_size)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        f, i, o, g = (self.norm_h(self.W_h(h)) + self.norm_x(self.W_x(x))).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(self.norm_c(c)), c

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw both matrices from U(-bound, bound); gains start at 1, biases at 0, that of f at ``forget_bias``."""
        super().reset_parameters(bound)
        for norm in (self.norm_h, self.norm_x, self.norm_c):
            norm.reset_parameters()
        self.norm_x.bias[: self.hidden_size] = self.forget_bias
