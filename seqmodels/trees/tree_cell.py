"""The contract of one node of a tree."""

from collections.abc import Callable
from typing import ClassVar

from torch import Tensor

from seqmodels.cell import Cell, State
from seqmodels.errors import CellError


class TreeCell(Cell):
    """One node of a recursive network: the states of its children to its own.

    A subclass defines :meth:`leaf` and :meth:`node`, and :meth:`step` for chains, which makes it a cell of sequences
    like any other. Cells that are no TreeCell also run over trees, by the sum of their children's states.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from seqmodels.trees import Branch, Tree, TreeCell, TreeRNN, plant
        >>> class Largest(TreeCell):
        ...     def __init__(self, input_size, hidden_size):
        ...         super().__init__(input_size, hidden_size)
        ...         self.W = nn.Linear(input_size, hidden_size)
        ...
        ...     def leaf(self, x):
        ...         return torch.tanh(self.W(x))
        ...
        ...     def node(self, x, present, h):
        ...         return h.masked_fill(~present[..., None], -torch.inf).amax(1) + self.leaf(x)
        ...
        ...     def step(self, x, h):
        ...         return h + self.leaf(x)
        >>> forest = plant([Tree.of(Branch(children=[Branch(word="very"), Branch(word="fine")]))])
        >>> output, root = TreeRNN(Largest, 3, 5)(torch.randn(forest.leaves, 3), forest)
        >>> output.shape, root.shape
        (torch.Size([3, 5]), torch.Size([1, 5]))
    """

    fewest_children: ClassVar[int] = 1
    """Of an inner node."""

    most_children: ClassVar[int | None] = None
    """Of an inner node; None: any number. If not, :meth:`node` is given so many, the last of them absent perhaps."""

    has_inner_words: ClassVar[bool] = True
    """Whether :meth:`node` reads ``x``."""

    def _no_leaf(self, x: Tensor) -> State:
        """The state of a leaf.

        Args:
            x: Vectors of its words, ``[M, input_size]``.
        """
        raise CellError(f"{type(self).__name__} defines no leaf(x)")

    leaf: Callable[..., State] = _no_leaf

    def _no_node(self, x: Tensor, present: Tensor, *children: Tensor) -> State:
        """The state of an inner node.

        Args:
            x: Vectors of its words, ``[M, input_size]``; zeros where only leaves have words.
            present: Which children there are, ``[M, K]``.
            children: Each state of the children, ``[M, K, state_sizes[i]]``; zeros where there is none.
        """
        raise CellError(f"{type(self).__name__} defines no node(x, present, {', '.join(self.state_names)})")

    node: Callable[..., State] = _no_node
