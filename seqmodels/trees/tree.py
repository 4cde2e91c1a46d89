"""``Tree``: one tree with words and labels, as flat as it can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Int64

from seqmodels.errors import InputError


@dataclass
class Branch:
    """A node with all below it: what readers build trees of.

    Args:
        label: Of the node; None if it has none.
        word: Of the node; every leaf has one.
        children: From left to right.
    """

    label: str | None = None
    word: str | None = None
    children: list[Branch] = field(default_factory=list)

    def collapse(self) -> None:
        """Take the place of an only child, unless both have a word. The upper of two labels stays."""
        while len(self.children) == 1 and (self.word is None or self.children[0].word is None):
            (child,) = self.children
            self.word = child.word if self.word is None else self.word
            self.label = child.label if self.label is None else self.label
            self.children = child.children


@dataclass(frozen=True)
class Tree:
    """A tree of M nodes, parents before their children and siblings from left to right; node 0 is the root.

    Constituency trees have words at their leaves only, dependency and operator trees at every node.

    Args:
        parents: The node above each; -1 above the root.
        words: Of each node; None where it has none.
        labels: Of each node; None where it has none.

    Raises:
        InputError: A leaf has no word, or some inner nodes have one and others don't.

    Example:
        >>> from seqmodels.trees import Branch, Tree
        >>> tree = Tree.of(Branch("4", children=[Branch("3", "lovely"), Branch("2", "film")]))
        >>> tree.parents, tree.words, tree.labels
        ((-1, 0, 0), (None, 'lovely', 'film'), ('4', '3', '2'))
        >>> print(tree)
        (4 (3 lovely) (2 film))
    """

    parents: tuple[int, ...]
    words: tuple[str | None, ...]
    labels: tuple[str | None, ...]

    def __post_init__(self) -> None:
        inner = set(self.parents[1:])
        for node, word in enumerate(self.words):
            if word is None and node not in inner:
                raise InputError(f"node {node} of a tree has neither a word nor children; give it a word")
        if len({self.words[node] is None for node in inner}) > 1:
            raise InputError("a tree has words at some of its inner nodes; give all of them a word, or none")

    @classmethod
    def of(cls, root: Branch) -> Tree:
        """The tree of a branch and all below it, however deep."""
        parents: list[int] = []
        words: list[str | None] = []
        labels: list[str | None] = []
        todo = [(root, -1)]
        while todo:
            branch, parent = todo.pop()
            todo += [(child, len(parents)) for child in reversed(branch.children)]
            parents.append(parent)
            words.append(branch.word)
            labels.append(branch.label)
        return cls(tuple(parents), tuple(words), tuple(labels))

    def __len__(self) -> int:
        return len(self.parents)

    @property
    def has_inner_words(self) -> bool:
        """Whether inner nodes have words, as in dependency trees."""
        return len(self) > 1 and self.words[0] is not None

    @cached_property
    def above(self) -> Int64[np.ndarray, " M"]:
        """``parents`` as an array."""
        return np.array(self.parents, dtype=np.int64)

    @cached_property
    def depths(self) -> Int64[np.ndarray, " M"]:
        """How many nodes are above each."""
        depths = [0] * len(self)
        for node, parent in enumerate(self.parents[1:], 1):
            depths[node] = depths[parent] + 1
        return np.array(depths, dtype=np.int64)

    def labelled(self, labels: Sequence[str | None]) -> Tree:
        """The same tree with other labels, one a node."""
        return Tree(self.parents, self.words, tuple(labels))

    def phrase(self, node: int) -> str:
        """The words of a node and of all below it.

        Example:
            >>> from seqmodels.trees import Branch, Tree
            >>> film = Branch(children=[Branch(word="lovely"), Branch(word="film")])
            >>> Tree.of(Branch(children=[Branch(word="a"), film])).phrase(2)
            'lovely film'
        """
        outside = np.flatnonzero(self.depths[node + 1 :] <= self.depths[node])  # of those that follow
        end = node + 1 + int(outside[0]) if len(outside) else len(self)
        return " ".join(word for word in self.words[node:end] if word is not None)

    def __str__(self) -> str:
        """In brackets: a label follows its bracket at once; words stand alone."""
        pieces: list[str] = []
        unclosed = 0
        for depth, word, label in zip(self.depths.tolist(), self.words, self.labels, strict=True):
            closed = max(unclosed - depth, 0)
            pieces.append(")" * closed + " " * bool(pieces) + f"({'' if label is None else label}")
            pieces.append("" if word is None else f" {word}")
            unclosed += 1 - closed
        return "".join(pieces) + ")" * unclosed
