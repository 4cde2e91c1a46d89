"""Expressions of lists, drawn at random: trees without a file."""

from collections.abc import Callable

import numpy as np

from seqmodels.trees import Branch, Tree

OPERATORS: dict[str, Callable[[list[int]], int]] = {
    "[MIN": min,
    "[MAX": max,
    "[MED": lambda values: int(np.median(values)),
    "[SM": lambda values: sum(values) % 10,  # sum modulo 10
}
END = "]"
OPERATOR_SHARE = 0.25  # of what an operator takes, that is an expression itself
MOST_VALUES = 5


def draw_expressions(count: int, draw: np.random.Generator, depth: int = 5) -> list[Tree]:
    """Expressions such as ``[MAX 2 9 [MIN 4 7 ] 0 ]``, each a binary tree whose label is its value, a digit.

    A tree is the parse that ListOps has: an operator with what it takes, one after another, branches to the left,
    ``( ( ( [MAX 2 ) 9 ) ] )``.

    Args:
        count: How many.
        draw: Random numbers.
        depth: The most operators within each other.

    Source: Nangia and Bowman 2018, arXiv 1804.06028, with the operators and shares of their released code.

    Example:
        >>> import numpy as np
        >>> (tree,) = draw_expressions(1, np.random.default_rng(5), depth=1)
        >>> " ".join(word for word in tree.words if word), tree.labels[0]
        ('[MED 0 8 4 5 6 ]', '5')
    """
    trees = []
    for _ in range(count):
        branch, value = _operation(draw, depth)
        branch.label = str(value)
        trees.append(Tree.of(branch))
    return trees


def _operation(draw: np.random.Generator, depth: int) -> tuple[Branch, int]:
    """An operator and what it takes, and its value."""
    operator = list(OPERATORS)[draw.integers(len(OPERATORS))]
    branch, values = Branch(word=operator), []
    for _ in range(draw.integers(2, MOST_VALUES + 1)):
        if depth > 1 and draw.random() < OPERATOR_SHARE:
            taken, value = _operation(draw, depth - 1)
        else:
            value = int(draw.integers(10))
            taken = Branch(word=str(value))
        branch = Branch(children=[branch, taken])
        values.append(value)
    return Branch(children=[branch, Branch(word=END)]), OPERATORS[operator](values)
