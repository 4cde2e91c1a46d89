"""``Forest``: the shape of a batch of trees, in the order in which a network runs over them."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor

from seqmodels.errors import InputError
from seqmodels.trees.tree import Tree


class Level(NamedTuple):
    """What lies at one depth in all trees."""

    leaves: int
    inner: int
    fewest: int
    """The fewest children of an inner node, 0 if there is none."""
    most: int
    """K, the most children of an inner node."""


class Forest(NamedTuple):
    """B trees of N nodes in all, L of them leaves.

    Nodes at the same distance from their root are one level. All children of a level are in the level below it, so that
    a network which goes from the deepest level to the roots looks one level down and never further: its work is that of
    the nodes, whatever the number of levels. Nodes are numbered leaves first, then inner nodes, each from the deepest
    level to the highest.
    """

    order: Int64[Tensor, " N"]
    """Which node each is, in the trees one after another."""
    roots: Int64[Tensor, " B"]
    """The number of each tree's root."""
    children: Int64[Tensor, " C"]
    """For each level ``inner * most`` rows of the level below: its inner nodes, its leaves, then one that is absent."""
    present: Bool[Tensor, " C"]
    """Which of them there are; the others fill up to ``most``."""
    leaves: int
    """L."""
    levels: tuple[Level, ...]
    """From the deepest to that of the roots."""

    def __len__(self) -> int:
        return len(self.order)

    def place(self, node: int) -> str:
        """Tree and node, counted from 0, for an error."""
        firsts = self.order[self.roots].tolist()  # the root comes first in each tree
        position = int(self.order[node])
        tree = max(number for number, first in enumerate(firsts) if first <= position)
        return f"tree {tree} of the batch, node {position - firsts[tree]}"


def plant(trees: Sequence[Tree]) -> Forest:
    """The forest of some trees.

    Raises:
        InputError: There is no tree.

    Example:
        >>> from seqmodels.trees import Branch, Tree, plant
        >>> leaf = Tree.of(Branch(word="fine"))
        >>> pair = Tree.of(Branch(children=[Branch(word="very"), Branch(word="fine")]))
        >>> forest = plant([leaf, pair])
        >>> forest.leaves, forest.roots, forest.order
        (3, tensor([2, 3]), tensor([2, 3, 0, 1]))
        >>> forest.levels
        (Level(leaves=2, inner=0, fewest=0, most=0), Level(leaves=1, inner=1, fewest=2, most=2))
    """
    if not trees:
        raise InputError("there are no trees; give at least one")
    sizes = np.array([len(tree) for tree in trees])
    firsts = _before(sizes)
    parents = np.concatenate([tree.above for tree in trees]) + np.repeat(firsts, sizes)
    parents[firsts] = -1
    depths = np.concatenate([tree.depths for tree in trees])
    levels, count = depths.max() - depths, int(depths.max()) + 1
    below = np.flatnonzero(parents >= 0)  # all but the roots
    arity = np.bincount(parents[below], minlength=len(parents))
    inner = arity > 0
    order = np.lexsort((levels, inner))
    number = np.empty_like(order)
    number[order] = np.arange(len(order))

    leaves, inners = (np.bincount(levels[chosen], minlength=count) for chosen in (~inner, inner))
    # A level's rows: its inner nodes, then its leaves.
    row_of_leaf = number - _before(leaves)[levels] + inners[levels]
    row_of_inner = number - leaves.sum() - _before(inners)[levels]
    row = np.where(inner, row_of_inner, row_of_leaf)
    most, fewest = np.zeros(count, dtype=np.int64), np.full(count, len(parents))
    np.maximum.at(most, levels[inner], arity[inner])
    np.minimum.at(fewest, levels[inner], arity[inner])
    fewest[most == 0] = 0

    starts = _before(inners * most)
    absent = np.concatenate([[0], (leaves + inners)[:-1]])
    children = np.repeat(absent, inners * most)
    at = starts[levels[parents[below]]] + row[parents[below]] * most[levels[parents[below]]]
    at += _place_among_siblings(parents[below])
    children[at] = row[below]
    present = np.zeros(len(children), dtype=bool)
    present[at] = True
    shape = zip(leaves.tolist(), inners.tolist(), fewest.tolist(), most.tolist(), strict=True)
    return Forest(
        order=torch.from_numpy(order),
        roots=torch.from_numpy(number[firsts]),
        children=torch.from_numpy(children),
        present=torch.from_numpy(present),
        leaves=int(leaves.sum()),
        levels=tuple(Level(*each) for each in shape),
    )


def _before(counts: np.ndarray) -> np.ndarray:
    """How many there are before each."""
    return np.cumsum(counts) - counts


def _place_among_siblings(parents: np.ndarray) -> np.ndarray:
    """0 for each first child, 1 for each second."""
    families = np.argsort(parents, kind="stable")
    ordered = parents[families]
    begins = np.flatnonzero(np.diff(ordered, prepend=-1))
    sizes = np.diff(begins, append=len(ordered))
    places = np.empty_like(parents)
    places[families] = np.arange(len(ordered)) - np.repeat(begins, sizes)
    return places
