"""Mikolov, Joulin, Chopra, Mathieu and Ranzato 2015, "Learning longer memory in recurrent neural networks"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.plugins.literature._options import at_least
from seqmodels.registry import register_cell


@register_cell("scrn")
class SCRN(Cell):
    """Structurally constrained network: a slow context s, the leaky mean of inputs, beside the hidden state h::

        s_t = (1 - alpha) B x_t + alpha s_{t-1}
        h_t = sigmoid(P s_t + A x_t + R h_{t-1})

    What reads the cell sees both.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        context_size: Number of features of s; at least 1.
        alpha: How slow the context is, from 0 to 1.

    Raises:
        OptionError: If ``context_size`` is less than 1.

    Source: Mikolov et al. 2015, arXiv 1412.7753, eq. 3-5.

    Example:
        >>> import torch
        >>> from seqmodels import RNN
        >>> output, (h, s) = RNN("scrn", 3, 5, context_size=4)(torch.randn(7, 2, 3))
        >>> output.shape
        torch.Size([7, 2, 9])
    """

    state_names = ("h", "s")
    citation = "Mikolov et al. 2015"

    def __init__(self, input_size: int, hidden_size: int, context_size: int = 40, alpha: float = 0.95) -> None:
        super().__init__(input_size, hidden_size)
        at_least(1, "scrn", context_size=context_size)
        self.context_size, self.alpha = context_size, alpha
        self.B = nn.Linear(input_size, context_size, bias=False)
        self.A = nn.Linear(input_size, hidden_size, bias=False)
        self.P = nn.Linear(context_size, hidden_size, bias=False)
        self.R = nn.Linear(hidden_size, hidden_size, bias=False)
        self.reset_parameters()

    @property
    def state_sizes(self) -> tuple[int, int]:
        return self.hidden_size, self.context_size

    @property
    def output_size(self) -> int:
        return self.hidden_size + self.context_size

    def step(self, x: Tensor, h: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        s = (1 - self.alpha) * self.B(x) + self.alpha * s
        return torch.sigmoid(self.P(s) + self.A(x) + self.R(h)), s

    def output(self, h: Tensor, s: Tensor) -> Tensor:
        return torch.cat([h, s], -1)
