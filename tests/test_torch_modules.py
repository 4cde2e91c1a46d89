"""RNN with imported weights equals torch.nn.LSTM, GRU and RNN in values and every gradient; and back again."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqmodels import RNN
from seqmodels.errors import CellError, OptionError

T, B, N, H = 5, 3, 4, 6  # N input features
MODULES = {
    "lstm": nn.LSTM,
    "gru": nn.GRU,
    "tanh": nn.RNN,
    "relu": lambda *sizes, **options: nn.RNN(*sizes, nonlinearity="relu", **options),
}
modules = pytest.mark.parametrize("kind", MODULES)


def gradients(values: list[Tensor], leaves: list[Tensor]) -> list[Tensor]:
    """Of a sum with weights that all differ."""
    total = sum((v * torch.arange(1.0, 1 + v.numel(), dtype=v.dtype).cos().view_as(v)).sum() for v in values)
    return list(torch.autograd.grad(total, leaves))


def run_torch(module: nn.RNNBase, x: Tensor, state: tuple[Tensor, ...], lengths: list[int] | None) -> list[Tensor]:
    hx = state if len(state) > 1 else state[0]
    if lengths is None:
        output, final = module(x, hx)
    else:
        packed, final = module(pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=False), hx)
        output, _ = pad_packed_sequence(packed, total_length=T)
    return [output, *(final if isinstance(final, tuple) else (final,))]


@modules
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("lengths", [None, [5, 1, 3]])
@pytest.mark.parametrize("backend", ["reference", "vendor"])
def test_values_and_all_gradients_are_torchs(kind, bidirectional, num_layers, lengths, backend):
    module = MODULES[kind](N, H, num_layers=num_layers, bidirectional=bidirectional).double()
    rnn = RNN.from_torch(module, backend=backend)
    layers = num_layers * (2 if bidirectional else 1)
    x = torch.randn(T, B, N, dtype=torch.float64, requires_grad=True)
    state = tuple(torch.randn(layers, B, H, dtype=torch.float64, requires_grad=True) for _ in rnn.cell.state_names)

    expected = run_torch(module, x, state, lengths)
    output, final = rnn(x, rnn.cell.unpack_state(state), None if lengths is None else torch.tensor(lengths))
    found = [output, *rnn.cell.pack_state(final)]
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)

    theirs = gradients(expected, [x, *state, *module.parameters()])
    ours = gradients(found, [x, *state, *rnn.parameters()])
    inputs = 1 + len(state)
    wanted = theirs[:inputs] + gradients_of_cells(rnn, theirs[inputs:])
    for a, b in zip(ours, wanted, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-11)


def gradients_of_cells(rnn: RNN, of_module: list[Tensor]) -> list[Tensor]:
    """What gradients of the module's weights, four a layer and direction, say of the parameters of our cells."""
    found: list[Tensor] = []
    for index, layer in enumerate(rnn.layers):
        pairs = zip(layer.cell.torch_weights(), of_module[4 * index : 4 * index + 4], strict=True)
        weights, grads = zip(*((w, g) for w, g in pairs if w.requires_grad), strict=True)
        found += torch.autograd.grad(weights, list(layer.cell.parameters()), grads)
    return found


@modules
@pytest.mark.parametrize("batch_first", [False, True])
def test_the_module_comes_back(kind, batch_first):
    module = MODULES[kind](N, H, num_layers=2, bidirectional=True, batch_first=batch_first, dropout=0.1).eval()
    back = RNN.from_torch(module).to_torch()
    assert type(back) is type(module)
    for name in ("mode", "num_layers", "bidirectional", "batch_first", "dropout", "training"):
        assert getattr(back, name) == getattr(module, name)
    x = torch.randn(2, 3, N)
    torch.testing.assert_close(back(x), module(x))
    assert dict(back.named_parameters()).keys() == dict(module.named_parameters()).keys()


@modules
def test_a_module_without_biases_is_imported(kind):
    module, x = MODULES[kind](N, H, bias=False), torch.randn(T, B, N)
    rnn = RNN.from_torch(module)
    assert [name for name, _ in rnn.named_parameters() if name.endswith("bias")] == []
    torch.testing.assert_close(rnn(x), module(x))
    back = rnn.to_torch()
    torch.testing.assert_close(back(x), module(x))
    back.load_state_dict(module.state_dict())


def test_our_own_weights_are_exported(cell_name):
    options = {"reset": "after"} if cell_name == "gru" else {}
    rnn, x = RNN(cell_name, N, H, num_layers=2, bidirectional=True, **options), torch.randn(T, B, N)
    if rnn.cell.torch_twin is None:
        with pytest.raises(CellError, match="no twin"):
            rnn.to_torch()
    else:
        torch.testing.assert_close(rnn.to_torch()(x), rnn(x))


def test_type_and_mode_are_kept():
    rnn = RNN.from_torch(nn.LSTM(N, H).double().eval())
    assert next(rnn.parameters()).dtype == torch.float64
    assert not rnn.training
    assert next(rnn.to_torch().parameters()).dtype == torch.float64
    assert RNN.from_torch(nn.LSTM(N, H)).training


def test_options_of_rnn_are_added():
    rnn = RNN.from_torch(nn.LSTM(N, H, batch_first=True), batch_first=False, zoneout=0.1)
    assert rnn(torch.randn(T, B, N))[1][0].shape == (1, B, H)


def test_the_cells_own_weights_are_not_the_modules():
    module = nn.LSTM(N, H)
    rnn = RNN.from_torch(module)
    nn.init.zeros_(module.weight_hh_l0)
    assert rnn.cell.W_h.weight.abs().max() > 0


@pytest.mark.usefixtures("_types_unchecked")
def test_other_modules_are_refused(one_line):
    with one_line(CellError, "not Linear"):
        RNN.from_torch(nn.Linear(N, H))
    with one_line(CellError, "proj_size"):
        RNN.from_torch(nn.LSTM(N, H, proj_size=2))


@pytest.mark.parametrize("option", [{"zoneout": 0.1}, {"layer_norm": True}, {"learn_initial_state": True}])
def test_what_torch_has_not_is_not_dropped_silently(option, one_line):
    with one_line(OptionError, f"no {next(iter(option))}"):
        RNN("lstm", N, H, **option).to_torch()
