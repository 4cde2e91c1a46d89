"""Zoph and Le 2017, "Neural architecture search with reinforcement learning"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("nas")
class NAS(Cell):
    """The cell that a controller found for the Penn Treebank, a tree over eight pairs of products::

        p_k = W_k x_t + b_k,  q_k = U_k h_{t-1}             k = 0 .. 7
        a = tanh(sigmoid(p_0 + q_0) * relu(p_1 + q_1))
        b = tanh(sigmoid(p_2 + q_2) + relu(p_3 * q_3))
        d = tanh(tanh(p_4 + q_4) * sigmoid(p_5 + q_5))
        e = sigmoid(tanh(p_6 + q_6) + sigmoid(p_7 + q_7))
        c_t = tanh(a + c_{t-1}) * b
        h_t = tanh(c_t * tanh(d + e))

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h and of c.

    Source: Zoph and Le 2017, arXiv 1611.01578, figure 8, as their cell in TensorFlow computes it.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.nas import NAS
        >>> h, c = NAS(3, 5)(torch.randn(2, 3))
    """

    state_names = ("h", "c")
    citation = "Zoph & Le 2017"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, 8 * hidden_size)
        self.U = nn.Linear(hidden_size, 8 * hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        p, q = self.W(x).chunk(8, -1), self.U(h).chunk(8, -1)
        a = torch.tanh(torch.sigmoid(p[0] + q[0]) * torch.relu(p[1] + q[1]))
        b = torch.tanh(torch.sigmoid(p[2] + q[2]) + torch.relu(p[3] * q[3]))
        d = torch.tanh(torch.tanh(p[4] + q[4]) * torch.sigmoid(p[5] + q[5]))
        e = torch.sigmoid(torch.tanh(p[6] + q[6]) + torch.sigmoid(p[7] + q[7]))
        c = torch.tanh(a + c) * b
        return torch.tanh(c * torch.tanh(d + e)), c
