"""Li, Li, Cook, Zhu and Gao 2018, "Independently recurrent neural network (IndRNN) ..."."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("indrnn")
class IndRNN(Cell):
    """Each unit sees its own past alone; layers above mix them::

        h_t = relu(W x_t + u * h_{t-1} + b)

    u starts in U(0, 1): units with long and with short memories. The paper also clips it to 2^(1/T), which this
    doesn't.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.

    Source: Li et al. 2018, arXiv 1803.04831, eq. 2.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.indrnn import IndRNN
        >>> IndRNN(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Li et al. 2018"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, hidden_size)
        self.u = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.relu(self.W(x) + self.u * h)

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw W and b from U(-bound, bound) and u from U(0, 1)."""
        super().reset_parameters(bound)
        self.u.uniform_(0, 1)
