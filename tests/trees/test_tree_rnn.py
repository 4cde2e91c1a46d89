"""A batch level by level computes what one recursion over each tree does: values, and gradients through structure."""

import numpy as np
import pytest
import torch
from grown import grow, node_by_node
from torch.autograd import gradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from seqmodels import RNN, Cell, get_cell
from seqmodels.errors import CellError, InputError, OptionError, UnknownCell
from seqmodels.trees import Branch, Tree, TreeCell, TreeRNN, plant, sequence_cells, tree_cells

I, H = 3, 5  # noqa: E741
BINARY = ["binary_tree_lstm", "recursive", "rntn"]
CELLS = [*sequence_cells(), *tree_cells(), "janet"]
ANY_SHAPE = [name for name in CELLS if name not in BINARY]
EXACT = {"rtol": 0, "atol": 1e-12}


def trees_of(kind):
    draw = np.random.default_rng(1)
    options = {
        "binary": {},
        "wide": {"most": 4},
        "chains": {"most": 3, "fewest": 1},
        "dependency": {"most": 4, "fewest": 1, "inner_words": True},
        "binary, all words": {"inner_words": True},
    }[kind]
    return [grow(draw, leaves, **options) for leaves in (1, 6, 2, 9, 1, 4)]


def make(cell, **options):
    return TreeRNN(cell, I, H, **options).double()


def draw_words(forest, all_nodes=False):
    return torch.randn(len(forest) if all_nodes else forest.leaves, I, dtype=torch.float64, requires_grad=True)


def gradients(values, leaves):
    source = torch.Generator().manual_seed(0)
    weights = [torch.randn(value.shape, generator=source, dtype=torch.float64) for value in values]
    return torch.autograd.grad(values, leaves, weights, allow_unused=True, materialize_grads=True)


def assert_equals_recursion(cell, trees, all_nodes=False):
    rnn, forest = make(cell), plant(trees)
    words = draw_words(forest, all_nodes)
    output, roots = rnn(words, forest)
    expected, expected_roots = node_by_node(rnn, words, trees, forest)
    found = [output, *rnn.cell.pack_state(roots)]
    wanted = [expected, *expected_roots]
    leaves = [words, *rnn.parameters()]
    for one, other in zip([*found, *gradients(found, leaves)], [*wanted, *gradients(wanted, leaves)], strict=True):
        torch.testing.assert_close(one, other, **EXACT)


@pytest.mark.parametrize("cell", CELLS)
def test_binary_trees(cell):
    assert_equals_recursion(cell, trees_of("binary"))


@pytest.mark.parametrize("kind", ["wide", "chains"])
@pytest.mark.parametrize("cell", ANY_SHAPE)
def test_trees_of_other_shapes(cell, kind):
    assert_equals_recursion(cell, trees_of(kind))


@pytest.mark.parametrize("cell", ANY_SHAPE)
def test_words_at_every_node(cell):
    assert_equals_recursion(cell, trees_of("dependency"), all_nodes=True)


def test_a_binary_cell_reads_inner_words_and_takes_only_children():
    assert_equals_recursion("binary_tree_lstm", trees_of("binary, all words"), all_nodes=True)
    assert_equals_recursion("binary_tree_lstm", [grow(np.random.default_rng(2), 7, fewest=1)])


@pytest.mark.parametrize("cell", CELLS)
def test_trees_of_one_node(cell):
    rnn, trees = make(cell), [Tree.of(Branch(word="w"))] * 3
    forest = plant(trees)
    words = draw_words(forest)
    output, _ = rnn(words, forest)
    torch.testing.assert_close(output, node_by_node(rnn, words, trees, forest)[0], **EXACT)
    assert output.shape == (3, H)


@pytest.mark.parametrize("cell", tree_cells())
def test_gradients_are_right(cell):
    rnn, forest = make(cell), plant(trees_of("binary")[:3])
    words = draw_words(forest)

    def run(words, *_):
        output, roots = rnn(words, forest)
        return output, *rnn.cell.pack_state(roots)

    assert gradcheck(run, (words, *rnn.parameters()), fast_mode=True)


