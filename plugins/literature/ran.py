"""Lee, Levy and Zettlemoyer 2017, "Recurrent additive networks"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("ran")
class RAN(Cell):
    """Recurrent additive network: the state is a weighed sum of inputs; the past enters through the gates alone::

        i, f = sigmoid(W_. x_t + U_. h_{t-1} + b_.)
        c_t = f * c_{t-1} + i * (W_c x_t)
        h_t = tanh(c_t)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h and of c.
        forget_bias: Where b_f starts.

    Source: Lee et al. 2017, arXiv 1705.07393, section 2.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.ran import RAN
        >>> h, c = RAN(3, 5)(torch.randn(2, 3))
    """

    state_names = ("h", "c")
    citation = "Lee et al. 2017"

    def __init__(self, input_size: int, hidden_size: int, forget_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.forget_bias = forget_bias
        self.W = nn.Linear(input_size, 2 * hidden_size)  # rows: i, f
        self.U = nn.Linear(hidden_size, 2 * hidden_size, bias=False)
        self.W_c = nn.Linear(input_size, hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        i, f = torch.sigmoid(self.W(x) + self.U(h)).chunk(2, -1)
        c = f * c + i * self.W_c(x)
        return torch.tanh(c), c

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then add ``forget_bias`` to b_f."""
        super().reset_parameters(bound)
        self.W.bias[self.hidden_size :] += self.forget_bias
