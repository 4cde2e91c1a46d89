"""Jozefowicz, Zaremba and Sutskever 2015: the third of the three cells that their search found."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("mut3")
class MUT3(Cell):
    """MUT3::

        z = sigm(W_xz x_t + W_hz tanh(h_t) + b_z)
        r = sigm(W_xr x_t + W_hr h_t + b_r)
        h_{t+1} = tanh(W_hh (r * h_t) + W_xh x_t + b_h) * z + h_t * (1 - z)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        bias: Whether there are b_z, b_r, b_h.

    Source: Jozefowicz, Zaremba and Sutskever 2015, ICML, section 4.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.mut3 import MUT3
        >>> MUT3(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Jozefowicz et al. 2015"

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        super().__init__(input_size, hidden_size)
        self.W_xz = nn.Linear(input_size, hidden_size, bias)
        self.W_hz = nn.Linear(hidden_size, hidden_size, bias=False)
        self.W_xr = nn.Linear(input_size, hidden_size, bias)
        self.W_hr = nn.Linear(hidden_size, hidden_size, bias=False)
        self.W_xh = nn.Linear(input_size, hidden_size, bias)
        self.W_hh = nn.Linear(hidden_size, hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        z = torch.sigmoid(self.W_xz(x) + self.W_hz(torch.tanh(h)))
        r = torch.sigmoid(self.W_xr(x) + self.W_hr(h))
        return torch.tanh(self.W_hh(r * h) + self.W_xh(x)) * z + h * (1 - z)
