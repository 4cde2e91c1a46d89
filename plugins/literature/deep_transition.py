"""Pascanu, Gulcehre, Cho and Bengio 2014, "How to construct deep recurrent neural networks"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.plugins.literature._options import at_least
from seqmodels.registry import register_cell


@register_cell("deep_transition")
class DeepTransition(Cell):
    """DT-RNN: a network of several layers leads from one state to the next. With s_0 = h_{t-1}::

        s_1 = tanh(U_1 s_0 + W x_t + b_1)
        s_l = tanh(U_l s_{l-1} + b_l)               l = 2 .. depth
        h_t = s_depth

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h, and of each layer.
        depth: Number of layers in a step, at least 1; with 1 it is ``elman``.

    Raises:
        OptionError: If ``depth`` is less than 1.

    Source: Pascanu et al. 2014, arXiv 1312.6026, section 3.2.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.deep_transition import DeepTransition
        >>> DeepTransition(3, 5, depth=3)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Pascanu et al. 2014 (DT-RNN)"

    def __init__(self, input_size: int, hidden_size: int, depth: int = 2) -> None:
        super().__init__(input_size, hidden_size)
        at_least(1, "deep_transition", depth=depth)
        self.W = nn.Linear(input_size, hidden_size, bias=False)
        self.U = nn.ModuleList(nn.Linear(hidden_size, hidden_size) for _ in range(depth))
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        first, *others = self.U
        h = torch.tanh(first(h) + self.W(x))
        for layer in others:
            h = torch.tanh(layer(h))
        return h
