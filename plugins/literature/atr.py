"""Zhang et al. 2018, "Simplifying neural machine translation with addition-subtraction twin-gated ..."."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("atr")
class ATR(Cell):
    """Addition-subtraction twin-gated recurrent network: one sum and one difference are the two gates::

        p = W x_t + b
        q = U h_{t-1}
        h_t = sigmoid(p + q) * p + sigmoid(p - q) * h_{t-1}

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.

    Source: Zhang et al. 2018, arXiv 1810.12546, section 3. The bias is in p here, in q in the authors' code.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.atr import ATR
        >>> ATR(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Zhang et al. 2018"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, hidden_size)
        self.U = nn.Linear(hidden_size, hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        p, q = self.W(x), self.U(h)
        return torch.sigmoid(p + q) * p + torch.sigmoid(p - q) * h
