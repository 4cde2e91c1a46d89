"""Lei, Zhang, Wang, Dai and Artzi 2018, "Simple recurrent units for highly parallelizable recurrence"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.plugins._projection import projection
from seqmodels.registry import register_cell


@register_cell("sru")
class SRU(Cell):
    """Simple recurrent unit: each unit sees its own past alone, and a highway leads past the cell::

        f = sigmoid(W_f x_t + v_f * c_{t-1} + b_f)
        r = sigmoid(W_r x_t + v_r * c_{t-1} + b_r)
        c_t = f * c_{t-1} + (1 - f) * (W x_t)
        h_t = r * c_t + (1 - r) * (P x_t)           P = 1 where input_size = hidden_size, else a matrix

    Args:
        input_size: Number of features of x; equal to hidden_size for the paper's own cell.
        hidden_size: Number of features of h and of c.
        highway_bias: Where b_r starts.

    Source: Lei et al. 2018, arXiv 1709.02755, eq. 1-4, without its scaling of x.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.sru import SRU
        >>> h, c = SRU(5, 5)(torch.randn(2, 5))
    """

    state_names = ("h", "c")
    citation = "Lei et al. 2018"

    def __init__(self, input_size: int, hidden_size: int, highway_bias: float = 0.0) -> None:
        super().__init__(input_size, hidden_size)
        self.highway_bias = highway_bias
        self.W_gates = nn.Linear(input_size, 2 * hidden_size)  # rows: f, r
        self.W = nn.Linear(input_size, hidden_size, bias=False)
        self.P = projection(input_size, hidden_size)
        self.v_f = nn.Parameter(torch.empty(hidden_size))
        self.v_r = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        f, r = self.W_gates(x).chunk(2, -1)
        f, r = torch.sigmoid(f + self.v_f * c), torch.sigmoid(r + self.v_r * c)
        c = f * c + (1 - f) * self.W(x)
        return r * c + (1 - r) * self.P(x), c

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then add ``highway_bias`` to b_r."""
        super().reset_parameters(bound)
        self.W_gates.bias[self.hidden_size :] += self.highway_bias
