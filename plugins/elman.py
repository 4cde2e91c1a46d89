"""Elman 1990, "Finding structure in time": the simple, or vanilla, recurrent network."""

from typing import Literal

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.errors import OptionError
from seqmodels.registry import register_cell

NONLINEARITIES = {"tanh": torch.tanh, "relu": torch.relu}


@register_cell("elman")
class Elman(Cell):
    """h_t = tanh(W_xh x_t + W_hh h_{t-1} + b_h).

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        nonlinearity: "tanh" or "relu".
        bias: Whether there is a b_h.

    Source: Elman 1990, Cognitive Science 14(2); :class:`torch.nn.RNN` is the same cell with its bias written as a sum
    of two.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.elman import Elman
        >>> Elman(3, 5, nonlinearity="relu")(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Elman 1990"

    def __init__(
        self, input_size: int, hidden_size: int, nonlinearity: Literal["tanh", "relu"] = "tanh", bias: bool = True
    ) -> None:
        super().__init__(input_size, hidden_size)
        if nonlinearity not in NONLINEARITIES:
            raise OptionError(f"elman: nonlinearity must be one of {', '.join(NONLINEARITIES)}, not {nonlinearity!r}")
        self.nonlinearity = nonlinearity
        self.W_xh = nn.Linear(input_size, hidden_size, bias)
        self.W_hh = nn.Linear(hidden_size, hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return NONLINEARITIES[self.nonlinearity](self.W_xh(x) + self.W_hh(h))

    @property
    def torch_twin(self) -> str:
        return f"RNN_{self.nonlinearity.upper()}"

    def torch_weights(self) -> list[Tensor]:
        bias = self.W_hh.weight.new_zeros(self.hidden_size)
        return [self.W_xh.weight, self.W_hh.weight, bias if self.W_xh.bias is None else self.W_xh.bias, bias]

    @torch.no_grad()
    def load_torch_weights(self, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> None:
        self.W_xh.weight.copy_(weight_ih)
        self.W_hh.weight.copy_(weight_hh)
        if self.W_xh.bias is not None:
            self.W_xh.bias.copy_(bias_ih + bias_hh)
