"""Hochreiter and Schmidhuber 1997 with the forget gate of Gers et al. 2000: the LSTM as it is used today."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("lstm")
class LSTM(Cell):
    """Long short-term memory::

        f, i, o = sigmoid(W_. [h_{t-1}, x_t] + b_.)
        c~ = tanh(W_c [h_{t-1}, x_t] + b_c)
        c_t = f * c_{t-1} + i * c~
        h_t = o * tanh(c_t)

    The four matrices stand one below the other in the order i, f, c~, o, which is that of :class:`torch.nn.LSTM`.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h and of c.
        bias: Whether there are b_i, b_f, b_c, b_o.
        forget_bias: Where b_f starts. 1 lets the cell remember at first: Gers et al. 2000; Jozefowicz et al. 2015
            found it to close the gap to the GRU ("LSTM-b"). 0 is what :class:`torch.nn.LSTM` has.

    Source: Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.lstm import LSTM
        >>> h, c = LSTM(3, 5)(torch.randn(2, 3))
        >>> h.shape, c.shape
        (torch.Size([2, 5]), torch.Size([2, 5]))
    """

    state_names = ("h", "c")
    citation = "Hochreiter & Schmidhuber 1997; Gers et al. 2000"

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.forget_bias = forget_bias
        self.W_x = nn.Linear(input_size, 4 * hidden_size, bias)
        self.W_h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i, f, new, o = (self.W_x(x) + self.W_h(h)).chunk(4, -1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(new)
        return torch.sigmoid(o) * torch.tanh(c), c

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then add ``forget_bias`` to b_f."""
        super().reset_parameters(bound)
        if self.W_x.bias is not None:
            self.W_x.bias[self.hidden_size : 2 * self.hidden_size] += self.forget_bias

    @property
    def torch_twin(self) -> str:
        return "LSTM"

    def torch_weights(self) -> list[Tensor]:
        bias = self.W_h.weight.new_zeros(4 * self.hidden_size)
        return [self.W_x.weight, self.W_h.weight, bias if self.W_x.bias is None else self.W_x.bias, bias]

    @torch.no_grad()
    def load_torch_weights(self, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> None:
        self.W_x.weight.copy_(weight_ih)
        self.W_h.weight.copy_(weight_hh)
        if self.W_x.bias is not None:
            self.W_x.bias.copy_(bias_ih + bias_hh)
