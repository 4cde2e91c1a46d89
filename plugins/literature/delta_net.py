"""Schlag, Irie and Schmidhuber 2021, "Linear transformers are secretly fast weight programmers"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.plugins.literature._options import at_least
from seqmodels.registry import register_cell


@register_cell("delta_net")
class DeltaNet(Cell):
    """A matrix S of fast weights is written by the delta rule at one key a step, and read at a query::

        k, q = softmax(W_k x_t), softmax(W_q x_t)
        v, b = W_v x_t, sigmoid(w_b x_t)
        S_t = S_{t-1} + b (v - S_{t-1} k) k^T
        h_t = S_t q

    What a step writes depends on S through the delta rule alone; h is handed out, not on.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of v and of h, the columns of S^T.
        key_size: Number of features of a key, the rows of S^T, in which order S is kept; at least 1.

    Raises:
        OptionError: If ``key_size`` is less than 1.

    Source: Schlag et al. 2021, arXiv 2102.11174, section 4.2, one head; softmax as in Irie et al. 2021, arXiv
    2106.06295.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.delta_net import DeltaNet
        >>> h, S = DeltaNet(3, 5, key_size=4)(torch.randn(2, 3))
        >>> h.shape, S.shape
        (torch.Size([2, 5]), torch.Size([2, 20]))
    """

    state_names = ("h", "S")
    citation = "Schlag et al. 2021"

    def __init__(self, input_size: int, hidden_size: int, key_size: int = 8) -> None:
        super().__init__(input_size, hidden_size)
        at_least(1, "delta_net", key_size=key_size)
        self.key_size = key_size
        self.W = nn.Linear(input_size, 2 * key_size + hidden_size + 1, bias=False)  # rows: k, q, v, b
        self.reset_parameters()

    @property
    def state_sizes(self) -> tuple[int, int]:
        return self.hidden_size, self.hidden_size * self.key_size

    def step(self, x: Tensor, h: Tensor, S: Tensor) -> tuple[Tensor, Tensor]:
        k, q, v, b = self.W(x).split([self.key_size, self.key_size, self.hidden_size, 1], -1)
        k, q = torch.softmax(k, -1), torch.softmax(q, -1)
        S = S.view(-1, self.key_size, self.hidden_size)  # transposed: the longer rows
        wrong = v - torch.einsum("bkv,bk->bv", S, k)
        S = S + torch.einsum("bk,bv->bkv", k, torch.sigmoid(b) * wrong)
        return torch.einsum("bkv,bk->bv", S, q), S.flatten(1)
