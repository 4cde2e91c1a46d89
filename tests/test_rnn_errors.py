"""Everything a user can get wrong with RNN is one line that says what, where, and the fix."""

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence

from seqmodels import RNN, Cell, get_cell
from seqmodels.errors import CellError, InputError, OptionError, UnknownCell

T, B, H = 5, 3, 6
X = torch.zeros(T, B, 4)


@pytest.mark.parametrize(
    ("x", "parts"),
    [
        (torch.zeros(T, B, 3), ("input must be [T, B, 4] or [T, 4], not [5, 3, 3]",)),
        (torch.zeros(T, B, 4, 1), ("input must be [T, B, 4]", "[5, 3, 4, 1]")),
        (torch.zeros(4), ("input must be [T, B, 4]", "[4]")),
        (torch.zeros(0, B, 4), ("no time step (T = 0)", "at least one", "lengths=0")),
        (torch.zeros(T, B, 4, dtype=torch.int64), ("floating point, not torch.int64", "embed or one-hot encode")),
        (torch.zeros(T, B, 4, dtype=torch.float64), ("input is torch.float64, weights are torch.float32", "convert")),
    ],
)
def test_wrong_input(cell_name, x, parts, one_line):
    with one_line(InputError, *parts):
        RNN(cell_name, 4, H)(x)


@pytest.mark.usefixtures("_types_unchecked")
def test_input_is_a_tensor(one_line):
    with one_line(InputError, "input must be a tensor or a PackedSequence, not list"):
        RNN("lstm", 4, H)(X.tolist())


def test_wrong_input_is_shown_as_given_with_batch_first(one_line):
    rnn = RNN("lstm", 4, H, batch_first=True)
    with one_line(InputError, "input must be [B, T, 4] or [T, 4], not [3, 5, 7]"):
        rnn(torch.zeros(3, 5, 7))
    with one_line(InputError, "no time step"):
        rnn(torch.zeros(3, 0, 4))


@pytest.mark.parametrize(
    ("lengths", "parts"),
    [
        ([5, 6, 1], ("lengths[1] is 6; it must be 0 to T = 5",)),
        ([5, 1, -1], ("lengths[2] is -1; it must be 0 to T = 5",)),
        ([5, 1], ("lengths must be 3 integers, one a row", "[2]")),
        ([], ("lengths must be 3 integers", "[0]")),
        (torch.tensor([5.0, 1.0, 1.0]), ("3 integers", "torch.float32")),
        (torch.tensor([True, True, False]), ("3 integers", "torch.bool")),
        (torch.tensor([[5, 1, 1]]), ("3 integers", "[1, 3]")),
        (torch.tensor([5, 1, 1j]), ("3 integers", "torch.complex64")),
        ("abc", ("3 integers, one a row, not 'abc'",)),
        ([[5, 1], [1]], ("3 integers, one a row, not [[5, 1], [1]]",)),
        ([5, None, 1], ("3 integers, one a row, not [5, None, 1]",)),
        ([5, 10**30, 1], ("3 integers, one a row, not [5, 1000",)),
        (5, ("3 integers, one a row, not 5",)),
    ],
)
@pytest.mark.usefixtures("_types_unchecked")
def test_wrong_lengths(lengths, parts, one_line):
    with one_line(InputError, *parts):
        RNN("lstm", 4, H)(X, lengths=lengths)


@pytest.mark.usefixtures("_types_unchecked")
def test_one_sequence_has_a_list_of_one_length(one_line):
    with one_line(InputError, "lengths must be 1 integers, one a row, not 5"):
        RNN("lstm", 4, H)(X[:, 0], lengths=5)


@pytest.mark.usefixtures("_types_unchecked")
@pytest.mark.parametrize(
    ("reset", "batch_first", "parts"),
    [
        (torch.zeros(T, B), False, ("reset must be bool of shape [5, 3], not torch.float32",)),
        (torch.zeros(B, T, dtype=torch.bool), False, ("bool of shape [5, 3]", "[3, 5]")),
        (torch.zeros(B, T, dtype=torch.bool), True, ("bool of shape [5, 3]", "[3, 5]")),
        (torch.zeros(T, dtype=torch.bool), False, ("bool of shape [5, 3]", "[5]")),
        (torch.zeros(T, dtype=torch.bool), True, ("bool of shape [5, 3]", "[5]")),
        (torch.zeros(T, B, 1, dtype=torch.bool), True, ("bool of shape [5, 3]", "[5, 3, 1]")),
        ([[False] * B] * T, False, ("bool of shape [5, 3], not list; make it a tensor",)),
        ([[False] * B] * T, True, ("bool of shape [5, 3], not list; make it a tensor",)),
    ],
)
def test_wrong_reset(reset, batch_first, parts, one_line):
    with one_line(InputError, *parts):
        RNN("lstm", 4, H, batch_first=batch_first)(X, reset=reset)