def chain_of(words):
    """A tree whose nodes have one child each, the first word deepest; words at every node."""
    branch = Branch(word="w")
    for _ in range(words - 1):
        branch = Branch(word="w", children=[branch])
    return Tree.of(branch)


@pytest.mark.parametrize("cell", ANY_SHAPE)
def test_a_chain_is_a_sequence(cell):
    forest = plant([chain_of(6)])
    tree, sequence = make(cell), RNN(cell, I, H).double()
    sequence.cell.load_state_dict(tree.cell.state_dict())
    words = draw_words(forest, all_nodes=True)
    output, roots = tree(words, forest)
    expected, final = sequence(words)  # deepest first, as the forest has them
    torch.testing.assert_close(output, expected, **EXACT)
    for root, state in zip(tree.cell.pack_state(roots), sequence.cell.pack_state(final), strict=True):
        torch.testing.assert_close(root, state, **EXACT)


@pytest.mark.parametrize("cell", BINARY)
def test_a_tree_that_branches_to_the_left_is_a_sequence(cell):
    branch = Branch(word="w")
    for _ in range(4):
        branch = Branch(children=[branch, Branch(word="w")])
    tree, sequence = make(cell), RNN(cell, I, H).double()
    sequence.cell.load_state_dict(tree.cell.state_dict())
    forest = plant([Tree.of(branch)])
    words = draw_words(forest)  # of the two deepest leaves the left one comes first
    _, roots = tree(words, forest)
    begin = tree.cell.unpack_state(tuple(s[None] for s in tree.cell.pack_state(tree.cell.leaf(words[:1]))))
    _, final = sequence(words[1:, None], begin)
    for root, state in zip(tree.cell.pack_state(roots), sequence.cell.pack_state(final), strict=True):
        torch.testing.assert_close(root, state[0], **EXACT)


def test_a_child_sum_lstm_on_a_chain_is_the_lstm():
    tree, lstm = get_cell("tree_lstm")(I, H).double(), get_cell("lstm")(I, H).double()
    with torch.no_grad():
        i, f, u, o = lstm.W_x.weight.chunk(4)
        tree.W.weight.copy_(torch.cat([f, i, o, u]))
        i, f, u, o = lstm.W_x.bias.chunk(4)
        tree.W.bias.copy_(torch.cat([f, i, o, u]))
        i, f, u, o = lstm.W_h.weight.chunk(4)
        tree.U.weight.copy_(torch.cat([i, o, u]))
        tree.U_f.weight.copy_(f)
    forest = plant([chain_of(7)])
    words = draw_words(forest, all_nodes=True)
    found, _ = TreeRNN(tree)(words, forest)
    torch.testing.assert_close(found, RNN(lstm)(words)[0], **EXACT)


@pytest.mark.parametrize("cell", ["tree_lstm", "gru"])
def test_the_order_of_summed_children_does_not_matter_and_that_of_binary_ones_does(cell):
    def family(first, second, third):
        return Tree.of(Branch(children=[Branch(word=word) for word in (first, second, third)]))

    forest = plant([family(*"abc")])
    words = draw_words(forest)
    rnn = make(cell)
    torch.testing.assert_close(rnn(words, forest)[0][-1], rnn(words[[2, 0, 1]], forest)[0][-1], **EXACT)
    pair = plant([Tree.of(Branch(children=[Branch(word="a"), Branch(word="b")]))])
    for name in BINARY:
        rnn = make(name)
        assert (rnn(words[:2], pair)[0][-1] - rnn(words[[1, 0]], pair)[0][-1]).abs().max() > 1e-3


def test_trees_do_not_see_each_other():
    trees = trees_of("binary")
    rnn, forest = make("binary_tree_lstm"), plant(trees)
    words = draw_words(forest)
    _, (h, _) = rnn(words, forest)
    (gradient,) = torch.autograd.grad(h[1].sum(), words)
    touched = {int(place) for place, row in zip(forest.order, gradient, strict=False) if row.abs().sum() > 0}
    firsts = np.cumsum([0, *map(len, trees)])
    assert touched == {place for place in range(firsts[1], firsts[2]) if trees[1].words[place - firsts[1]]}


