"""Gers and Schmidhuber 2000, "Recurrent nets that time and count": an LSTM whose gates see the cell state."""

from typing import Literal

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.errors import OptionError
from seqmodels.registry import register_cell


@register_cell("peephole")
class Peephole(Cell):
    """LSTM with peepholes; f and i see the old cell state, o sees the new one::

        f, i = sigmoid(W_. [c_{t-1}, h_{t-1}, x_t] + b_.)
        c~ = tanh(W_c [h_{t-1}, x_t] + b_c)
        c_t = f * c_{t-1} + i * c~
        o = sigmoid(W_o [c_t, h_{t-1}, x_t] + b_o)
        h_t = o * tanh(c_t)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h and of c.
        peepholes: "full": a matrix from c to each gate, as the equations above are written; "diagonal": each unit
            sees its own cell only, as in Gers and Schmidhuber 2000 and Graves 2013.
        forget_bias: Where b_f starts.
        bias: Whether there are b_f, b_i, b_c, b_o.

    Source: Gers and Schmidhuber 2000, IJCNN.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.peephole import Peephole
        >>> h, c = Peephole(3, 5, peepholes="diagonal")(torch.randn(2, 3))
    """

    state_names = ("h", "c")
    citation = "Gers & Schmidhuber 2000"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        peepholes: Literal["full", "diagonal"] = "full",
        forget_bias: float = 1.0,
        bias: bool = True,
    ) -> None:
        super().__init__(input_size, hidden_size)
        if peepholes not in ("full", "diagonal"):
            raise OptionError(f"peephole: peepholes must be 'full' or 'diagonal', not {peepholes!r}")
        self.forget_bias = forget_bias
        self.W_x = nn.Linear(input_size, 4 * hidden_size, bias)  # rows: i, f, c~, o
        self.W_h = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        peephole = _Diagonal if peepholes == "diagonal" else _Full
        self.W_ci = peephole(hidden_size)
        self.W_cf = peephole(hidden_size)
        self.W_co = peephole(hidden_size)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i, f, new, o = (self.W_x(x) + self.W_h(h)).chunk(4, -1)
        i, f = torch.sigmoid(i + self.W_ci(c)), torch.sigmoid(f + self.W_cf(c))
        c = f * c + i * torch.tanh(new)
        o = torch.sigmoid(o + self.W_co(c))
        return o * torch.tanh(c), c

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then add ``forget_bias`` to b_f."""
        super().reset_parameters(bound)
        if self.W_x.bias is not None:
            self.W_x.bias[self.hidden_size : 2 * self.hidden_size] += self.forget_bias


class _Full(nn.Linear):
    """W c."""

    def __init__(self, size: int) -> None:
        super().__init__(size, size, bias=False)


class _Diagonal(nn.Module):
    """w * c."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(size))

    def forward(self, c: Tensor) -> Tensor:
        return self.weight * c
