"""torch's own step functions, written out so that their products can be seen (torch.nn.RNNCell, LSTMCell, GRUCell)."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


def _lstm(
    x: Tensor, hx: Any, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Any:
    h, c = hx
    i, f, new, o = (F.linear(x, w_ih, b_ih) + F.linear(h, w_hh, b_hh)).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(new)
    return torch.sigmoid(o) * torch.tanh(c), c


def _gru(
    x: Tensor, h: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    x_r, x_z, x_new = F.linear(x, w_ih, b_ih).chunk(3, -1)
    h_r, h_z, h_new = F.linear(h, w_hh, b_hh).chunk(3, -1)
    z = torch.sigmoid(x_z + h_z)
    return z * h + (1 - z) * torch.tanh(x_new + torch.sigmoid(x_r + h_r) * h_new)


def _rnn(nonlinearity: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    def step(
        x: Tensor, h: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
    ) -> Tensor:
        return nonlinearity(F.linear(x, w_ih, b_ih) + F.linear(h, w_hh, b_hh))

    return step


STEP_FUNCTIONS: dict[Any, Callable[..., Any]] = {
    torch.lstm_cell: _lstm,
    torch.gru_cell: _gru,
    torch.rnn_tanh_cell: _rnn(torch.tanh),
    torch.rnn_relu_cell: _rnn(torch.relu),
}
