"""Chen 2017, "MinimalRNN: toward more interpretable and trainable recurrent neural networks"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("minimal_rnn")
class MinimalRNN(Cell):
    """The input is mapped into the space of the state, and one gate mixes the two::

        z = tanh(W x_t + b_z)
        u = sigmoid(U_h h_{t-1} + U_z z + b_u)
        h_t = u * h_{t-1} + (1 - u) * z

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        update_bias: Where b_u starts.

    Source: Chen 2017, arXiv 1711.06788, section 3.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.minimal_rnn import MinimalRNN
        >>> MinimalRNN(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Chen 2017"

    def __init__(self, input_size: int, hidden_size: int, update_bias: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.update_bias = update_bias
        self.W = nn.Linear(input_size, hidden_size)
        self.U_h = nn.Linear(hidden_size, hidden_size, bias=False)
        self.U_z = nn.Linear(hidden_size, hidden_size)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        z = torch.tanh(self.W(x))
        u = torch.sigmoid(self.U_h(h) + self.U_z(z))
        return u * h + (1 - u) * z

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then add ``update_bias`` to b_u."""
        super().reset_parameters(bound)
        self.U_z.bias.add_(self.update_bias)
