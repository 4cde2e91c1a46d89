"""The matrix products of nodes, of which those of words are computed for all nodes at once."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.engine.products import Call, ProductMode


class NodeProducts(ProductMode):
    """Products of a cell at one level after another.

    A product of the words themselves with a parameter is computed for the nodes of all levels at the first; one of
    zeros, which stand for words and states that aren't there, is its bias.

    Args:
        words: Vectors of the inner nodes' words, ``[M, input_size]``; None if they have none.
        sizes: How many of them each level has.
    """

    def __init__(self, words: Tensor | None, sizes: Sequence[int]) -> None:
        super().__init__()
        self.words, self.sizes = words, list(sizes)
        self.split = None if words is None else words.split(self.sizes)
        self.ahead: dict[int, tuple[Tensor, Sequence[Tensor]]] = {}
        self.x: Tensor | None = None
        self.nothing: Tensor | None = None
        self.zeros: tuple[Tensor, ...] = ()

    def begin_level(self, level: int, like: Tensor) -> Tensor:
        """Starts a level and gives its words; the cell must use this very tensor."""
        self.begin()
        self.level = level
        if self.split is not None:
            self.x, self.zeros = self.split[level], ()
        else:
            if self.nothing is None:
                self.nothing = like.new_zeros(1, like.shape[-1])
            self.x = self.nothing.expand(self.sizes[level], -1)
            self.zeros = (self.x,)
        return self.x

    def begin_leaves(self, zeros: tuple[Tensor, ...]) -> None:
        """Starts the leaves, which have these states below them."""
        self.begin()
        self.x, self.zeros = None, zeros

    def product(self, index: int, call: Call) -> Tensor:
        if any(call.operand is zero for zero in self.zeros):
            return _of_zeros(call)
        if call.operand is not self.x or not isinstance(call.weight, nn.Parameter):
            return F.linear(*call)
        if index not in self.ahead:
            whole = F.linear(self.words, call.weight, call.bias)  # type: ignore[arg-type]
            # Not split: a step may change its own product in place, which views of several outputs forbid.
            self.ahead[index] = call.weight, torch.unsafe_split_with_sizes(whole, self.sizes)
        weight, products = self.ahead[index]
        return products[self.level] if weight is call.weight else F.linear(*call)


def _of_zeros(call: Call) -> Tensor:
    rows, features = call.operand.shape[0], call.weight.shape[0]
    if call.bias is None:
        return call.operand.new_zeros(rows, features)
    return call.bias + call.operand.new_zeros(rows, 1)  # a tensor of its own, which a step may change in place
