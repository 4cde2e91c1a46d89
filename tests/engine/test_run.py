"""engine.run: one layer in one direction, by the backend asked for."""

import pytest
import torch
from torch import Tensor

from seqmodels import engine, get_cell
from seqmodels.engine import LayerPass, reference, vendor
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
    for module in (reference, vendor):
        name, run = module.__name__.rpartition(".")[2], module.run

        def recorded(layer, run=run, name=name):
            found.append(name)
            return run(layer)

        monkeypatch.setattr(module, "run", recorded)
    return found


@pytest.mark.parametrize("name", ["elman", "lstm", "gru"])
def test_auto_takes_the_vendors_kernel_where_it_can(name, calls):
    engine.run(layer_pass(name))
    engine.run(layer_pass(name), "reference")
    engine.run(layer_pass(name, every_state=True))
    assert calls == ["vendor", "reference", "reference"]


def test_auto_takes_the_loop_for_cells_of_no_vendor(cell_name, calls):
    layer = layer_pass(cell_name)
    engine.run(layer)
    assert calls == ["vendor" if layer.cell.torch_twin else "reference"]


def test_derivatives_that_the_kernel_has_not_take_the_loop(calls):
    layer = layer_pass("lstm")

    def output(x: Tensor) -> Tensor:
        return engine.run(LayerPass(layer.cell, x, layer.state)).output

    torch.func.jvp(output, (layer.input,), (layer.input,))
    torch.func.vmap(output)(layer.input[None])
    assert calls == ["reference", "reference"]


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
    with one_line(OptionError, "backend must be one of auto, reference, vendor, not 'fast'"):
        engine.run(layer_pass("lstm"), "fast")


def test_within_lengths():
    assert engine.within_lengths(torch.tensor([0, 2]), 3).tolist() == [[False, True], [False, True], [False, False]]
