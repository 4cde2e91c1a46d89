"""Tai, Socher and Manning 2015: the N-ary tree LSTM with N = 2, for constituency trees."""

import torch
from torch import Tensor, nn

from seqmodels.registry import register_cell
from seqmodels.trees.tree_cell import TreeCell


@register_cell("binary_tree_lstm")
class BinaryTreeLSTM(TreeCell):
    """N-ary tree LSTM with N = 2, for a node with the word x and the children 1 and 2, left and right::

        i, o = sigmoid(W_. x + U_.1 h_1 + U_.2 h_2 + b_.)
        f_k = sigmoid(W_f x + U_fk1 h_1 + U_fk2 h_2 + b_f)
        u = tanh(W_u x + U_u1 h_1 + U_u2 h_2 + b_u)
        c = i * u + f_1 * c_1 + f_2 * c_2
        h = o * tanh(c)

    Each child has matrices of its own, and each forget gate sees both children. A leaf has no children; in constituency
    trees inner nodes have no word, and x = 0. A node with one child has a left one.

    A sequence is a tree that branches to the left: each step joins the state with the leaf of the next word.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h and of c.

    Source: Tai et al. 2015, arXiv 1503.00075, eq. 9-14.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.binary_tree_lstm import BinaryTreeLSTM
        >>> h, c = BinaryTreeLSTM(3, 5).leaf(torch.randn(2, 3))
        >>> h.shape, c.shape
        (torch.Size([2, 5]), torch.Size([2, 5]))
    """

    state_names = ("h", "c")
    citation = "Tai et al. 2015, binary (trees)"
    most_children = 2

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, 4 * hidden_size)  # rows: f, i, o, u
        self.U = nn.Linear(2 * hidden_size, 5 * hidden_size, bias=False)  # rows: f_1, f_2, i, o, u
        self.reset_parameters()

    def leaf(self, x: Tensor) -> tuple[Tensor, Tensor]:
        _, i, o, u = self.W(x).chunk(4, -1)
        c = torch.sigmoid(i) * torch.tanh(u)
        return torch.sigmoid(o) * torch.tanh(c), c

    def node(self, x: Tensor, present: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        c_1, c_2 = c.unbind(1)
        return self._join(self.W(x), h.flatten(1), c_1, c_2)

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        h_2, c_2 = self.leaf(x)
        return self._join(self.W.bias, torch.cat([h, h_2], -1), c, c_2)

    def _join(self, words: Tensor, pair: Tensor, c_1: Tensor, c_2: Tensor) -> tuple[Tensor, Tensor]:
        """A node from W x + b and [h_1, h_2]."""
        H = self.hidden_size
        both_f = torch.cat([words[..., :H], words], -1)  # W_f x + b_f is that of both forget gates
        gates, u = (self.U(pair) + both_f).split([4 * H, H], -1)
        f_1, f_2, i, o = torch.sigmoid(gates).chunk(4, -1)
        c = i * torch.tanh(u) + f_1 * c_1 + f_2 * c_2
        return o * torch.tanh(c), c
