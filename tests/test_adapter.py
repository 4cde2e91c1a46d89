"""from_module makes cells of other modules."""

import copy
import pickle

import pytest
import torch
from torch import nn

from seqmodels import RNN, from_module
from seqmodels.errors import CellError, OptionError


@pytest.mark.parametrize(
    ("module", "names", "sequence"),
    [
        (nn.RNNCell, ("h",), nn.RNN),
        (nn.GRUCell, ("h",), nn.GRU),
        (nn.LSTMCell, ("h", "c"), nn.LSTM),
    ],
)
@pytest.mark.parametrize("as_class", [True, False])
def test_a_module_runs_over_sequences_as_torchs_own_does(module, names, sequence, as_class):
    theirs = sequence(3, 5)
    rnn = RNN(from_module(module, names), 3, 5) if as_class else RNN(from_module(module(3, 5), names))
    rnn.cell.module.load_state_dict({key.removesuffix("_l0"): value for key, value in theirs.state_dict().items()})
    x = torch.randn(4, 2, 3)
    output, final = rnn(x)
    expected, expected_final = theirs(x)
    torch.testing.assert_close(output, expected)
    torch.testing.assert_close(final, expected_final)


def test_the_module_is_copied():
    module = nn.GRUCell(3, 5)
    cell = from_module(module)
    nn.init.zeros_(module.weight_hh)
    assert cell.module.weight_hh.abs().max() > 0


def test_a_class_takes_its_own_options_and_any_sizes():
    rnn = RNN(from_module(nn.RNNCell), 3, 5, num_layers=2, nonlinearity="relu", bias=False)
    assert [layer.cell.module.nonlinearity for layer in rnn.layers] == ["relu", "relu"]
    assert [layer.cell.module.input_size for layer in rnn.layers] == [3, 5]
    assert rnn.cell.module.bias is False


def test_an_unknown_option_of_a_class_is_named(one_line):
    with one_line(OptionError, "has an option 'biass'; did you mean 'bias'?"):
        RNN(from_module(nn.RNNCell), 3, 5, biass=False)


@pytest.mark.parametrize("options", [{"layer_norm": True}, {"recurrent_dropout": 0.3}, {"weight_dropout": 0.3}])
def test_regularisation_reaches_the_products_that_torchs_cells_hide(options):
    rnn = RNN(from_module(nn.LSTMCell, ("h", "c")), 3, 5, **options)
    x = torch.randn(4, 2, 3)
    output, _ = rnn(x)
    plain = RNN(from_module(rnn.cell.module, ("h", "c")))
    assert not torch.allclose(output, plain(x)[0])
    output.sum().backward()
    assert all(p.grad.isfinite().all() for p in rnn.parameters())


@pytest.mark.parametrize("cell", [from_module(nn.GRUCell), from_module(nn.GRUCell(3, 5))])
@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda rnn: pickle.loads(pickle.dumps(rnn))])
def test_it_can_be_copied_and_pickled(cell, duplicate):
    rnn, x = RNN(cell, 3, 5), torch.randn(4, 2, 3)
    other = duplicate(rnn)
    assert type(other.cell) is type(rnn.cell)
    assert torch.equal(rnn(x)[0], other(x)[0])


def test_two_layers_of_an_instance_need_its_class(one_line):
    with one_line(OptionError, "input_size 5 is needed", "class"):
        RNN(from_module(nn.GRUCell(3, 5)), num_layers=2)


def test_a_module_without_sizes_is_refused(one_line):
    with one_line(CellError, "Linear has no integer attribute 'input_size'; set it first"):
        from_module(nn.Linear(3, 5))
