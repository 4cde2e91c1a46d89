"""Jacobians of steps and recurrent matrices, against torch's own."""

import math

import pytest
import torch
from foreign_cells import LayerNormLSTM, MinimalGatedUnit
from torch import nn
from torch.autograd.functional import jacobian

from seqmodels import RNN, from_module, get_cell
from seqmodels.errors import InputError
from seqmodels.inspect.jacobians import recurrent_matrices, step_jacobians

BUILT_IN = ["elman", "lstm", "peephole", "coupled", "gru", "mut1", "mut2", "mut3"]
T, B, H = 4, 2, 3


def joined_step(cell, x):
    """All states as one vector -> all next states as one."""
    return lambda state: torch.cat(cell.next_state(x[None], state[None].split(list(cell.state_sizes), -1)), -1)[0]


def jacobians_by_hand(rnn, x):
    found = []
    for layer in rnn.layers:
        cell, outputs, of_layer = layer.cell, [], []
        state = torch.zeros(B, sum(cell.state_sizes), dtype=x.dtype)
        for t in range(len(x)):
            of_layer.append(torch.stack([jacobian(joined_step(cell, x[t, b]), state[b]) for b in range(B)]))
            state = torch.stack([joined_step(cell, x[t, b])(state[b]) for b in range(B)]).detach()
            outputs.append(cell.output(*state.split(list(cell.state_sizes), -1)))
        x = torch.stack(outputs).detach()
        found.append(torch.stack(of_layer))
    return found


@pytest.mark.parametrize("cell", [*BUILT_IN, LayerNormLSTM])
def test_they_are_what_autograd_gives(cell):
    rnn, x = RNN(cell, 5, H, num_layers=2).double(), torch.randn(T, B, 5, dtype=torch.float64)
    layers = step_jacobians(rnn, x)
    assert [layer.place for layer in layers] == ["layers.0", "layers.1"]
    for layer, expected in zip(layers, jacobians_by_hand(rnn, x), strict=True):
        assert layer.states == rnn.cell.state_names
        torch.testing.assert_close(layer.jacobians, expected, rtol=0, atol=1e-8)


def test_a_product_over_a_span_is_the_derivative_over_all_its_steps():
    rnn, x = RNN("lstm", 5, H).double(), torch.randn(T, 1, 5, dtype=torch.float64)
    (layer,) = step_jacobians(rnn, x)
    start = torch.cat([state[0, 0] for state in rnn(x[:1])[1]]).detach()

    def run(state):
        h, c = state.split(H)
        _, after = rnn(x[1:], (h[None, None], c[None, None]))
        return torch.cat([tensor[0, 0] for tensor in after])

    torch.testing.assert_close(layer.over(0, T - 1)[0], jacobian(run, start), rtol=0, atol=1e-10)
    torch.testing.assert_close(layer.over(2, 2)[0], torch.eye(2 * H, dtype=torch.float64))


def test_singular_values_are_those_of_each_step():
    (layer,) = step_jacobians(RNN("gru", 5, H).double(), torch.randn(T, B, 5, dtype=torch.float64))
    values = layer.singular_values()
    assert values.shape == (T, B, H)
    largest = [[torch.linalg.matrix_norm(matrix, 2) for matrix in row] for row in layer.jacobians]
    torch.testing.assert_close(values[..., 0], torch.tensor(largest, dtype=torch.float64))


def test_a_reset_cuts_and_padding_keeps():
    rnn, x = RNN("gru", 5, H), torch.randn(T, B, 5)
    reset = torch.zeros(T, B, dtype=torch.bool)
    reset[1, 0] = True
    (layer,) = step_jacobians(rnn, x, lengths=torch.tensor([T, 2]), reset=reset)
    assert bool((layer.jacobians[1, 0] == 0).all())
    assert bool((layer.jacobians[1, 1] != 0).any())
    assert torch.equal(layer.jacobians[2:, 1], torch.eye(H).expand(2, H, H))


def test_zoneout_in_evaluation_and_masks_of_dropout_are_part_of_the_step():
    plain = RNN("elman", 5, H).double()
    zoned = RNN("elman", 5, H, zoneout=0.25).double().eval()
    zoned.load_state_dict(plain.state_dict())
    x = torch.randn(1, B, 5, dtype=torch.float64)
    (one,), (other,) = step_jacobians(plain, x), step_jacobians(zoned, x)
    expected = 0.75 * one.jacobians + 0.25 * torch.eye(H, dtype=torch.float64)
    torch.testing.assert_close(other.jacobians, expected)

    dropped = RNN("elman", 5, 64, recurrent_dropout=0.5)
    (layer,) = step_jacobians(dropped, torch.randn(T, 1, 5))
    unseen = (layer.jacobians == 0).all(dim=-2)  # units that no unit reads
    assert 10 < unseen[0].sum() < 54
    assert bool((unseen == unseen[0]).all())  # one mask for the sequence


def test_a_model_without_rnn_and_a_span_that_is_none_are_refused(one_line):
    with one_line(InputError, "Linear ran no RNN"):
        step_jacobians(nn.Linear(2, 2), torch.zeros(1, 2))
    (layer,) = step_jacobians(RNN("elman", 5, H), torch.zeros(T, 1, 5))
    with one_line(InputError, "over(2, 4)", "layers.0 ran steps 0 to 3"):
        layer.over(2, 4)


def test_matrices_of_gates_are_cut_into_their_blocks():
    lstm = get_cell("lstm")(2, H)
    found = recurrent_matrices(lstm)
    assert [(one.name, one.block) for one in found] == [("W_h.weight", block) for block in range(4)]
    assert torch.equal(torch.cat([one.weight for one in found]), lstm.W_h.weight)


def test_columns_of_the_input_are_left_out():
    cell = MinimalGatedUnit(2, H)
    forget, candidate = recurrent_matrices(cell)
    assert torch.equal(forget.weight, cell.forget.weight[:, 2:])
    assert torch.equal(candidate.weight, cell.candidate.weight[:, 2:])
    assert forget.name == "forget.weight"


@pytest.mark.parametrize("cell", [*BUILT_IN, "fastgrnn", from_module(nn.LSTMCell, ("h", "c"))])
def test_every_cell_has_some(cell):
    rnn = RNN(cell, 5, H)
    assert recurrent_matrices(rnn.cell)


def test_values_of_a_matrix_that_is_known():
    elman = get_cell("elman")(2, 2)
    with torch.no_grad():
        elman.W_hh.weight.copy_(torch.tensor([[0.0, 3.0], [-0.5, 0.0]]))  # eigenvalues +- i sqrt(1.5)
    (matrix,) = recurrent_matrices(elman)
    assert matrix.largest_singular_value() == pytest.approx(3.0)
    assert matrix.spectral_radius() == pytest.approx(math.sqrt(1.5))
    assert math.isnan(matrix._replace(weight=torch.zeros(2, 3)).spectral_radius())


def test_a_matrix_that_is_computed_is_found_as_the_step_uses_it():
    cell = from_module(nn.utils.parametrizations.orthogonal(nn.RNNCell(2, H), "weight_hh"))
    (matrix,) = recurrent_matrices(cell)
    assert matrix.largest_singular_value() == pytest.approx(1.0, abs=1e-5)
