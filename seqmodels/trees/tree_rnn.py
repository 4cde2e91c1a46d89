"""``TreeRNN``: any cell over a batch of trees, from the deepest level to the roots."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.cell import Cell, State
from seqmodels.errors import InputError
from seqmodels.rnn import make_cell
from seqmodels.trees.forest import Forest, Level
from seqmodels.trees.products import NodeProducts
from seqmodels.trees.tree_cell import TreeCell

States = tuple[Tensor, ...]


class TreeRNN(nn.Module):
    """Any cell over trees, all trees of a batch at once, level by level.

    A :class:`TreeCell` has equations of its own. Any other cell takes its child-sum form: the states of a node's
    children are added, and its step goes on from there with the node's word, or with zeros where it has none; a leaf is
    a step from zeros.

    Args:
        cell: A registered name, ``package.module:Class``, a Cell class, or a Cell instance.
        input_size: I, features of a word; a Cell instance knows its own.
        hidden_size: H, features of each state; a Cell instance knows its own.
        **options: Options of the cell.

    Raises:
        OptionError: If the cell has no such option.
        UnknownCell: If there is no cell of that name.

    Source: Goller and Küchler 1996, "Learning task-dependent distributed representations by backpropagation through
    structure"; Tai et al. 2015, section 3, for the sum over children.

    Example:
        >>> import torch
        >>> from seqmodels.trees import Branch, Tree, TreeRNN, plant
        >>> forest = plant([Tree.of(Branch(children=[Branch(word="very"), Branch(word="fine")]))])
        >>> output, (h, c) = TreeRNN("tree_lstm", 3, 5)(torch.randn(forest.leaves, 3), forest)
        >>> output.shape, h.shape, c.shape
        (torch.Size([3, 5]), torch.Size([1, 5]), torch.Size([1, 5]))
    """

    def __init__(
        self,
        cell: str | type[Cell] | Cell,
        input_size: int | None = None,
        hidden_size: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        self.cell = make_cell(cell, input_size, hidden_size, options)
        self.input_size, self.hidden_size = self.cell.input_size, self.cell.hidden_size

    @property
    def output_size(self) -> int:
        """Features of the output."""
        return self.cell.output_size

    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw the cell's parameters anew from U(-bound, bound); see :meth:`Cell.reset_parameters`."""
        self.cell.reset_parameters(bound)

    def forward(self, input: Float[Tensor, "words I"], forest: Forest) -> tuple[Float[Tensor, "N output"], State]:
        """Runs the trees.

        Args:
            input: Vectors of the words: [L, I], of the leaves, or [N, I], of all nodes; in the order of the forest.
            forest: The trees.

        Returns:
            ``(output, state)``: the outputs [N, ``cell.output_size``] of all nodes in the order of the forest, and the
            states of the roots, [B, S], a tensor if the cell has one state, else a tuple.

        Raises:
            InputError: If a shape doesn't fit, a node has more or fewer children than the cell takes, or inner nodes
                have words that the cell doesn't read.
        """
        self._check(input, forest)
        sizes = [level.inner for level in forest.levels]
        inner_words = input[forest.leaves :] if len(input) > forest.leaves else None
        products = NodeProducts(inner_words, sizes)
        leaves = self._leaves(input[: forest.leaves], products)
        inner = self._inner(leaves, input, forest, products)
        states = tuple(torch.cat(parts) for parts in zip(leaves, *inner, strict=True))
        roots = tuple(state.index_select(0, forest.roots) for state in states)
        return self.cell.output(*states), self.cell.unpack_state(roots)

    def _leaves(self, words: Tensor, products: NodeProducts) -> States:
        zeros = self.cell.zero_state(words)
        products.begin_leaves(zeros)
        with products:
            if isinstance(self.cell, TreeCell):
                return self.cell.pack_state(self.cell.leaf(words))
            return self.cell.next_state(words, zeros)

    def _inner(self, leaves: States, input: Tensor, forest: Forest, products: NodeProducts) -> Iterator[States]:
        """The states of the inner nodes of each level."""
        leaves_of = list(
            zip(*(state.split([level.leaves for level in forest.levels]) for state in leaves), strict=True)
        )
        counts = [level.inner * level.most for level in forest.levels]
        new: States = ()
        for number, (level, rows, present) in enumerate(
            zip(forest.levels, forest.children.split(counts), forest.present.split(counts), strict=True)
        ):
            if not level.inner:
                continue
            children = _children((new, leaves_of[number - 1]), rows, level)
            x = products.begin_level(number, input)
            with products if self._reads_inner_words else contextlib.nullcontext():
                new = self._node(x, present.view(level.inner, level.most), children)
            yield new

    @property
    def _reads_inner_words(self) -> bool:
        return not isinstance(self.cell, TreeCell) or self.cell.has_inner_words

    def _node(self, x: Tensor, present: Tensor, children: States) -> States:
        cell = self.cell
        if not isinstance(cell, TreeCell):
            return cell.next_state(x, [state.sum(1) for state in children])
        if cell.most_children and (missing := cell.most_children - present.shape[1]):
            present = F.pad(present, (0, missing))
            children = tuple(F.pad(state, (0, 0, 0, missing)) for state in children)
        return cell.pack_state(cell.node(x, present, *children))

    def _check(self, input: Tensor, forest: Forest) -> None:
        name, cell = type(self.cell).__name__, self.cell
        if input.dim() != 2 or input.shape[1] != self.input_size or len(input) not in (forest.leaves, len(forest)):
            raise InputError(
                f"TreeRNN: input must be [{forest.leaves}, {self.input_size}], of the leaves, or [{len(forest)}, "
                f"{self.input_size}], of all nodes, not {list(input.shape)}"
            )
        if not isinstance(cell, TreeCell):
            return
        if len(input) > forest.leaves and not cell.has_inner_words:
            raise InputError(f"TreeRNN: {name} reads words at leaves only, but inner nodes have some; use tree_lstm")
        most = cell.most_children or max(level.most for level in forest.levels)
        first = forest.leaves
        counts = [level.inner * level.most for level in forest.levels]
        for level, present in zip(forest.levels, forest.present.split(counts), strict=True):
            if level.inner and (level.fewest < cell.fewest_children or level.most > most):
                number = present.view(level.inner, level.most).sum(1)
                node = int(((number < cell.fewest_children) | (number > most)).nonzero()[0])
                raise InputError(
                    f"TreeRNN: {name} takes {_range(cell.fewest_children, most)} children, but {int(number[node])} are "
                    f"below {forest.place(first + node)}; make the tree binary, or use tree_lstm"
                )
            first += level.inner

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}"


def _children(below: tuple[States, States], rows: Tensor, level: Level) -> States:
    """Each state of the children, [inner, K, S], from those of the inner nodes and leaves one level down."""
    inner, leaves = below
    found = []
    for number, of_leaves in enumerate(leaves):
        parts = [inner[number]] if inner else []
        if len(of_leaves):
            parts.append(of_leaves)
        if level.fewest < level.most:
            parts.append(of_leaves.new_zeros(1, of_leaves.shape[1]))
        table = torch.cat(parts) if len(parts) > 1 else parts[0]
        found.append(table.index_select(0, rows).view(level.inner, level.most, -1))
    return tuple(found)


def _range(fewest: int, most: int) -> str:
    return str(most) if fewest == most else f"{fewest} to {most}"
