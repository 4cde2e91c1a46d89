"""RNN under what PyTorch does to modules: autocast, double backward, vmap, forward-mode AD, copying, saving."""

import copy
import io
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.func import functional_call, grad, jvp, stack_module_state, vmap

from seqmodels import RNN

T, B, H = 5, 3, 6
TWINS = [("elman", {}), ("lstm", {}), ("gru", {"reset": "after"})]
twins = pytest.mark.parametrize(("name", "options"), TWINS)


@twins
@pytest.mark.parametrize("lengths", [None, [5, 0, 2]])
def test_double_backward_through_the_vendors_kernel(name, options, lengths):
    rnn = RNN(name, 4, H, num_layers=2, backend="vendor", **options)
    penalties = []
    for backend in ("vendor", "reference"):
        rnn.backend = backend
        x = torch.linspace(-1, 1, T * B * 4).view(T, B, 4).requires_grad_()
        (slope,) = torch.autograd.grad(rnn(x, lengths=lengths)[0].square().sum(), x, create_graph=True)
        penalties.append(torch.autograd.grad(slope.square().sum(), [x, *rnn.parameters()]))
    for found, expected in zip(*penalties, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
        assert found.abs().max() > 0


def first_gradients(rnn, x, create_graph):
    rnn.zero_grad()
    start = tuple(torch.tanh(x.mean(0) @ torch.ones(4, size).to(x))[None] for size in rnn.cell.state_sizes)
    output = rnn(x, rnn.cell.unpack_state(start))[0]
    return torch.autograd.grad(output.square().sum(), [x, *rnn.parameters()], create_graph=create_graph)


@pytest.mark.parametrize(
    ("name", "backend"), [("lstm", "vendor"), *((c, "native") for c in ("mut1", "minimal_rnn", "rmc"))]
)
def test_first_gradients_are_the_same_where_second_ones_may_follow(name, backend):
    """Also of inputs of the loop that are computed from each other."""
    rnn, x = RNN(name, 4, H, backend=backend).double(), torch.randn(T, B, 4, dtype=torch.float64, requires_grad=True)
    for found, expected in zip(*(first_gradients(rnn, x, each) for each in (True, False)), strict=True):
        torch.testing.assert_close(found, expected)


def test_vmap_over_inputs(cell_name):
    rnn, x = RNN(cell_name, 4, H, num_layers=2, bidirectional=True), torch.randn(7, T, B, 4)
    found = vmap(lambda one: rnn(one, lengths=[5, 0, 2])[0])(x)
    torch.testing.assert_close(found, torch.stack([rnn(one, lengths=[5, 0, 2])[0] for one in x]))


def test_vmap_over_parameters(cell_name):
    ensemble, x = [RNN(cell_name, 4, H) for _ in range(3)], torch.randn(T, B, 4)
    parameters, buffers = stack_module_state(ensemble)
    base = copy.deepcopy(ensemble[0]).to("meta")
    found = vmap(lambda p, b: functional_call(base, (p, b), (x,))[0])(parameters, buffers)
    torch.testing.assert_close(found, torch.stack([rnn(x)[0] for rnn in ensemble]))


def test_gradients_of_each_example(cell_name):
    rnn, x = RNN(cell_name, 4, H), torch.randn(T, B, 4)
    parameters = dict(rnn.named_parameters())

    def loss(parameters: dict[str, Tensor], one: Tensor) -> Tensor:
        return functional_call(rnn, parameters, (one,))[0].square().sum()

    found = vmap(grad(loss), in_dims=(None, 1))(parameters, x)
    for row in range(B):
        expected = torch.autograd.grad(rnn(x[:, row])[0].square().sum(), list(parameters.values()))
        for each, gradient in zip(found.values(), expected, strict=True):
            torch.testing.assert_close(each[row], gradient, rtol=1e-4, atol=1e-5)


def test_forward_mode_derivatives_are_those_of_the_backward_pass(cell_name):
    rnn = RNN(cell_name, 4, H).double()
    x, v = torch.randn(2, T, B, 4, dtype=torch.float64)
    with torch.no_grad():
        _, tangent = jvp(lambda x: rnn(x)[0], (x,), (v,))
        with forward_ad.dual_level():
            also = forward_ad.unpack_dual(rnn(forward_ad.make_dual(x, v))[0]).tangent
    u = torch.randn_like(tangent)
    x.requires_grad_()
    (backward,) = torch.autograd.grad(rnn(x)[0], x, u)
    torch.testing.assert_close((tangent * u).sum(), (backward * v).sum())
    torch.testing.assert_close(also, tangent)


def test_forward_mode_derivatives_of_parameters(cell_name):
    rnn, x = RNN(cell_name, 4, H).double(), torch.randn(T, B, 4, dtype=torch.float64)
    parameters = {name: p.detach() for name, p in rnn.named_parameters()}
    tangents = {name: torch.randn_like(p) for name, p in parameters.items()}
    _, tangent = jvp(lambda p: functional_call(rnn, p, (x,))[0], (parameters,), (tangents,))
    gradients = torch.autograd.grad(rnn(x)[0].sum(), list(rnn.parameters()))
    expected = sum((g * v).sum() for g, v in zip(gradients, tangents.values(), strict=True))
    torch.testing.assert_close(tangent.sum(), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_stays_near_float32_and_trains(cell_name, dtype):
    rnn, x = RNN(cell_name, 4, H, num_layers=2, bidirectional=True), torch.randn(T, B, 4)
    expected = rnn(x)[0]
    with torch.autocast("cpu", dtype):
        output, state = rnn(x, lengths=[5, 2, 0])
        again, _ = rnn(x, state)  # a carried state has the type it came with
    torch.testing.assert_close(output[:, 0].float(), expected[:, 0], rtol=0, atol=0.03)
    (output.float().sum() + again.float().sum()).backward()
    assert all(p.grad.dtype == torch.float32 and p.grad.isfinite().all() for p in rnn.parameters())


@pytest.mark.parametrize("cell", ["elman", "lstm", "mut1"])
def test_under_autocast_a_single_step_gives_the_types_that_a_sequence_gives(cell):
    rnn, x = RNN(cell, 4, H), torch.randn(2, B, 4)
    with torch.autocast("cpu", torch.bfloat16):
        for steps in (x, x[:1]):
            output, state, states = rnn(steps, return_states=True)
            tensors = (output, *rnn.cell.pack_state(state), *rnn.cell.pack_state(states))
            assert {tensor.dtype for tensor in tensors} == {torch.float32}


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_other_types_run_as_they_are(cell_name, dtype):
    rnn, x = RNN(cell_name, 4, H).to(dtype), torch.randn(T, B, 4, dtype=dtype)
    output, state = rnn(x)
    assert output.dtype == dtype
    assert all(s.dtype == dtype for s in rnn.cell.pack_state(state))
    output.sum().backward()
    assert all(p.grad.isfinite().all() for p in rnn.parameters())


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda rnn: pickle.loads(pickle.dumps(rnn))])
def test_copies_compute_the_same_and_share_nothing(cell_name, duplicate):
    options = {"num_layers": 2, "layer_norm": True, "learn_initial_state": True, "recurrent_dropout": 0.2}
    rnn, x = RNN(cell_name, 4, H, **options), torch.randn(T, B, 4)
    other = duplicate(rnn)
    for mode in (True, False):
        outputs = []
        for each in (rnn, other):
            torch.manual_seed(3)
            outputs.append(each.train(mode)(x)[0])
        assert torch.equal(*outputs)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    assert not torch.equal(rnn(x)[0], other(x)[0])