@pytest.mark.usefixtures("_types_unchecked")
@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("reset", [[False] * T, torch.zeros(T, 1, dtype=torch.bool), torch.zeros(B, dtype=torch.bool)])
def test_wrong_reset_of_one_sequence(reset, batch_first, one_line):
    with one_line(InputError, "reset must be bool of shape [5], not "):
        RNN("lstm", 4, H, batch_first=batch_first)(X[:, 0], reset=reset)


@pytest.mark.parametrize(
    ("name", "state", "parts"),
    [
        ("lstm", (torch.zeros(1, B, H), torch.zeros(1, B, H + 1)), ("state c must be [1, 3, 6], not [1, 3, 7]",)),
        ("lstm", (torch.zeros(1, B, H),), ("LSTM has the states (h, c), but 1 were given",)),
        ("lstm", torch.zeros(1, B, H), ("LSTM has the states (h, c), but 1 were given",)),
        ("gru", (torch.zeros(1, B, H), torch.zeros(1, B, H)), ("GRU has the states (h), but 2 were given",)),
        ("gru", torch.zeros(2, B, H), ("state h must be [1, 3, 6], not [2, 3, 6]",)),
        ("gru", torch.zeros(B, H), ("state h must be [1, 3, 6], not [3, 6]",)),
        ("gru", torch.zeros(1, 2, H), ("state h must be [1, 3, 6], not [1, 2, 6]",)),
        ("gru", torch.zeros(1, B, H).half(), ("state h is torch.float16, input is torch.float32; convert",)),
        ("lstm", (torch.zeros(1, B, H).half(),) * 2, ("state h is torch.float16, input is torch.float32; convert",)),
    ],
)
def test_wrong_state(name, state, parts, one_line):
    with one_line(InputError, *parts):
        RNN(name, 4, H)(X, state)


@pytest.mark.parametrize("arguments", [{"lengths": [5, 3, 1]}, {"reset": torch.zeros(T, B, dtype=torch.bool)}])
def test_a_packed_sequence_has_its_own_lengths(arguments, one_line):
    packed = pack_padded_sequence(X, torch.tensor([5, 3, 1]))
    with one_line(InputError, "PackedSequence has its own lengths", "padded tensor"):
        RNN("lstm", 4, H)(packed, **arguments)


def test_a_packed_sequence_of_the_wrong_width(one_line):
    with one_line(InputError, "input must be [T, B, 5]"):
        RNN("lstm", 5, H)(pack_padded_sequence(X, torch.tensor([5, 3, 1])))


RATES = ["dropout", "input_dropout", "recurrent_dropout", "zoneout", "weight_dropout"]


@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("value", [1.0, 1.5, -0.1, float("nan")])
def test_probabilities_are_from_0_to_below_1(name, value, one_line):
    with one_line(OptionError, f"{name} must be a probability from 0 to below 1, not {value!r}"):
        RNN("lstm", 4, H, **{name: value})


@pytest.mark.usefixtures("_types_unchecked")
@pytest.mark.parametrize("name", RATES)
@pytest.mark.parametrize("value", [True, None, 1j, "xy"])
def test_probabilities_are_numbers(name, value, one_line):
    with one_line(OptionError, f"{name} must be a probability", repr(value)):
        RNN("lstm", 4, H, **{name: value})


def test_one_number_each(one_line):
    with one_line(OptionError, "zoneout needs one number, or 2: one a state; 3 were given"):
        RNN("lstm", 4, H, zoneout=(0.1, 0.1, 0.1))
    with one_line(OptionError, "input_dropout needs one number, or 3: one a layer; 2 were given"):
        RNN("lstm", 4, H, num_layers=3, input_dropout=[0.1, 0.1])


