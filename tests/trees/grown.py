"""Random trees, and a network over them node by node, as its definition has it."""

import numpy as np
import torch
from torch import Tensor

from seqmodels.trees import Branch, Forest, Tree, TreeCell, TreeRNN


def grow(draw: np.random.Generator, leaves: int, most: int = 2, fewest: int = 2, inner_words: bool = False) -> Tree:
    """A tree of so many leaves whose inner nodes have ``fewest`` to ``most`` children."""

    def branch(size: int) -> Branch:
        if size == 1:
            return Branch(word="w")
        count = int(draw.integers(min(max(fewest, 2), size), min(most, size) + 1))
        cuts = sorted(draw.choice(np.arange(1, size), count - 1, replace=False).tolist())
        parts = [high - low for low, high in zip([0, *cuts], [*cuts, size], strict=True)]
        found = Branch(word="w" if inner_words else None, children=[branch(part) for part in parts])
        if fewest == 1 and draw.random() < 0.3:
            found = Branch(word=found.word, children=[found])
        return found

    return Tree.of(branch(leaves))


def node_by_node(rnn: TreeRNN, input: Tensor, trees: list[Tree], forest: Forest) -> tuple[Tensor, list[Tensor]]:
    """Outputs of all nodes in the order of the forest, and the states of the roots."""
    cell = rnn.cell
    row_of = torch.argsort(forest.order).tolist()
    states: dict[int, tuple[Tensor, ...]] = {}
    roots, first = [], 0
    for tree in trees:
        for node in reversed(range(len(tree))):  # children come after their parents
            below = [child for child in range(len(tree)) if tree.parents[child] == node]
            row = row_of[first + node]
            x = input[row : row + 1] if row < len(input) else input.new_zeros(1, input.shape[1])
            children = [torch.stack(each, 1) for each in zip(*(states[first + child] for child in below), strict=True)]
            if isinstance(cell, TreeCell) and below:
                present = torch.ones(1, len(below), dtype=torch.bool)
                if cell.most_children and len(below) < cell.most_children:
                    missing = cell.most_children - len(below)
                    present = torch.cat([present, torch.zeros(1, missing, dtype=torch.bool)], 1)
                    children = [torch.cat([c, c.new_zeros(1, missing, c.shape[-1])], 1) for c in children]
                new = cell.node(x, present, *children)
            elif isinstance(cell, TreeCell):
                new = cell.leaf(x)
            else:
                new = cell.step(x, *([c.sum(1) for c in children] or cell.zero_state(x)))
            states[first + node] = cell.pack_state(new)
        roots.append(states[first])
        first += len(tree)
    in_order = [states[place] for place in forest.order.tolist()]
    output = torch.cat([cell.output(*state) for state in in_order])
    return output, [torch.cat(each) for each in zip(*roots, strict=True)]
