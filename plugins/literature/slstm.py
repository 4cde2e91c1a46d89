"""Beck et al. 2024, "xLSTM: extended long short-term memory", section 2.2."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.cell import Cell
from seqmodels.errors import OptionError
from seqmodels.registry import register_cell


@register_cell("slstm")
class SLSTM(Cell):
    """The sLSTM of xLSTM: an exponential input gate, a normaliser n, and heads that don't see each other's state::

        i, f, z, o = W_. x_t + R_. h_{t-1} + b_.            R block-diagonal, one block a head
        m_t = max(log sigmoid(f) + m_{t-1}, i)              keeps the exponentials finite; i where n_{t-1} = 0
        i', f' = exp(i - m_t), exp(log sigmoid(f) + m_{t-1} - m_t)
        c_t = f' * c_{t-1} + i' * tanh(z)
        n_t = f' * n_{t-1} + i'
        h_t = sigmoid(o) * c_t / max(n_t, 1)

    From states of zero n_t is never below 1, and the last line is the paper's.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of each state.
        heads: Number of blocks of R; a divisor of hidden_size.
        forget_bias: Where b_f starts.

    Raises:
        OptionError: If ``heads`` does not divide ``hidden_size``.

    Source: Beck et al. 2024, arXiv 2405.04517, eq. 8-17, with the sigmoid forget gate.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.slstm import SLSTM
        >>> h, c, n, m = SLSTM(3, 6, heads=2)(torch.randn(2, 3))
    """

    state_names = ("h", "c", "n", "m")
    citation = "Beck et al. 2024 (sLSTM)"

    def __init__(self, input_size: int, hidden_size: int, heads: int = 1, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        if heads < 1 or hidden_size % heads:
            raise OptionError(f"slstm: heads must divide hidden_size {hidden_size}, and {heads} does not")
        self.heads, self.forget_bias = heads, forget_bias
        self.W = nn.Linear(input_size, 4 * hidden_size)  # rows: i, f, z, o
        self.R = nn.Parameter(torch.empty(4, heads, hidden_size // heads, hidden_size // heads))
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor, c: Tensor, n: Tensor, m: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        of_heads = h.view(len(h), self.heads, -1)
        recurrent = torch.einsum("bkd,gkde->bgke", of_heads, self.R).flatten(1)
        i, f, z, o = (self.W(x) + recurrent).chunk(4, -1)
        kept = F.logsigmoid(f) + m
        m = torch.where(n == 0, i, torch.maximum(kept, i))
        i, f = torch.exp(i - m), torch.exp((kept - m).clamp(max=0))  # above 0 only where n = c = 0
        c, n = f * c + i * torch.tanh(z), f * n + i
        return torch.sigmoid(o) * c / torch.clamp(n, min=1), c, n, m

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then add ``forget_bias`` to b_f."""
        super().reset_parameters(bound)
        self.W.bias[self.hidden_size : 2 * self.hidden_size] += self.forget_bias
