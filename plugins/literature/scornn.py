"""Helfrich, Willmott and Ye 2018, "Orthogonal recurrent neural networks with scaled Cayley transform"."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.cell import Cell
from seqmodels.plugins.literature._modrelu import modrelu
from seqmodels.plugins.literature._skew import Skew
from seqmodels.registry import register_cell


@register_cell("scornn")
class ScoRNN(Cell):
    """An orthogonal recurrent matrix by the scaled Cayley transform of a skew-symmetric one::

        S = A - A^T                                 A strictly upper triangular
        W = (I + S)^{-1} (I - S) D                  D diagonal, of 1 and -1
        h_t = modrelu(W h_{t-1} + U x_t, b)         modrelu(z, b) = sign(z) * relu(|z| + b)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        negative: Share of the entries of D that are -1, from 0 to 1.

    Source: Helfrich et al. 2018, arXiv 1707.09520, section 3.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.scornn import ScoRNN
        >>> ScoRNN(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Helfrich et al. 2018"

    def __init__(self, input_size: int, hidden_size: int, negative: float = 0.5) -> None:
        super().__init__(input_size, hidden_size)
        self.skew = Skew(hidden_size)
        self.U = nn.Linear(input_size, hidden_size, bias=False)
        self.b = nn.Parameter(torch.empty(hidden_size))
        D = torch.ones(hidden_size)
        D[: round(negative * hidden_size)] = -1
        self.register_buffer("D", D)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        S = self.skew()
        identity = torch.eye(self.hidden_size, dtype=S.dtype, device=S.device)
        W = torch.linalg.solve(identity + S, identity - S) * self.D
        return modrelu(F.linear(h, W) + self.U(x), self.b)

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw A and U from U(-bound, bound); b starts at 0, with which the step keeps the length of a state."""
        super().reset_parameters(bound)
        self.b.zero_()
