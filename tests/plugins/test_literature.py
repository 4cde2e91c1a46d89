"""The literature's cells compute their papers' equations, keep the contract of cells, and run as generated code."""

from pathlib import Path

import literature_equations
import numpy as np
import pytest
import torch

import seqmodels
from seqmodels import get_cell, registry
from seqmodels.errors import OptionError
from seqmodels.testing import check_cell

CELLS = registry.literature_names()
VARIANTS = [
    *((name, 6, {}) for name in CELLS),
    ("antisymmetric", 6, {"gated": True, "gamma": 0.3, "epsilon": 0.5}),
    ("clockwork", 6, {"groups": 3}),
    ("cornn", 6, {"dt": 0.5, "gamma": 0.3, "epsilon": 0.7}),
    ("deep_transition", 6, {"depth": 1}),
    ("delta_net", 6, {"key_size": 3}),
    ("echo_state", 6, {"leak": 0.3}),
    ("fastgrnn", 6, {"rank": 2}),
    ("janet", 6, {"beta": 0.0}),
    ("lem", 6, {"dt": 0.3}),
    ("lipschitz", 6, {"beta": 0.1, "gamma": 0.5, "epsilon": 0.3}),
    ("lmu", 6, {"window": 7.0}),
    ("lstmp", 6, {"projection_size": 2}),
    ("ltc", 6, {"unfolds": 2}),
    ("mlstm", 6, {"key_size": 3}),
    ("narx", 6, {"order": 2}),
    ("ntm", 6, {"rows": 4, "width": 3}),
    ("on_lstm", 6, {"chunk_size": 3}),
    ("phased_lstm", 6, {"open_share": 0.5, "leak": 0.1}),
    ("rhn", 6, {"depth": 5}),
    ("rmc", 12, {"slots": 3, "heads": 2}),
    ("scrn", 6, {"context_size": 3, "alpha": 0.5}),
    ("slstm", 6, {"heads": 3}),
    ("sru", 3, {}),
    ("stack_rnn", 6, {"stacks": 3, "depth": 4}),
    ("unicornn", 6, {"dt": 0.5, "alpha": 3.0}),
]


@pytest.mark.parametrize(("name", "hidden_size", "options"), VARIANTS)
def test_a_step_is_the_papers_equations(name, hidden_size, options):
    cell = get_cell(name)(3, hidden_size, **options).double()
    for parameter in cell.parameters():
        parameter.data.normal_(std=0.7)
    weights = {key: value.detach().numpy() for key, value in cell.state_dict().items()}
    x = torch.randn(3, 3, dtype=torch.float64)
    later = tuple(torch.randn(3, size, dtype=torch.float64) for size in cell.state_sizes)
    for state in (cell.zero_state(x), later):
        wanted = literature_equations.step(name, weights, x.numpy(), tuple(s.numpy() for s in state), **options)
        for found, expected in zip(cell.next_state(x, state), wanted, strict=True):
            np.testing.assert_allclose(found.detach().numpy(), expected, rtol=0, atol=1e-6 if name == "lmu" else 1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_each_keeps_the_contract_and_runs_as_generated_code(name):
    check_cell(name)
    assert seqmodels.explain(name, input_size=5, hidden_size=6).backend == "native"


def test_the_documentation_lists_each():
    text = (Path(__file__).parents[2] / "docs/cells.md").read_text(encoding="utf-8")
    section = text.partition("## Cells of the literature")[2].partition("\n## ")[0]
    assert [name for name in CELLS if f"`{name}`" not in section] == []


@pytest.mark.parametrize("name", CELLS)
def test_each_says_where_it_comes_from(name):
    cell = get_cell(name)
    assert cell.__module__ == f"seqmodels.plugins.literature.{name}"
    assert registry.name_of(cell) == name
    assert any(year in cell.citation for year in map(str, range(1990, 2027)))
    assert "Source: " in cell.__doc__


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("clockwork", {"groups": 0}, "groups must be at least 1"),
        ("deep_transition", {"depth": 0}, "depth must be at least 1"),
        ("ltc", {"unfolds": 0}, "unfolds must be at least 1"),
        ("fastgrnn", {"rank": 0}, "rank must be at least 1"),
        ("lru", {"slowest": 0.5}, "0 <= fastest < slowest < 1"),
        ("narx", {"order": 1}, "with 1 it is elman"),
        ("ntm", {"rows": 0}, "rows must be at least 1"),
        ("on_lstm", {"chunk_size": 4}, "chunk_size must divide hidden_size 6"),
        ("rhn", {"depth": 0}, "depth must be at least 1"),
        ("rmc", {"slots": 4}, "slots must divide hidden_size 6"),
        ("rmc", {"slots": 2, "heads": 2}, "heads must divide the 3 numbers of a row"),
        ("slstm", {"heads": 4}, "heads must divide hidden_size 6"),
        ("stack_rnn", {"depth": 1}, "depth must be at least 2"),
    ],
)
def test_wrong_options_are_one_line(name, options, message, one_line):
    with one_line(OptionError, f"{name}: ", message):
        get_cell(name)(3, 6, **options)


def test_orthogonal_matrices_keep_the_length_of_a_state():
    for name in ("exprnn", "scornn"):
        cell = get_cell(name)(3, 6).double()
        cell.b.data.zero_()
        h = torch.randn(2, 6, dtype=torch.float64)
        new = cell.step(torch.zeros(2, 3, dtype=torch.float64), h)
        torch.testing.assert_close(new.norm(dim=-1), h.norm(dim=-1))


