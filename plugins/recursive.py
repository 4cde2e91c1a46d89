"""Socher et al. 2011, 2013: the recursive neural network over binary trees."""

import torch
from torch import Tensor, nn

from seqmodels.plugins._projection import projection
from seqmodels.registry import register_cell
from seqmodels.trees.tree_cell import TreeCell


@register_cell("recursive")
class Recursive(TreeCell):
    """Recursive neural network, for a node with the children l and r::

        h = tanh(W [h_l, h_r] + b)

    A leaf is its word's vector, as the released code has it: h = tanh(x). Where input_size is not hidden_size that has
    no meaning, and h = tanh(P x) with a matrix P [hidden_size, input_size] without bias takes its place. Inner nodes
    have two children and no word.

    A sequence is a tree that branches to the left: each step joins the state with the leaf of the next word. That is
    Elman's network of tanh(x).

    Args:
        input_size: Number of features of x; equal to hidden_size for the papers' own network.
        hidden_size: Number of features of h.

    Source: Socher et al. 2011, "Parsing natural scenes and natural language with recursive neural networks", eq. 2;
    Socher et al. 2013, EMNLP, section 4.1.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.recursive import Recursive
        >>> Recursive(3, 5).leaf(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Socher et al. 2011; 2013 (trees)"
    fewest_children = most_children = 2
    has_inner_words = False

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.P = projection(input_size, hidden_size)
        self.W = nn.Linear(2 * hidden_size, hidden_size)
        self.reset_parameters()

    def leaf(self, x: Tensor) -> Tensor:
        return torch.tanh(self.P(x))

    def node(self, x: Tensor, present: Tensor, h: Tensor) -> Tensor:
        return self.join(h.flatten(1))

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return self.join(torch.cat([h, self.leaf(x)], -1))

    def join(self, pair: Tensor) -> Tensor:
        """h [M, hidden_size] of [h_l, h_r]."""
        return torch.tanh(self.W(pair))
