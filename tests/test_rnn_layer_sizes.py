"""Layers of different sizes."""

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence

from seqmodels import RNN, get_cell
from seqmodels.errors import InputError, OptionError

T, B, SIZES = 6, 4, [5, 7]
LENGTHS = torch.tensor([3, 0, 6, 1])


def make(cell_name, **options):
    return RNN(cell_name, 3, SIZES, **options).double()


def draw(*shape):
    return torch.randn(*shape, dtype=torch.float64)


def assert_close(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def alone(rnn, layer):
    """A layer, both its directions, as an RNN of its own."""
    directions = 2 if rnn.bidirectional else 1
    cells = rnn.layers[layer * directions : (layer + 1) * directions]
    one = RNN(type(cells[0].cell), cells[0].cell.input_size, SIZES[layer], bidirectional=rnn.bidirectional).double()
    one.layers.load_state_dict(cells.state_dict())
    return one


@pytest.mark.parametrize("bidirectional", [False, True])
def test_each_layer_runs_as_if_alone_and_has_its_own_state(cell_name, bidirectional):
    rnn, x = make(cell_name, bidirectional=bidirectional), draw(T, B, 3)
    output, final, states = rnn(x, lengths=LENGTHS, return_states=True)
    assert (rnn.num_layers, rnn.hidden_size) == (2, (5, 7))
    assert output.shape == (T, B, rnn.output_size)
    below = x
    for layer in range(2):
        below, own, history = alone(rnn, layer)(below, lengths=LENGTHS, return_states=True)
        assert_close(final[layer], own)
        assert_close(states[layer], history)
    assert_close(output, below)


@pytest.mark.parametrize("cell_name", ["gru", "lstm"])
def test_a_carried_state_goes_on(cell_name):
    rnn, x = make(cell_name), draw(T, B, 3)
    output, final = rnn(x)
    first, carried = rnn(x[:2])
    second, carried = rnn(x[2:], carried)
    assert_close(torch.cat([first, second]), output)
    assert_close(carried, final)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("cell_name", ["gru", "lstm"])
def test_one_sequence_and_packed_ones(cell_name, batch_first):
    rnn, x = make(cell_name, batch_first=batch_first), draw(T, 3)
    dim = 0 if batch_first else 1
    output, final, states = rnn(x[None] if batch_first else x[:, None], return_states=True)
    single, single_final, single_states = rnn(x, return_states=True)
    assert_close(single, output.squeeze(dim))
    for layer in range(2):
        for found, expected, at in ((single_final, final, 1), (single_states, states, dim + 1)):
            pairs = zip(rnn.cell.pack_state(found[layer]), rnn.cell.pack_state(expected[layer]), strict=True)
            assert all(torch.equal(one, other.squeeze(at)) for one, other in pairs)
    assert_close(rnn(x[3:], rnn(x[:3])[1])[0], single[3:])
    packed = pack_padded_sequence(draw(*((2, T) if batch_first else (T, 2)), 3), [T, 2], batch_first)
    assert rnn(packed)[0].data.shape == (T + 2, 7)


def test_options_of_layers_and_states_act_as_ever():
    rnn = make("lstm", dropout=0.1, input_dropout=[0.1, 0.2], zoneout=(0.1, 0.2), layer_norm=True)
    make("lstm", learn_initial_state=True, weight_dropout=0.1)(draw(T, B, 3))[0].sum().backward()
    rnn(draw(T, B, 3), reset=torch.rand(T, B) < 0.3)[0].sum().backward()
    assert all(parameter.grad is not None for parameter in rnn.parameters())
    assert "3, (5, 7), num_layers=2, dropout=0.1" in repr(rnn)


def test_a_list_of_one_size_is_the_size():
    rnn, x = RNN("gru", 3, [5]), torch.randn(T, B, 3)
    assert rnn.hidden_size == 5
    assert rnn(x)[1].shape == (1, B, 5)


@pytest.mark.usefixtures("_types_unchecked")
@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"hidden_size": []}, "a list of one a layer, not []"),
        ({"hidden_size": "57"}, "a list of one a layer, not '57'"),
        ({"hidden_size": 2.5}, "a list of one a layer, not 2.5"),
        ({"hidden_size": [5, 7], "num_layers": 3}, "hidden_size has 2 sizes, but num_layers is 3"),
        ({"cell": get_cell("gru")(3, 5), "hidden_size": [5, 7]}, "give the class GRU instead of an instance"),
        ({"hidden_size": [5, 7], "input_dropout": [0.1]}, "input_dropout needs one number, or 2"),
    ],
)
def test_wrong_sizes(options, part, one_line):
    with one_line(OptionError, part):
        RNN(**{"cell": "gru", "input_size": 3, **options})


@pytest.mark.usefixtures("_types_unchecked")
@pytest.mark.parametrize(
    ("state", "part"),
    [
        (torch.zeros(2, B, 5), "layers of a size each have a state each: give a tuple of 2, each h, not Tensor"),
        ((torch.zeros(1, B, 5),), "give a tuple of 2, each h, not 1"),
        ((torch.zeros(1, B, 5), torch.zeros(1, B, 5)), "state h of layer 1 must be [1, 4, 7], not [1, 4, 5]"),
        ((torch.zeros(1, B, 5).double(), torch.zeros(1, B, 7)), "state h of layer 0 is torch.float64"),
    ],
)
def test_wrong_states(state, part, one_line):
    with one_line(InputError, part):
        RNN("gru", 3, SIZES)(torch.zeros(T, B, 3), state)


def test_the_form_of_equal_layers_is_no_form_of_unequal_ones(one_line):
    rnn = RNN("lstm", 3, SIZES)
    with one_line(InputError, "give a tuple of 2, each (h, c); that of layer 0 is Tensor"):
        rnn(torch.zeros(T, B, 3), (torch.zeros(2, B, 5), torch.zeros(2, B, 5)))


def test_torchs_modules_have_one_size(one_line):
    with one_line(OptionError, "torch's modules have one hidden_size"):
        RNN("gru", 3, SIZES, reset="after").to_torch()
