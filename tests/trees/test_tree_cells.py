"""Cells for trees: the papers' equations in NumPy, and the contract of cells."""

import numpy as np
import pytest
import torch

import seqmodels
from seqmodels import get_cell
from seqmodels.testing import check_cell
from seqmodels.trees import TreeCell, tree_cells

H, I, M = 5, 3, 4  # noqa: E741


def sigma(a):
    return 1 / (1 + np.exp(-a))


def weights(cell):
    return {name.removesuffix(".weight"): value.detach().numpy() for name, value in cell.named_parameters()}


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def run(name, children):
    """A node's new states for random words and children, and what they were."""
    cell = get_cell(name)(I, H).double()
    x, states = draw(M, I), [draw(M, children, H) for _ in cell.state_names]
    new = cell.pack_state(cell.node(x, torch.ones(M, children, dtype=torch.bool), *states))
    return cell, x.numpy(), [s.numpy() for s in states], [s.detach().numpy() for s in new]


def test_child_sum_lstm_computes_equations_2_to_8():
    cell, x, (h, c), found = run("tree_lstm", 3)
    w = weights(cell)
    (W_f, W_i, W_o, W_u), (b_f, b_i, b_o, b_u) = np.split(w["W"], 4), np.split(w["W.bias"], 4)
    U_i, U_o, U_u = np.split(w["U"], 3)
    for row in range(M):
        h_sum = sum(h[row, k] for k in range(3))
        i = sigma(W_i @ x[row] + U_i @ h_sum + b_i)
        f = [sigma(W_f @ x[row] + w["U_f"] @ h[row, k] + b_f) for k in range(3)]
        o = sigma(W_o @ x[row] + U_o @ h_sum + b_o)
        u = np.tanh(W_u @ x[row] + U_u @ h_sum + b_u)
        new = i * u + sum(f[k] * c[row, k] for k in range(3))
        np.testing.assert_allclose(found[1][row], new, atol=1e-12)
        np.testing.assert_allclose(found[0][row], o * np.tanh(new), atol=1e-12)


def test_binary_lstm_computes_equations_9_to_14():
    cell, x, (h, c), found = run("binary_tree_lstm", 2)
    w = weights(cell)
    W, b = np.split(w["W"], 4), np.split(w["W.bias"], 4)
    U = [np.split(part, 2, 1) for part in np.split(w["U"], 5)]  # of each gate, the left child's and the right child's
    for row in range(M):
        f_1, f_2, i, o, u = (
            W[k] @ x[row] + b[k] + left @ h[row, 0] + right @ h[row, 1]
            for k, (left, right) in zip((0, 0, 1, 2, 3), U, strict=True)
        )
        new = sigma(i) * np.tanh(u) + sigma(f_1) * c[row, 0] + sigma(f_2) * c[row, 1]
        np.testing.assert_allclose(found[1][row], new, atol=1e-12)
        np.testing.assert_allclose(found[0][row], sigma(o) * np.tanh(new), atol=1e-12)


@pytest.mark.parametrize("name", ["recursive", "rntn"])
def test_recursive_networks_compute_their_equations(name):
    cell, _, (h,), (found,) = run(name, 2)
    w = weights(cell)
    for row in range(M):
        pair = np.concatenate([h[row, 0], h[row, 1]])
        total = w["W"] @ pair + w["W.bias"]
        if name == "rntn":
            slices = w["V"].reshape(H, 2 * H, 2 * H)
            total = total + np.array([pair @ slices[k] @ pair for k in range(H)])
        np.testing.assert_allclose(found[row], np.tanh(total), atol=1e-12)


@pytest.mark.parametrize("name", ["recursive", "rntn"])
def test_leaves_of_recursive_networks_are_word_vectors(name):
    cell, x = get_cell(name)(H, H).double(), draw(M, H)
    assert torch.equal(cell.leaf(x), torch.tanh(x))
    assert not list(cell.P.parameters())


@pytest.mark.parametrize("name", ["tree_lstm", "binary_tree_lstm"])
def test_a_leaf_is_a_node_without_children(name):
    cell, x = get_cell(name)(I, H).double(), draw(M, I)
    absent, nothing = torch.zeros(M, 2, dtype=torch.bool), torch.zeros(M, 2, H, dtype=torch.float64)
    for leaf, node in zip(cell.leaf(x), cell.node(x, absent, nothing, nothing), strict=True):
        torch.testing.assert_close(leaf, node, rtol=0, atol=1e-12)


def test_the_tensor_begins_small():
    cell = get_cell("rntn")(I, H)
    assert cell.V.weight.abs().max() <= 1 / (4 * H)
    assert cell.W.weight.abs().max() > 1 / (4 * H)
    cell.reset_parameters(0.1)
    assert cell.V.weight.abs().max() <= 0.0025


def test_cells_for_trees_are_told_from_others():
    assert tree_cells() == ["binary_tree_lstm", "recursive", "rntn", "tree_lstm"]
    assert all(issubclass(get_cell(name), TreeCell) == (name in tree_cells()) for name in seqmodels.cells())


@pytest.mark.parametrize("name", tree_cells())
def test_cells_for_trees_are_cells_of_sequences(name):
    check_cell(name)
