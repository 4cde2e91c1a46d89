"""The graphs that a search starts with compute what the built-in cells of their names compute."""

import pytest
import torch

import seqmodels
from seqmodels.compare.search import SEEDS, linear_names

I, H, B = 3, 5, 4  # noqa: E741


def rows(cell: seqmodels.Cell, module: str, *gates: str) -> dict:
    """A stacked matrix of a built-in cell, cut into the matrices of its gates."""
    linear = getattr(cell, module)
    found = {f"{module}{gate}.weight": part for gate, part in zip(gates, linear.weight.chunk(len(gates)), strict=True)}
    if linear.bias is not None:
        biases = zip(gates, linear.bias.chunk(len(gates)), strict=True)
        found |= {f"{module}{gate}.bias": part for gate, part in biases}
    return found


WEIGHTS = {
    "lstm": lambda cell: rows(cell, "W_x", *"ifco") | rows(cell, "W_h", *"ifco"),
    "coupled": lambda cell: rows(cell, "W_x", *"fco") | rows(cell, "W_h", *"fco"),
    "gru": lambda cell: rows(cell, "W_x", *"rzh") | rows(cell, "W_h", *"rz") | {"W_hh.weight": cell.W_hh.weight},
}


def with_the_weights_of(cell: seqmodels.Cell, name: str) -> dict:
    if name in WEIGHTS:
        return WEIGHTS[name](cell)
    weights = dict(cell.state_dict())
    if name in ("mut1", "mut2"):  # the matrix before a bare x: W_xh of the candidate, or W_xr of the gate
        weights["W_xh.weight" if name == "mut1" else "W_xr.weight"] = weights.pop("P.weight")
    return weights


@pytest.mark.parametrize("name", SEEDS)
def test_a_seed_computes_what_the_built_in_cell_computes(name, load):
    built_in = seqmodels.get_cell(name)(I, H).double()
    graph = SEEDS[name]()
    printed = load(graph)(I, H).double()
    printed.load_state_dict(with_the_weights_of(built_in, name))
    x = torch.randn(B, I, dtype=torch.float64)
    states = [torch.randn(B, H, dtype=torch.float64) for _ in built_in.state_names]
    expected = built_in.next_state(x, states)
    linears = {number: getattr(printed, attribute) for number, attribute in linear_names(graph).items()}
    for found in (printed.next_state(x, states), graph.evaluate(x, states, linears)):
        for ours, theirs in zip(found, expected, strict=True):
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", ["lstm", "coupled"])
def test_the_forget_gate_starts_with_a_bias_around_one(name, load):
    cell = load(SEEDS[name]())(I, 400)
    assert 0.9 < float(cell.W_xf.bias.detach().mean()) < 1.1
    assert abs(float(cell.W_xo.bias.detach().mean())) < 0.1
