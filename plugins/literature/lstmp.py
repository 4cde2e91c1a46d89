"""Sak, Senior and Beaufays 2014, "Long short-term memory based recurrent neural network architectures ..."."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.plugins.literature._options import at_least
from seqmodels.registry import register_cell


@register_cell("lstmp")
class LSTMP(Cell):
    """An LSTM with diagonal peepholes whose recurrent state r is a projection of its output::

        i, f = sigmoid(W_. x_t + R_. r_{t-1} + p_. * c_{t-1} + b_.)
        c_t = f * c_{t-1} + i * tanh(W_c x_t + R_c r_{t-1} + b_c)
        o = sigmoid(W_o x_t + R_o r_{t-1} + p_o * c_t + b_o)
        r_t = P (o * tanh(c_t))

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of c.
        projection_size: Number of features of r; at least 1; half of hidden_size if not given.
        forget_bias: Where b_f starts.

    Raises:
        OptionError: If ``projection_size`` is less than 1.

    Source: Sak et al. 2014, arXiv 1402.1128, eq. 7-12, without the second, non-recurrent projection.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.lstmp import LSTMP
        >>> r, c = LSTMP(3, 5, projection_size=2)(torch.randn(2, 3))
        >>> r.shape, c.shape
        (torch.Size([2, 2]), torch.Size([2, 5]))
    """

    state_names = ("r", "c")
    citation = "Sak et al. 2014"

    def __init__(
        self, input_size: int, hidden_size: int, projection_size: int | None = None, forget_bias: float = 1.0
    ) -> None:
        super().__init__(input_size, hidden_size)
        at_least(1, "lstmp", projection_size=projection_size)
        self.projection_size = max(1, hidden_size // 2) if projection_size is None else projection_size
        self.forget_bias = forget_bias
        self.W = nn.Linear(input_size, 4 * hidden_size)  # rows: i, f, c, o
        self.R = nn.Linear(self.projection_size, 4 * hidden_size, bias=False)
        self.p_i = nn.Parameter(torch.empty(hidden_size))
        self.p_f = nn.Parameter(torch.empty(hidden_size))
        self.p_o = nn.Parameter(torch.empty(hidden_size))
        self.P = nn.Linear(hidden_size, self.projection_size, bias=False)
        self.reset_parameters()

    @property
    def state_sizes(self) -> tuple[int, int]:
        return self.projection_size, self.hidden_size

    def step(self, x: Tensor, r: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i, f, new, o = (self.W(x) + self.R(r)).chunk(4, -1)
        i, f = torch.sigmoid(i + self.p_i * c), torch.sigmoid(f + self.p_f * c)
        c = f * c + i * torch.tanh(new)
        o = torch.sigmoid(o + self.p_o * c)
        return self.P(o * torch.tanh(c)), c

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then add ``forget_bias`` to b_f."""
        super().reset_parameters(bound)
        self.W.bias[self.hidden_size : 2 * self.hidden_size] += self.forget_bias
