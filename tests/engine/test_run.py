"""engine.run: one layer in one direction, by the backend asked for."""

import dataclasses
import warnings

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from seqmodels import RNN, Cell, engine, get_cell
from seqmodels.engine import LayerPass, generated, once, operators, reference, vendor
from seqmodels.engine.native import workspace
from seqmodels.engine.native.build import NoCompiler
from seqmodels.errors import OptionError

T, B = 5, 3


def layer_pass(name: str, **changes) -> LayerPass:
    options = {"reset": "after"} if name == "gru" else {}
    cell = get_cell(name)(4, 6, **options).double()
    x = torch.randn(T, B, 4, dtype=torch.float64)
    state = tuple(torch.randn(B, size, dtype=torch.float64) for size in cell.state_sizes)
    return LayerPass(cell, x, state, **changes)


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which backends ran."""
    found: list[str] = []
    for module in (generated, reference, vendor):
        name, run = module.__name__.rpartition(".")[2], module.run

        def recorded(*arguments, run=run, name=name):
            found.append(name)
            return run(*arguments)

        monkeypatch.setattr(module, "run", recorded)
    return found


def test_auto_takes_generated_code_for_every_cell(cell_name, calls):
    layer = layer_pass(cell_name)
    engine.run(layer)
    engine.run(layer, "reference")
    engine.run(layer_pass(cell_name, every_state=True))
    assert calls == ["generated", "reference", "generated"]


@pytest.mark.parametrize(("name", "expected"), [("lstm", "vendor"), ("mut1", "reference")])
def test_a_single_step_is_the_cells_own(name, expected, calls):
    layer = layer_pass(name)
    engine.run(dataclasses.replace(layer, input=layer.input[:1]))
    assert calls == [expected]


@pytest.mark.parametrize(("name", "expected"), [("lstm", "vendor"), ("mut1", "reference")])
def test_without_a_compiler_auto_takes_the_vendors_kernel_where_it_can(name, expected, calls, monkeypatch):
    monkeypatch.setenv("SEQMODELS_CC", "/no/such/compiler")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        engine.run(layer_pass(name))
    assert calls == [expected]


def test_derivatives_that_generated_code_has_not_take_the_loop(calls):
    layer = layer_pass("lstm")

    def output(x: Tensor) -> Tensor:
        return engine.run(LayerPass(layer.cell, x, layer.state)).output

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.func.jvp(output, (layer.input,), (layer.input,))
        torch.func.vmap(output)(layer.input[None])
    assert calls == ["reference", "reference"]


class Restless(Cell):
    """A step that generated code can't have."""

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return h.sort(-1).values + x.sum(-1, keepdim=True)


def test_why_the_plain_loop_runs_is_said_once():
    layer = LayerPass(Restless(4, 6), torch.randn(T, B, 4), (torch.zeros(B, 6),))
    once.warn_once.cache_clear()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        engine.run(layer)
        engine.run(layer)
    (said,) = (str(warning.message) for warning in caught)
    assert said.startswith("Restless runs as a plain loop, which is slower: ")
    assert "sort" in said


@pytest.mark.parametrize("name", ["elman", "lstm", "gru"])
@pytest.mark.parametrize("lengths", [None, [5, 0, 2], [0, 0, 0], [5, 5, 5]])
def test_backends_agree_in_everything_they_give(name, lengths):
    layer = layer_pass(name, lengths=None if lengths is None else torch.tensor(lengths))
    fast, plain = engine.run(layer, "vendor"), engine.run(layer, "reference")
    for found, expected in zip((fast.output, *fast.state), (plain.output, *plain.state), strict=True):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)
    assert fast.states is None
    assert plain.states is None


@pytest.mark.parametrize("backend", ["reference", "vendor"])
def test_nothing_past_a_rows_length_matters(backend):
    layer = layer_pass("lstm", lengths=torch.tensor([5, 0, 2]))
    expected = engine.run(layer, backend)
    layer.input[2:, 2] = torch.nan
    layer.input[:, 1] = torch.nan
    found = engine.run(layer, backend)
    assert torch.equal(found.output, expected.output)
    assert all(torch.equal(a, b) for a, b in zip(found.state, expected.state, strict=True))


def test_a_reset_past_a_rows_length_leaves_its_final_state():
    reset = torch.zeros(T, B, dtype=torch.bool)
    plain = layer_pass("gru", lengths=torch.tensor([5, 0, 2]))
    initial = tuple(torch.zeros_like(s) for s in plain.state)
    expected = engine.run(plain).state[0]
    reset[3:, 2] = reset[2, 1] = True
    found = engine.run(
        LayerPass(plain.cell, plain.input, plain.state, plain.lengths, reset=reset, initial=initial)
    ).state[0]
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_every_state_is_given_if_asked_for(cell_name):
    result = engine.run(layer_pass(cell_name, every_state=True))
    assert all(torch.equal(history[-1], final) for history, final in zip(result.states, result.state, strict=True))


def test_an_unknown_backend_is_named(one_line):
    with one_line(OptionError, "backend must be one of auto, reference, native, vendor, cuda, not 'fast'"):
        engine.run(layer_pass("lstm"), "fast")


def test_within_lengths():
    assert engine.within_lengths(torch.tensor([0, 2]), 3).tolist() == [[False, True], [False, True], [False, False]]


