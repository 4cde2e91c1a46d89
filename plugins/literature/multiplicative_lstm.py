"""Krause, Lu, Murray and Renals 2016, "Multiplicative LSTM for sequence modelling"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("multiplicative_lstm")
class MultiplicativeLSTM(Cell):
    """An LSTM in whose gates a product of input and state stands for the state: each input has its own transition::

        m = (W_mx x_t) * (W_mh h_{t-1})
        i, f, o = sigmoid(W_. x_t + U_. m + b_.)
        c_t = f * c_{t-1} + i * tanh(W_c x_t + U_c m + b_c)
        h_t = o * tanh(c_t)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h, of c and of m.
        forget_bias: Where b_f starts.

    Source: Krause et al. 2016, arXiv 1609.07959, eq. 18-22, with the LSTM's c and h.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.multiplicative_lstm import MultiplicativeLSTM
        >>> h, c = MultiplicativeLSTM(3, 5)(torch.randn(2, 3))
    """

    state_names = ("h", "c")
    citation = "Krause et al. 2016"

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.forget_bias = forget_bias
        self.W_mx = nn.Linear(input_size, hidden_size, bias=False)
        self.W_mh = nn.Linear(hidden_size, hidden_size, bias=False)
        self.W = nn.Linear(input_size, 4 * hidden_size)  # rows: i, f, c, o
        self.U = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        m = self.W_mx(x) * self.W_mh(h)
        i, f, new, o = (self.W(x) + self.U(m)).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(new)
        return torch.sigmoid(o) * torch.tanh(c), c

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then add ``forget_bias`` to b_f."""
        super().reset_parameters(bound)
        self.W.bias[self.hidden_size : 2 * self.hidden_size] += self.forget_bias
