"""Laurent and von Brecht 2017, "A recurrent neural network without chaos"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("cfn")
class CFN(Cell):
    """Chaos-free network: without input every unit decays to zero, whatever the weights are::

        theta = sigmoid(U_theta h_{t-1} + V_theta x_t + b_theta)
        eta = sigmoid(U_eta h_{t-1} + V_eta x_t + b_eta)
        h_t = theta * tanh(h_{t-1}) + eta * tanh(W x_t)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        forget_bias: Where b_theta starts; b_eta starts at its negative.

    Source: Laurent and von Brecht 2017, arXiv 1612.06212, eq. 1-2.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.cfn import CFN
        >>> CFN(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Laurent & von Brecht 2017"

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.forget_bias = forget_bias
        self.V = nn.Linear(input_size, 2 * hidden_size)  # rows: theta, eta
        self.U = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        self.W = nn.Linear(input_size, hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        theta, eta = torch.sigmoid(self.V(x) + self.U(h)).chunk(2, -1)
        return theta * torch.tanh(h) + eta * torch.tanh(self.W(x))

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then add ``forget_bias`` to b_theta and take it from b_eta."""
        super().reset_parameters(bound)
        self.V.bias[: self.hidden_size] += self.forget_bias
        self.V.bias[self.hidden_size :] -= self.forget_bias
