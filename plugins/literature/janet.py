"""Van der Westhuizen and Lasenby 2018, "The unreasonable effectiveness of the forget gate"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("janet")
class JANET(Cell):
    """Just another network: an LSTM with nothing but its forget gate::

        s = U_f h_{t-1} + W_f x_t + b_f
        h~ = tanh(U_c h_{t-1} + W_c x_t + b_c)
        h_t = sigmoid(s) * h_{t-1} + (1 - sigmoid(s - beta)) * h~

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        beta: Shift of the gate that writes: above 0 more is written than forgotten; at 0 the two gates add up to 1.
        forget_bias: Where b_f starts. The paper draws it from log U(1, T - 1) for memories of up to T steps.

    Source: van der Westhuizen and Lasenby 2018, arXiv 1804.04849.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.janet import JANET
        >>> JANET(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "van der Westhuizen & Lasenby 2018"

    def __init__(self, input_size: int, hidden_size: int, beta: float = 1.0, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.beta, self.forget_bias = beta, forget_bias
        self.W = nn.Linear(input_size, 2 * hidden_size)  # rows: f, c
        self.U = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        s, new = (self.U(h) + self.W(x)).chunk(2, -1)
        return torch.sigmoid(s) * h + (1 - torch.sigmoid(s - self.beta)) * torch.tanh(new)

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then add ``forget_bias`` to b_f."""
        super().reset_parameters(bound)
        self.W.bias[: self.hidden_size] += self.forget_bias