class Products(TorchDispatchMode):
    """The rows of every product with a matrix of I columns."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func in (torch.ops.aten.addmm.default, torch.ops.aten.mm.default) and args[-2].shape[1] == I:
            self.rows.append(args[-2].shape[0])
        return func(*args, **(kwargs or {}))

    def of(self, run):
        self.rows = []
        with self:
            run()
        return self.rows


@pytest.mark.parametrize("cell", ["tree_lstm", "lstm"])
def test_words_are_multiplied_for_all_nodes_at_once(cell):
    rnn, forest = make(cell), plant(trees_of("dependency"))
    inner = len(forest) - forest.leaves
    with torch.no_grad():
        assert Products().of(lambda: rnn(draw_words(forest, True), forest)) == [forest.leaves, inner]
        assert Products().of(lambda: rnn(draw_words(forest), forest)) == [forest.leaves]


class InPlace(Cell):
    """Changes the results of its own products."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W, self.U = torch.nn.Linear(input_size, hidden_size), torch.nn.Linear(hidden_size, hidden_size)

    def step(self, x, h):
        new = self.W(x)
        new += self.U(h)
        return new.tanh_()


@pytest.mark.parametrize("all_nodes", [False, True])
def test_products_may_be_changed_in_place(all_nodes):
    assert_equals_recursion(InPlace, trees_of("dependency"), all_nodes)


class Mean(TreeCell):
    """Looks at which children there are."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = torch.nn.Linear(input_size, hidden_size)

    def leaf(self, x):
        return torch.tanh(self.W(x))

    def node(self, x, present, h):
        return h.sum(1) / present.sum(1, keepdim=True)


def test_absent_children_are_told():
    assert_equals_recursion(Mean, trees_of("wide"))


@pytest.mark.usefixtures("_types_unchecked")
def test_missing_methods_are_one_line(one_line):
    class Unfinished(TreeCell):
        pass

    forest = plant(trees_of("binary"))
    with one_line(CellError, "Unfinished defines no leaf(x)"):
        make(Unfinished)(draw_words(forest), forest)
    with one_line(CellError, "Unfinished defines no node(x, present, h)"):
        Unfinished(I, H).node(None, None, None)


def test_wrong_inputs_are_one_line(one_line):
    trees = [grow(np.random.default_rng(0), 4), grow(np.random.default_rng(0), 6, most=5, fewest=3)]
    forest = plant(trees)
    with one_line(InputError, f"[{forest.leaves}, 3], of the leaves", f"[{len(forest)}, 3], of all nodes", "[2, 3]"):
        make("gru")(torch.zeros(2, I, dtype=torch.float64), forest)
    with one_line(InputError, "BinaryTreeLSTM takes 1 to 2 children", "tree 1 of the batch, node 0", "use tree_lstm"):
        make("binary_tree_lstm")(draw_words(forest), forest)
    with one_line(InputError, "Recursive takes 2 children, but 1 are below tree 0"):
        chain = plant([Tree.of(Branch(children=[Branch(children=[Branch(word="a")])]))])
        make("recursive")(draw_words(chain), chain)
    with one_line(InputError, "RNTN reads words at leaves only"):
        pairs = plant(trees_of("binary, all words"))
        make("rntn")(draw_words(pairs, all_nodes=True), pairs)
    with one_line(InputError, "no trees"):
        plant([])


def test_wrong_options_are_one_line(one_line):
    with one_line(UnknownCell, "did you mean 'tree_lstm'"):
        TreeRNN("treelstm", I, H)
    with one_line(OptionError, "'forget_bia'"):
        TreeRNN("lstm", I, H, forget_bia=1.0)
    with one_line(OptionError, "input_size and hidden_size are needed"):
        TreeRNN("lstm")


def test_a_cell_instance_is_used_as_it_is():
    cell: Cell = get_cell("gru")(I, H)
    assert TreeRNN(cell).cell is cell