def test_groups_of_a_clockwork_run_at_their_times():
    cell = get_cell("clockwork")(3, 6, groups=3)
    state, ran = cell.zero_state(torch.zeros(1, 3)), []
    for _ in range(6):
        new = cell.step(torch.randn(1, 3), *state)
        ran.append((new[0] != state[0]).view(3, 2).all(1).tolist())
        state = new
    assert ran == [[True, True, True], [True, False, False], [True, True, False], [True, False, False], *ran[:2]]


def test_a_closed_unit_of_a_phased_lstm_keeps_its_state():
    cell = get_cell("phased_lstm")(3, 6, leak=0.0)
    cell.tau.data.fill_(10.0), cell.s.data.fill_(0.0)
    h, c, t = (torch.randn(2, size) for size in cell.state_sizes)
    for phase, moves in ((0.2, True), (0.4, True), (3.0, False), (10.0, False), (20.2, True)):
        new = cell.step(torch.randn(2, 3), h, c, torch.full_like(t, phase))
        assert torch.equal(new[0], h) is torch.equal(new[1], c) is not moves


def test_a_stack_gives_back_what_was_pushed_in_the_other_order():
    cell = get_cell("stack_rnn")(1, 4, stacks=1, depth=8).double()
    numbers, (h, s) = [], cell.zero_state(torch.zeros(1, 1, dtype=torch.float64))
    for push in (True, True, True, False, False):
        cell.A.weight.data.copy_(torch.tensor([[99.0], [0], [0]] if push else [[0.0], [99], [0]]).expand(3, 4))
        h, s = cell.step(torch.randn(1, 1, dtype=torch.float64), h, s)
        numbers.append(s[0, 0].item())
    assert len({*numbers[:3]}) == 3
    np.testing.assert_allclose(numbers[3:], numbers[1::-1])


def test_a_turing_machine_finds_by_its_key_what_it_has_written():
    cell = get_cell("ntm")(3, 6, rows=5, width=4)
    memory = torch.nn.functional.normalize(torch.randn(2, 5, 4), dim=-1)
    head = torch.cat([memory[:, 3], torch.tensor([[99.0, 99, 9, -99, 99, -99]]).expand(2, -1)], 1)
    w = cell._address(head, torch.full((2, 5), 0.2), memory)
    torch.testing.assert_close(w, torch.eye(5)[3].expand(2, -1), atol=1e-3, rtol=0)
    moved = torch.cat([head[:, :-3], torch.tensor([[-99.0, -99, 99]]).expand(2, -1)], 1)
    torch.testing.assert_close(cell._address(moved, w, memory), torch.eye(5)[4].expand(2, -1), atol=1e-3, rtol=0)


def test_slots_of_a_relational_memory_differ_from_the_start():
    cell = get_cell("rmc")(3, 24, slots=4)
    rows = (cell.step(torch.randn(1, 3), torch.zeros(1, 24)).view(4, 6) + cell.start).detach()
    assert torch.cdist(rows, rows)[~torch.eye(4, dtype=bool)].min() > 0.1


def test_a_chaos_free_network_forgets_without_input():
    cell, h = get_cell("cfn")(3, 6), torch.full((1, 6), 5.0)
    for _ in range(200):
        h = cell.step(torch.zeros(1, 3), h)
    assert h.abs().max() < 0.01


def test_a_legendre_memory_gives_back_what_it_saw_a_window_ago():
    cell = get_cell("lmu")(1, 4, memory_size=12, window=20.0)
    signal = torch.sin(torch.arange(80) * 0.2)
    m = torch.zeros(12)
    for value in signal:
        m = cell.A @ m + cell.B * value
    a_window_ago = (signal[-21] + signal[-20]) / 2  # there one value, held for a step, ends and the next begins
    assert abs(m.sum() - a_window_ago) < 0.01  # all Legendre polynomials are 1 at the far end of the window


def test_an_slstm_from_zero_states_is_normalised_by_its_weights():
    cell = get_cell("slstm")(3, 6)
    states = cell.zero_state(torch.zeros(4, 3))
    for _ in range(20):
        states = cell.step(5 * torch.randn(4, 3), *states)
        assert (states[2] >= 1).all()
        assert (states[0].abs() <= 1).all()  # a mean of values of tanh


def test_an_lru_starts_on_the_ring_and_keeps_the_size_of_its_states():
    cell = get_cell("lru")(3, 500, slowest=0.99, fastest=0.5, largest_angle=0.3)
    size, angle = torch.exp(-torch.exp(cell.nu)), torch.exp(cell.theta)
    assert 0.5 <= size.min() < 0.6 < 0.9 < size.max() <= 0.99
    assert 0 < angle.min() < 0.1 < 0.2 < angle.max() <= 0.3
    torch.testing.assert_close(torch.exp(cell.gamma) ** 2, 1 - size**2)


@pytest.mark.parametrize("name", ["antisymmetric", "lipschitz", "unicornn", "exprnn", "scornn"])
def test_long_memories_neither_explode_nor_vanish_at_the_start(name):
    cell = get_cell(name)(3, 64)
    state = start = tuple(torch.randn(4, size, requires_grad=True) for size in cell.state_sizes)
    for _ in range(300):
        state = cell.next_state(torch.zeros(4, 3), state)
    gradients = torch.autograd.grad(sum(each.square().sum() for each in state) / 2, start)
    lengths = [torch.cat(each, -1).norm() for each in (start, gradients)]
    assert lengths[0] / 1000 < lengths[1] < lengths[0] * 1000
