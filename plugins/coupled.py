"""The LSTM whose input gate is one minus its forget gate ("CIFG" in Greff et al. 2015)."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("coupled")
class Coupled(Cell):
    """LSTM with coupled input and forget gates::

        f, o = sigmoid(W_. [h_{t-1}, x_t] + b_.)
        c~ = tanh(W_c [h_{t-1}, x_t] + b_c)
        c_t = f * c_{t-1} + (1 - f) * c~
        h_t = o * tanh(c_t)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h and of c.
        forget_bias: Where b_f starts.
        bias: Whether there are b_f, b_o, b_c.

    Source: Greff et al. 2015, "LSTM: a search space odyssey", variant CIFG.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.coupled import Coupled
        >>> h, c = Coupled(3, 5)(torch.randn(2, 3))
    """

    state_names = ("h", "c")
    citation = "Greff et al. 2015 (CIFG)"

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0, bias: bool = True) -> None:
        super().__init__(input_size, hidden_size)
        self.forget_bias = forget_bias
        self.W_x = nn.Linear(input_size, 3 * hidden_size, bias)  # rows: f, c~, o
        self.W_h = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        f, new, o = (self.W_x(x) + self.W_h(h)).chunk(3, -1)
        f = torch.sigmoid(f)
        c = f * c + (1 - f) * torch.tanh(new)
        return torch.sigmoid(o) * torch.tanh(c), c

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then add ``forget_bias`` to b_f."""
        super().reset_parameters(bound)
        if self.W_x.bias is not None:
            self.W_x.bias[: self.hidden_size] += self.forget_bias
