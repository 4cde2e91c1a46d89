"""Socher et al. 2013: the recursive neural tensor network."""

import math

import torch
from torch import Tensor, nn

from seqmodels.plugins.recursive import Recursive
from seqmodels.registry import register_cell


@register_cell("rntn")
class RNTN(Recursive):
    """Recursive neural tensor network, for a node with the children l and r::

        h_k = tanh([h_l, h_r]^T V^[k] [h_l, h_r] + (W [h_l, h_r] + b)_k)

    Leaves and sequences are those of the recursive network (``recursive``). V has 4 hidden_size^3 numbers: the paper's
    best networks have a hidden_size of 25 to 35.

    Args:
        input_size: Number of features of x; equal to hidden_size for the paper's own network.
        hidden_size: Number of features of h.

    Source: Socher et al. 2013, EMNLP, section 4.3.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.rntn import RNTN
        >>> RNTN(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Socher et al. 2013 (trees)"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.V = nn.Linear(2 * hidden_size, 2 * hidden_size**2, bias=False)  # the V^[k] one below the other
        self.reset_parameters()

    def join(self, pair: Tensor) -> Tensor:
        products = self.V(pair).unflatten(-1, (self.hidden_size, -1))
        return torch.tanh((products * pair[:, None]).sum(-1) + self.W(pair))

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), and V from U(-bound^2 / 4, bound^2 / 4), as the released code does."""
        super().reset_parameters(bound)
        if hasattr(self, "V"):  # not while the recursive network is made
            bound = 1 / math.sqrt(self.hidden_size) if bound is None else bound
            self.V.weight.uniform_(-(bound**2) / 4, bound**2 / 4)
