"""One tree: what it may hold, how deep it may be, and what it looks like."""

import pytest

from seqmodels.errors import InputError
from seqmodels.trees import Branch, Tree


def pair(left, right, label=None):
    return Branch(label, children=[left, right])


def test_parents_come_before_children_and_siblings_from_left_to_right():
    tree = Tree.of(pair(pair(Branch(word="a"), Branch(word="b")), Branch(word="c")))
    assert tree.parents == (-1, 0, 1, 1, 0)
    assert tree.words == (None, None, "a", "b", "c")
    assert tree.depths.tolist() == [0, 1, 2, 2, 1]
    assert tree.above.tolist() == list(tree.parents)


def test_a_tree_is_written_as_it_is_read():
    tree = Tree.of(pair(pair(Branch("1", "a"), Branch("2", "b"), "3"), Branch("4", "c"), "5"))
    assert str(tree) == "(5 (3 (1 a) (2 b)) (4 c))"


def test_a_part_has_the_words_below_it_and_labels_can_be_others():
    tree = Tree.of(pair(pair(Branch("1", "a"), Branch("2", "b"), "3"), Branch("4", "c"), "5"))
    assert [tree.phrase(node) for node in range(5)] == ["a b c", "a b", "a", "b", "c"]
    assert str(tree.labelled("vwxyz")) == "(v (w (x a) (y b)) (z c))"


def test_a_tree_may_be_deeper_than_python_recurses():
    branch = Branch(word="w")
    for _ in range(5000):
        branch = pair(branch, Branch(word="w"))
    tree = Tree.of(branch)
    assert tree.depths.max() == 5000
    assert str(tree).count("(") == len(tree) == 10_001


@pytest.mark.parametrize(("upper", "lower", "expected"), [("S", "NP", "S"), (None, "NP", "NP"), ("S", None, "S")])
def test_an_only_child_is_collapsed_and_the_upper_label_stays(upper, lower, expected):
    branch = Branch(upper, children=[Branch(lower, children=[Branch(word="w")])])
    branch.collapse()
    assert (branch.label, branch.word, branch.children) == (expected, "w", [])


def test_a_head_with_one_dependent_is_not_collapsed():
    branch = Branch(word="sing", children=[Branch(word="birds")])
    branch.collapse()
    assert len(branch.children) == 1


def test_words_are_at_leaves_and_at_all_inner_nodes_or_none(one_line):
    with one_line(InputError, "node 1", "neither a word nor children"):
        Tree((-1, 0, 0), (None, None, "w"), (None,) * 3)
    with one_line(InputError, "some of its inner nodes"):
        Tree((-1, 0, 1), (None, "w", "w"), (None,) * 3)
    assert Tree((-1, 0), ("sing", "birds"), (None,) * 2).has_inner_words
    assert not Tree((-1,), ("sing",), (None,)).has_inner_words
