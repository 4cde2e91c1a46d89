"""A cell called as a module behaves as torch's cells do; sizes, states and starts of parameters."""

import math

import pytest
import torch
from torch import nn

from seqmodels import RNN, Cell, get_cell
from seqmodels.errors import CellError, InputError, OptionError


@pytest.mark.parametrize(("name", "module"), [("lstm", nn.LSTMCell), ("gru", nn.GRUCell), ("elman", nn.RNNCell)])
def test_cell_has_the_shapes_of_torchs_cells(name, module):
    ours, theirs, x = get_cell(name)(3, 5), module(3, 5), torch.randn(2, 3)
    for given in (x, x[0]):
        for state in (None, ours(given)):
            new, expected = ours(given, state), theirs(given, state)
            assert isinstance(new, tuple) == isinstance(expected, tuple)
            assert [t.shape for t in ours.pack_state(new)] == [t.shape for t in ours.pack_state(expected)]


def test_cell_starts_from_zeros(cell_name):
    cell, x = get_cell(cell_name)(3, 5), torch.randn(2, 3)
    zeros = tuple(torch.zeros(2, 5) for _ in cell.state_names)
    for new, expected in zip(cell.pack_state(cell(x)), cell.next_state(x, zeros), strict=True):
        assert torch.equal(new, expected)


def test_unbatched_step_is_a_row_of_the_batch(cell_name):
    cell, x = get_cell(cell_name)(3, 5), torch.randn(2, 3)
    alone, both = cell.pack_state(cell(x[0])), cell.pack_state(cell(x))
    for new, expected in zip(alone, both, strict=True):
        torch.testing.assert_close(new, expected[0])


def test_every_parameter_starts_within_the_bound(cell_name):
    cell = get_cell(cell_name)(3, 16)
    forget = getattr(cell, "forget_bias", 0.0)
    for name, parameter in cell.named_parameters():
        shift = forget if name == "W_x.bias" else 0.0
        assert parameter.min() >= -0.25
        assert parameter.max() <= 0.25 + shift
        bound = 0.25**2 / 4 if name == "V.weight" else 0.25  # of rntn's tensor, which multiplies twice
        assert parameter.std() > bound / math.sqrt(3) / 2
    cell.reset_parameters(0.01)
    assert all(p.abs().max() <= 0.01 + forget for p in cell.parameters())


def test_reset_parameters_draws_anew(cell_name):
    rnn = RNN(cell_name, 3, 5, num_layers=2)
    before = [p.clone() for p in rnn.parameters()]
    rnn.reset_parameters()
    assert not any(torch.equal(p, q) for p, q in zip(rnn.parameters(), before, strict=True))


def test_every_built_in_cites_its_paper(cell_name):
    assert any(character.isdigit() for character in get_cell(cell_name).citation)


@pytest.mark.parametrize("size", [0, -1, True])
def test_sizes_are_positive_integers(cell_name, size, one_line):
    with one_line(CellError, "hidden_size must be a positive integer"):
        get_cell(cell_name)(3, size)


@pytest.mark.usefixtures("_types_unchecked")
@pytest.mark.parametrize("size", [2.0, "3", None])
def test_sizes_are_no_other_types(size, one_line):
    with one_line(CellError, f"input_size must be a positive integer, not {size!r}"):
        get_cell("gru")(size, 5)


def test_wrong_shapes_are_named(one_line):
    cell, x = get_cell("lstm")(3, 5), torch.randn(2, 3)
    with one_line(InputError, "input must be [B, 3] or [3], not [2, 4]"):
        cell(torch.randn(2, 4))
    with one_line(InputError, "input must be", "not [7, 2, 3]"):
        cell(torch.randn(7, 2, 3))
    with one_line(InputError, "state c must be [2, 5], not [2, 6]"):
        cell(x, (torch.zeros(2, 5), torch.zeros(2, 6)))
    with one_line(InputError, "state h must be [2, 5], not [1, 5]"):
        cell(x, (torch.zeros(1, 5), torch.zeros(2, 5)))
    with one_line(InputError, "has the states (h, c), but 1 were given"):
        cell(x, torch.zeros(2, 5))


def test_twin_weights_are_refused_without_a_twin(one_line):
    cell = get_cell("mut1")(3, 5)
    assert cell.torch_twin is None
    with one_line(CellError, "MUT1 has no twin"):
        cell.torch_weights()
    with one_line(CellError, "MUT1 has no twin"):
        cell.load_torch_weights(*(torch.zeros(1) for _ in range(4)))


def test_a_cell_without_a_step_says_what_to_define(one_line):
    with one_line(CellError, "Cell defines no step(x, h)"):
        Cell(3, 5)(torch.zeros(1, 3))


@pytest.mark.parametrize("made", [nn.Linear(2, 2), nn.Parameter(torch.zeros(2))])
@pytest.mark.parametrize("name", ["output", "forward", "float"])
def test_what_a_method_would_hide_is_refused(name, made, one_line):
    with one_line(CellError, f"Elman.{name}: every cell has a method of this name; choose another"):
        setattr(get_cell("elman")(2, 2), name, made)


@pytest.mark.usefixtures("_types_unchecked")
@pytest.mark.parametrize(
    ("name", "options", "parts"),
    [
        ("elman", {"nonlinearity": "sigmoid"}, ("elman: nonlinearity", "tanh, relu", "'sigmoid'")),
        ("gru", {"reset": "never"}, ("gru: reset", "'before' or 'after'", "'never'")),
        ("peephole", {"peepholes": "half"}, ("peephole: peepholes", "'full' or 'diagonal'", "'half'")),
    ],
)
def test_unknown_values_of_options_list_the_known(name, options, parts, one_line):
    with one_line(OptionError, *parts):
        RNN(name, 3, 5, **options)
