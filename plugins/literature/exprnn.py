"""Lezcano-Casado and Martinez-Rubio 2019, "Cheap orthogonal constraints in neural networks ..."."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.cell import Cell
from seqmodels.plugins.literature._modrelu import modrelu
from seqmodels.plugins.literature._skew import Skew
from seqmodels.registry import register_cell


@register_cell("exprnn")
class ExpRNN(Cell):
    """An orthogonal recurrent matrix, as the exponential of a skew-symmetric one: no gradient grows or fades by it::

        W = exp(A - A^T)                            A strictly upper triangular
        h_t = modrelu(W h_{t-1} + U x_t, b)         modrelu(z, b) = sign(z) * relu(|z| + b)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.

    Source: Lezcano-Casado and Martinez-Rubio 2019, arXiv 1901.08428.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.exprnn import ExpRNN
        >>> ExpRNN(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Lezcano-Casado & Martinez-Rubio 2019"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.skew = Skew(hidden_size)
        self.U = nn.Linear(input_size, hidden_size, bias=False)
        self.b = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        W = torch.linalg.matrix_exp(self.skew())
        return modrelu(F.linear(h, W) + self.U(x), self.b)

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw A and U from U(-bound, bound); b starts at 0, with which the step keeps the length of a state."""
        super().reset_parameters(bound)
        self.b.zero_()