def test_a_state_dict_restores(cell_name):
    options = {"num_layers": 2, "bidirectional": True, "layer_norm": True, "learn_initial_state": True}
    rnn, other, x = RNN(cell_name, 4, H, **options), RNN(cell_name, 4, H, **options), torch.randn(T, B, 4)
    with torch.no_grad():
        for parameter in rnn.parameters():
            parameter.add_(torch.randn_like(parameter) / 10)
    file = io.BytesIO()
    torch.save(rnn.state_dict(), file)
    file.seek(0)
    other.load_state_dict(torch.load(file, weights_only=True))
    assert torch.equal(rnn(x)[0], other(x)[0])


def test_an_old_graph_refuses_parameters_changed_since():
    rnn = RNN("lstm", 4, H, backend="vendor")
    output, _ = rnn(torch.randn(T, B, 4))
    with torch.no_grad():
        rnn.cell.W_h.weight.add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        output.sum().backward()


@twins
def test_a_graph_can_be_walked_twice(name, options):
    rnn = RNN(name, 4, H, backend="vendor", **options)
    output, _ = rnn(torch.randn(T, B, 4))
    parameters = list(rnn.parameters())
    first = torch.autograd.grad(output.sum(), parameters, retain_graph=True)
    second = torch.autograd.grad(output.sum(), parameters)
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@twins
def test_frozen_parameters_get_no_gradient(name, options):
    rnn = RNN(name, 4, H, backend="vendor", **options)
    frozen = rnn.cell.W_hh.weight if name == "elman" else rnn.cell.W_h.weight
    frozen.requires_grad_(False)
    output, _ = rnn(torch.randn(T, B, 4))
    output.sum().backward()
    assert frozen.grad is None
    assert all(p.grad is not None for p in rnn.parameters() if p is not frozen)


def test_it_stands_in_for_torchs_module():
    class Tagger(nn.Module):
        def __init__(self, kind):
            super().__init__()
            self.rnn = kind(4, H, num_layers=2, batch_first=True, dropout=0.1, bidirectional=True)
            self.out = nn.Linear(2 * H, 3)

        def forward(self, x, hx=None):
            output, (h, c) = self.rnn(x, hx)
            return self.out(output), h, c

    x = torch.randn(B, T, 4)
    theirs, ours = (Tagger(kind)(x) for kind in (nn.LSTM, lambda *sizes, **options: RNN("lstm", *sizes, **options)))
    assert [tensor.shape for tensor in ours] == [tensor.shape for tensor in theirs]
