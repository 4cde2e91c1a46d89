"""A printed cell is readable, formatted, and computes what its graph says."""

import ast
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from patience import PATIENCE

import seqmodels
from seqmodels import RNN
from seqmodels.compare.search import SEEDS, Node, Provenance, linear_names, source
from seqmodels.compare.search.draft import Draft
from seqmodels.engine import generated
from seqmodels.explaining import _pass
from seqmodels.testing import check_cell

ROOT = Path(__file__).parents[3]
I, H, B = 3, 4, 2  # noqa: E741


def seeds() -> list:
    return [seed() for seed in SEEDS.values()]


def test_a_printed_cell_computes_what_its_graph_computes(mutants, load):
    for graph in [*seeds(), *mutants]:
        cell = load(graph)(I, H).double()
        assert cell.state_names == graph.states
        linears = {number: getattr(cell, name) for number, name in linear_names(graph).items()}
        assert len({id(linear) for linear in linears.values()}) == len(list(cell.children()))
        x = torch.randn(B, I, dtype=torch.float64, requires_grad=True)
        states = [torch.randn(B, H, dtype=torch.float64, requires_grad=True) for _ in graph.states]
        leaves = [x, *states, *cell.parameters()]
        weights = [torch.randn(B, H, dtype=torch.float64) for _ in graph.states]
        results = []
        for values in (cell.next_state(x, states), graph.evaluate(x, states, linears)):
            total = sum((value * weight).sum() for value, weight in zip(values, weights, strict=True))
            results.append([*values, *torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)])
        for printed, defined in zip(*results, strict=True):
            torch.testing.assert_close(printed, defined, rtol=1e-12, atol=1e-12)


def test_the_engine_takes_printed_cells(mutants, load):
    for graph in [*seeds(), *mutants]:
        layer = RNN(load(graph), I, H).layers[0]
        assert generated.refusal(_pass(layer)) is None
    assert seqmodels.explain(load(mutants[0]), I, H).backend == "native"  # this one is compiled too


def test_a_printed_seed_keeps_the_contract(load):
    check_cell(load(SEEDS["lstm"]()))


def test_a_printed_mutant_keeps_the_contract(load):
    """A GRU with its update gate squashed twice, a new path from x, and a matrix that starts near the identity."""
    draft = Draft.of(SEEDS["gru"]())
    z = next(number for number, node in enumerate(draft.nodes) if node.name == "z")
    inside = draft.add(Node("linear", draft.nodes[z].args, bias=True, diagonal=0.9))
    draft.nodes[z] = replace(draft.nodes[z], args=(draft.add(Node("tanh", (inside,))),))
    old = draft.outputs[0]
    draft.outputs = [draft.add(Node("tanh", (draft.add(Node("sum", (old, draft.add(Node("linear", (0,)))))),)))]
    check_cell(load(draft.graph()))


def test_starts_of_weights_are_kept(load):
    draft = Draft.empty(["h"])
    near = draft.add(Node("linear", (1,), bias=True, bias_start=-2.0, diagonal=0.9))
    draft.outputs = [draft.add(Node("tanh", (draft.add(Node("sum", (near, draft.add(Node("linear", (0,)))))),)))]
    graph = draft.graph()
    cell = load(graph)(I, 300)
    linear = getattr(cell, linear_names(graph)[2])
    assert abs(float(linear.bias.detach().mean()) + 2) < 0.1
    assert abs(float(linear.weight.detach().diagonal().mean()) - 0.9) < 0.1
    cell.reset_parameters(0.001)
    assert abs(float(linear.weight.detach().diagonal().mean()) - 0.9) < 0.01
    assert float(linear.weight.detach().mean()) < 0.1


def test_files_are_linted_and_formatted(mutants, tmp_path):
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists() and shutil.which("ruff") is None:
        pytest.skip("ruff comes with the extra 'dev'")
    mutations = tuple(f"node {k} (sum) is now a product, and a very long story is told of it" for k in range(6))
    for number, graph in enumerate([*seeds(), *mutants], 1):
        text = source(graph, f"Candidate{number:04d}", Provenance(number, 12, 3, 2, mutations, 1.01))
        ast.parse(text)
        (tmp_path / f"candidate_{number:04d}.py").write_text(text)
    command = [str(ruff) if ruff.exists() else "ruff"]
    config = ["--no-cache", "--config", str(ROOT / "pyproject.toml"), str(tmp_path)]
    for arguments in (["check"], ["format", "--check"]):
        done = subprocess.run([*command, *arguments, *config], capture_output=True, text=True, timeout=PATIENCE)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_gru_reads_as_in_the_paper():
    text = source(SEEDS["gru"](), "Gated")
    for line in (
        "z = sigmoid(W_xz x + b_xz + W_hz h)",
        "r = sigmoid(W_xr x + b_xr + W_hr h)",
        "h' = (1 - z) * h + z * tanh(W_xh x + b_xh + W_hh (r * h))",
        "self.W_hh = nn.Linear(hidden_size, hidden_size, bias=False)",
        "return (1 - z) * h + z * torch.tanh(self.W_xh(x) + self.W_hh(r * h))",
    ):
        assert line in text


def test_the_docstring_tells_the_origin():
    made = Provenance(7, 3, 11, 4, ("node 5 (sum) is now a product", "without node 3 (relu)"), 1.0234)
    text = " ".join(source(SEEDS["gru"](), "Candidate0007", made).split())
    for part in ("seed 11", "number 7", "generation 3", "number 4", *made.mutations, "1.0234", "Jozefowicz"):
        assert part in text


def test_long_expressions_are_cut_into_lines(load):
    draft = Draft.empty(["h"])
    total = draft.add(Node("linear", (0,)))
    for k in range(20):
        total = draft.add(Node(("product", "sum", "difference")[k % 3], (total, draft.add(Node("linear", (1,))))))
    draft.outputs = [draft.add(Node("tanh", (total,)))]
    text = source(draft.graph(), "Long")
    assert max(len(line) for line in text.splitlines()) <= 120
    load(draft.graph())(I, H)(torch.zeros(B, I))


def test_names_that_would_clash_are_replaced(load):
    draft = Draft.of(SEEDS["gru"]())
    for number, name in zip([5, 9], ["torch", "h"], strict=True):
        draft.nodes[number] = replace(draft.nodes[number], name=name)
    assert load(draft.graph())(I, H)(torch.zeros(B, I)).shape == (B, H)