@pytest.mark.usefixtures("_types_unchecked")
@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"num_layers": 0}, ("num_layers must be a positive integer, not 0",)),
        ({"num_layers": 1.5}, ("num_layers must be a positive integer, not 1.5",)),
        ({"num_layers": True}, ("num_layers must be a positive integer, not True",)),
        ({"layer_norm": "no"}, ("layer_norm must be True or False, not 'no'",)),
        ({"learn_initial_state": 3}, ("learn_initial_state must be True or False, not 3",)),
        ({"batch_first": 1}, ("batch_first must be True or False, not 1",)),
        ({"bidirectional": "yes"}, ("bidirectional must be True or False, not 'yes'",)),
        ({"backend": "cudnn"}, ("backend must be one of auto, reference, native, vendor", "'cudnn'")),
        ({"forget_bais": 2.0}, ("'forget_bais'", "did you mean 'forget_bias'?")),
        ({"zonout": 0.1}, ("'zonout'", "did you mean 'zoneout'?")),
        ({"xyzzy": 1}, ("'xyzzy'", "bias, forget_bias")),
    ],
)
def test_wrong_options(options, parts, one_line):
    with one_line(OptionError, *parts):
        RNN("lstm", 4, H, **options)


@pytest.mark.usefixtures("_types_unchecked")
@pytest.mark.parametrize("cell", [nn.LSTMCell, nn.LSTMCell(4, H), 3, None])
def test_the_cell_is_a_name_a_cell_class_or_a_cell(cell, one_line):
    with one_line(OptionError, "cell must be a name, a Cell class or a Cell"):
        RNN(cell, 4, H)


def test_an_unknown_cell_suggests_one(one_line):
    with one_line(UnknownCell, "did you mean 'peephole'?"):
        RNN("pephole", 4, H)


def test_sizes_are_needed_but_for_an_instance(one_line):
    with one_line(OptionError, "input_size and hidden_size are needed unless cell is an instance"):
        RNN("lstm", 4)
    cell = get_cell("lstm")(4, H)
    with one_line(OptionError, "hidden_size 7 is needed, but the given LSTM has 6", "class"):
        RNN(cell, 4, 7)
    with one_line(OptionError, "forget_bias", "constructor of the given cell"):
        RNN(cell, forget_bias=1.0)
    with one_line(OptionError, "input_size 6 is needed, but the given LSTM has 4", "class"):
        RNN(cell, num_layers=2)


class NoProduct(Cell):
    def step(self, x, h):
        return 0.9 * h + 0.1 * x


@pytest.mark.parametrize("option", [{"layer_norm": True}, {"recurrent_dropout": 0.1}, {"weight_dropout": 0.1}])
def test_regularised_products_must_exist(option, one_line):
    with one_line(CellError, "NoProduct: layer_norm, recurrent_dropout", "nn.Linear, F.linear or @"):
        RNN(NoProduct, 4, 4, **option)


@pytest.mark.parametrize(
    ("reply", "parts"),
    [
        (lambda h: (h, h), ("step returned 2 states; state_names has 1: h",)),
        (lambda h: h[:, :3], ("step returned h of shape [3, 3]; it must stay [3, 6]",)),
    ],
)
def test_a_step_that_breaks_the_contract_is_named(reply, parts, one_line):
    class Wrong(Cell):
        def step(self, x, h):
            return reply(h)

    with one_line(CellError, *parts):
        RNN(Wrong, 4, H)(X)


@pytest.mark.parametrize(
    ("arguments", "options", "reason"),
    [
        ({"reset": torch.zeros(T, B, dtype=torch.bool)}, {}, "resets"),
        ({"return_states": True}, {}, "all states"),
        ({}, {"zoneout": 0.1}, "zoneout"),
        ({}, {"recurrent_dropout": 0.1}, "recurrent or weight dropout"),
        ({}, {"layer_norm": True}, "layer norm"),
    ],
)
def test_the_vendors_kernel_says_why_it_cant(arguments, options, reason, one_line):
    with one_line(OptionError, "backend='vendor' can't run this", reason, "use backend='auto'"):
        RNN("lstm", 4, H, backend="vendor", **options)(X, **arguments)


def test_the_vendors_kernel_needs_a_twin(cell_name, one_line):
    if get_cell(cell_name)(4, H).torch_twin is None:
        with one_line(OptionError, "equals none of torch's modules", "use backend='auto'"):
            RNN(cell_name, 4, H, backend="vendor")(X)
    else:
        assert RNN(cell_name, 4, H, backend="vendor")(X)[0].shape == (T, B, H)
