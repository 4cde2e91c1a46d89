"""The shape of a batch: every child lies one level down, and every node is there once."""

import numpy as np
import torch
from grown import grow
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmodels.trees import plant

SHAPES = st.tuples(st.integers(0, 1000), st.integers(1, 12), st.integers(2, 5), st.sampled_from([1, 2]))


@settings(max_examples=30)
@given(st.lists(SHAPES, min_size=1, max_size=5))
def test_rows_of_the_level_below_are_the_children(shapes):
    trees = [grow(np.random.default_rng(seed), leaves, most, fewest) for seed, leaves, most, fewest in shapes]
    forest = plant(trees)
    firsts = np.cumsum([0, *map(len, trees)])
    parents = [
        parent + first if parent >= 0 else -1 for t, first in zip(trees, firsts, strict=False) for parent in t.parents
    ]
    assert sorted(forest.order.tolist()) == list(range(len(parents)))
    assert forest.order[forest.roots].tolist() == firsts[:-1].tolist()

    order, at_leaf, at_inner, at_child = forest.order.tolist(), 0, forest.leaves, 0
    below: list[int] = []
    for level in forest.levels:
        inner = order[at_inner : at_inner + level.inner]
        for node in inner:
            rows = forest.children[at_child : at_child + level.most].tolist()
            present = forest.present[at_child : at_child + level.most].tolist()
            children = [below[row] for row, there in zip(rows, present, strict=True) if there]
            assert children == [child for child, parent in enumerate(parents) if parent == node]
            assert level.fewest <= len(children) <= level.most
            assert all(row == len(below) for row, there in zip(rows, present, strict=True) if not there)
            at_child += level.most
        below = inner + order[at_leaf : at_leaf + level.leaves]
        at_leaf += level.leaves
        at_inner += level.inner
    assert at_child == len(forest.children)
    assert at_inner == len(forest)


def test_a_node_is_named_by_its_tree():
    trees = [grow(np.random.default_rng(seed), 5) for seed in range(3)]
    forest = plant(trees)
    assert forest.place(int(forest.roots[2])) == "tree 2 of the batch, node 0"
    last = int(torch.argsort(forest.order)[-1])
    assert forest.place(last) == f"tree 2 of the batch, node {len(trees[2]) - 1}"
