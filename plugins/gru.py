"""The gated recurrent unit of Cho et al. 2014, as Chung et al. 2014 write it."""

from typing import Literal

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.errors import OptionError
from seqmodels.registry import register_cell


@register_cell("gru")
class GRU(Cell):
    """Gated recurrent unit::

        z = sigmoid(W_z [h_{t-1}, x_t] + b_z)
        r = sigmoid(W_r [h_{t-1}, x_t] + b_r)
        h~ = tanh(W [r * h_{t-1}, x_t] + b)
        h_t = (1 - z) * h_{t-1} + z * h~

    z multiplies the candidate h~. In eq. 7 of Cho et al. 2014 and in :class:`torch.nn.GRU` it multiplies h_{t-1}
    instead: their z is 1 minus this one.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        reset: "before": r multiplies h before the product, as above and in both papers. "after": r multiplies the
            product, h~ = tanh(W_x x_t + b + r * (W_h h_{t-1} + b_h)), as cuDNN and :class:`torch.nn.GRU` have it.
        bias: Whether there are b_z, b_r, b (and b_h).

    Source: Chung et al. 2014, arXiv 1412.3555, section 3.2; the unit is that of Cho et al. 2014, arXiv 1406.1078.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.gru import GRU
        >>> GRU(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Cho et al. 2014, Chung et al. 2014"

    def __init__(
        self, input_size: int, hidden_size: int, reset: Literal["before", "after"] = "before", bias: bool = True
    ) -> None:
        super().__init__(input_size, hidden_size)
        if reset not in ("before", "after"):
            raise OptionError(f"gru: reset must be 'before' or 'after', not {reset!r}")
        self.reset = reset
        self.W_x = nn.Linear(input_size, 3 * hidden_size, bias)  # rows: r, z, h~
        self.W_h = nn.Linear(hidden_size, 2 * hidden_size, bias=False)  # rows: r, z
        self.W_hh = nn.Linear(hidden_size, hidden_size, bias=bias and reset == "after")
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        x_r, x_z, x_new = self.W_x(x).chunk(3, -1)
        h_r, h_z = self.W_h(h).chunk(2, -1)
        r, z = torch.sigmoid(x_r + h_r), torch.sigmoid(x_z + h_z)
        recurrent = self.W_hh(r * h) if self.reset == "before" else r * self.W_hh(h)
        return (1 - z) * h + z * torch.tanh(x_new + recurrent)

    @property
    def torch_twin(self) -> str | None:
        return "GRU" if self.reset == "after" else None

    def torch_weights(self) -> list[Tensor]:
        weight_hh = torch.cat([self.W_h.weight, self.W_hh.weight])
        bias_ih = bias_hh = weight_hh.new_zeros(3 * self.hidden_size)
        if self.W_x.bias is not None:
            bias_ih, bias_hh = self.W_x.bias, torch.cat([bias_hh[: 2 * self.hidden_size], self.W_hh.bias])
        return [self._flip_z(self.W_x.weight), self._flip_z(weight_hh), self._flip_z(bias_ih), bias_hh]

    @torch.no_grad()
    def load_torch_weights(self, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> None:
        gates, new = slice(0, 2 * self.hidden_size), slice(2 * self.hidden_size, None)
        weight_hh = self._flip_z(weight_hh)
        self.W_x.weight.copy_(self._flip_z(weight_ih))
        self.W_h.weight.copy_(weight_hh[gates])
        self.W_hh.weight.copy_(weight_hh[new])
        if self.W_x.bias is not None:
            self.W_x.bias.copy_(self._flip_z(bias_ih))
            self.W_x.bias[gates] += self._flip_z(bias_hh)[gates]
            self.W_hh.bias.copy_(bias_hh[new])

    def _flip_z(self, rows: Tensor) -> Tensor:
        """Turns our z into torch's and back: 1 - sigmoid(a) = sigmoid(-a)."""
        r, z, new = rows.chunk(3)
        return torch.cat([r, -z, new])