@pytest.mark.parametrize("name", ["lstm", "mut1"])
def test_hooks_of_a_cells_modules_are_called_at_every_step(name):
    layer = layer_pass(name)
    called = []
    hook = next(iter(layer.cell.children())).register_forward_hook(lambda *_: called.append(1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with_hook = engine.run(layer)
    assert len(called) == T
    hook.remove()
    again = LayerPass(layer.cell, layer.input, layer.state)
    torch.testing.assert_close(engine.run(again).output, with_hook.output)
    assert len(called) == T


def hooked_norm(norm, hook):
    return norm.register_forward_hook(hook)


def hooked_everywhere(norm, hook):
    return register_module_forward_hook(lambda module, *_: hook() if module is norm else None)


@pytest.mark.parametrize("register", [hooked_norm, hooked_everywhere])
@pytest.mark.filterwarnings("ignore:LSTM runs as a plain loop")
def test_hooks_around_a_cell_are_called_at_every_step(register):
    layer = RNN("lstm", 4, 6, layer_norm=True).layers[0]
    called: list[int] = []
    hook = register(layer.norms["1"], lambda *_: called.append(1))  # of the product with the state
    layer(torch.randn(T, B, 4), None, None, None, False, "auto")
    hook.remove()
    assert len(called) == T


def test_a_hook_that_is_gone_stands_in_no_ones_way():
    layer = layer_pass("elman")
    hook = next(iter(layer.cell.children())).register_full_backward_hook(lambda *_: None)
    assert "hooks" in generated.refusal(layer)
    hook.remove()
    assert generated.refusal(LayerPass(layer.cell, layer.input, layer.state)) is None


class TiedWeights(Cell):
    """Two modules with one matrix."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W, self.U, self.V = (nn.Linear(size, hidden_size) for size in (input_size, hidden_size, hidden_size))
        self.V.weight = self.U.weight

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.W(x) + self.U(torch.sigmoid(self.V(h))))


def test_tied_weights_have_one_gradient():
    rnn, x = RNN(TiedWeights, 4, 6).double(), torch.randn(T, B, 4, dtype=torch.float64)
    found = []
    for backend in ("native", "reference"):
        rnn.backend = backend
        found.append(torch.autograd.grad(rnn(x)[0].sum(), list(rnn.parameters())))
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("backend", ["auto", "native", "reference"])
@pytest.mark.parametrize("lengths", [None, []])
def test_an_empty_batch_is_no_special_case(backend, lengths):
    rnn = RNN("mut1", 4, 6, num_layers=2, bidirectional=True, backend=backend)
    output, state = rnn(torch.randn(T, 0, 4, requires_grad=True), lengths=lengths)
    output.sum().backward()
    assert (output.shape, state.shape) == ((T, 0, 12), (4, 0, 6))


def test_tensors_of_the_cpu_stay_there_whatever_the_default_device():
    rnn, x = RNN("mut1", 4, 6, backend="native"), torch.randn(T, B, 4)
    expected = rnn(x)[0]
    with torch.device("meta"):
        workspace._kept.buffer = torch.empty(0, dtype=torch.uint8, device="cpu")
        found = rnn(x)[0]
    assert torch.equal(found, expected)


def test_a_single_step_without_gradients_records_nothing(monkeypatch):
    seen = []
    kernel = vendor._kernel
    monkeypatch.setattr(vendor, "_kernel", lambda *args: seen.append(torch.is_grad_enabled()) or kernel(*args))
    rnn, x = RNN("lstm", 4, 6), torch.randn(1, B, 4)
    with torch.no_grad():
        rnn(x)
    rnn(x)
    assert seen == [False, True]


def test_code_of_one_cell_that_cant_be_compiled_leaves_it_the_plain_loop(calls, monkeypatch):
    def fails(*_: object) -> None:
        raise NoCompiler("the compiler fails")

    monkeypatch.setattr(operators, "native_loop", fails)
    with pytest.warns(UserWarning, match="MUT2 runs as a plain loop, which is slower: the compiler fails"):
        engine.run(layer_pass("mut2"))
    assert calls[-1] == "reference"


class SeesASum(Cell):
    """The gradient of x is a product and one number for all of its columns."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, hidden_size)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.W(x) + h + x.sum(-1, keepdim=True))


class Peeks(Cell):
    """A step that looks at a value."""

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(h + x.sum(-1, keepdim=True)) * h.max().item()


def test_gradients_of_an_input_that_is_summed_and_multiplied():
    layer, gradients = LayerPass(SeesASum(4, 6), torch.randn(T, B, 4), (torch.zeros(B, 6),)), []
    for backend in ("native", "reference"):
        x = layer.input.clone().requires_grad_()
        output = engine.run(dataclasses.replace(layer, input=x), backend).output
        gradients.append(torch.autograd.grad(output.sum(), x)[0])
    torch.testing.assert_close(*gradients)


def test_a_step_that_looks_at_values_runs_as_a_plain_loop(one_line):
    layer = LayerPass(Peeks(4, 6), torch.randn(T, B, 4), (torch.zeros(B, 6),))
    with one_line(OptionError, "backend='native' can't run this: "):
        engine.run(layer, "native")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert engine.run(layer).output.shape == (T, B, 6)


def test_a_compiler_that_fails_is_no_compiler(calls, monkeypatch):
    monkeypatch.setenv("SEQMODELS_CC", "gcc -Dreal=x")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        engine.run(layer_pass("mut1"))
    assert calls == ["reference"]
