"""Tai, Socher and Manning 2015: the child-sum tree LSTM."""

import torch
from torch import Tensor, nn

from seqmodels.registry import register_cell
from seqmodels.trees.tree_cell import TreeCell


@register_cell("tree_lstm")
class TreeLSTM(TreeCell):
    """Child-sum tree LSTM, for a node with the word x and the children k, of any number and order::

        h~ = sum_k h_k
        i, o = sigmoid(W_. x + U_. h~ + b_.)
        f_k = sigmoid(W_f x + U_f h_k + b_f)
        u = tanh(W_u x + U_u h~ + b_u)
        c = i * u + sum_k f_k * c_k
        h = o * tanh(c)

    With one child it is the LSTM. A leaf has no child; in constituency trees inner nodes have no word, and x = 0.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h and of c.

    Source: Tai et al. 2015, arXiv 1503.00075, eq. 2-8.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.tree_lstm import TreeLSTM
        >>> children, present = torch.randn(2, 4, 5), torch.ones(2, 4, dtype=torch.bool)
        >>> h, c = TreeLSTM(3, 5).node(torch.randn(2, 3), present, children, children)
        >>> h.shape, c.shape
        (torch.Size([2, 5]), torch.Size([2, 5]))
    """

    state_names = ("h", "c")
    citation = "Tai et al. 2015, child-sum (trees)"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, 4 * hidden_size)  # rows: f, i, o, u
        self.U = nn.Linear(hidden_size, 3 * hidden_size, bias=False)  # rows: i, o, u
        self.U_f = nn.Linear(hidden_size, hidden_size, bias=False)
        self.reset_parameters()

    def leaf(self, x: Tensor) -> tuple[Tensor, Tensor]:
        _, gates = self._words(x)
        return self._unit(gates, None)

    def node(self, x: Tensor, present: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        f_x, gates = self._words(x)
        f = torch.sigmoid(f_x[:, None] + self.U_f(h))
        return self._unit(gates + self.U(h.sum(1)), (f * c).sum(1))  # an absent child's c is 0

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        f_x, gates = self._words(x)
        return self._unit(gates + self.U(h), torch.sigmoid(f_x + self.U_f(h)) * c)

    def _words(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What x adds to f, and to i, o, u."""
        f, gates = self.W(x).split([self.hidden_size, 3 * self.hidden_size], -1)
        return f, gates

    def _unit(self, gates: Tensor, kept: Tensor | None) -> tuple[Tensor, Tensor]:
        i, o, u = gates.chunk(3, -1)
        c = torch.sigmoid(i) * torch.tanh(u)
        c = c if kept is None else c + kept
        return torch.sigmoid(o) * torch.tanh(c), c
