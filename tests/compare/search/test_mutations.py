"""Mutations: each does what its name says, all of them together give cells or the reason why not."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmodels.compare.search import MUTATIONS, SEEDS, CellGraph, mutate, violation
from seqmodels.compare.search.draft import Draft
from seqmodels.compare.search.graph import ELEMENTWISE
from seqmodels.compare.search.mutations import (
    CHOICES,
    add_input,
    another_activation,
    another_operation,
    combine,
    insert_activation,
    remove,
    replace_by_ancestor,
)


def number_of(graph: CellGraph, op: str) -> int:
    return next(number for number, node in enumerate(graph.nodes) if node.op == op)


def results(mutation, name: str, op: str) -> list[CellGraph]:
    """What comes of one mutation at the first node of this kind, many times."""
    found = []
    for seed in range(100):
        draft = Draft.of(SEEDS[name]())
        said = mutation(draft, number_of(SEEDS[name](), op), np.random.default_rng(seed))
        if said is not None:
            found.append(draft.graph())
    return found


@settings(max_examples=200)
@given(name=st.sampled_from(sorted(SEEDS)), seed=st.integers(0, 10**6), rate=st.sampled_from([0.1, 0.5, 1.0]))
def test_a_mutant_is_a_cell_or_has_a_reason(name, seed, rate):
    mutant = mutate(SEEDS[name](), np.random.default_rng(seed), rate)
    assert mutant.mutations
    if mutant.graph is None:
        assert mutant.reason
    else:
        assert violation(mutant.graph) is None
        assert mutant.reason == ""


def test_a_mutant_depends_on_the_seed_alone():
    first, second = (mutate(SEEDS["lstm"](), np.random.default_rng(5)) for _ in range(2))
    assert first == second


def test_long_lines_of_descent_stay_cells():
    random = np.random.default_rng(0)
    graph, valid = SEEDS["gru"](), 0
    for _ in range(300):
        mutant = mutate(graph, random, 0.3)
        if mutant.graph is not None:
            graph, valid = mutant.graph, valid + 1
    assert valid > 150
    assert violation(graph) is None


def test_a_small_rate_changes_little_and_a_large_one_much():
    def changed(rate: float) -> float:
        return np.mean([len(mutate(SEEDS["lstm"](), np.random.default_rng(s), rate).mutations) for s in range(60)])

    assert changed(0.05) < 2 < 8 < changed(1.0)


def test_limits_of_size_hold():
    mutants = [mutate(SEEDS["gru"](), np.random.default_rng(s), 1.0, most_nodes=18, most_linears=6) for s in range(100)]
    assert any("more than" in mutant.reason for mutant in mutants)
    assert all(len(m.graph.computed) <= 18 and len(m.graph.linears) <= 6 for m in mutants if m.graph is not None)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_each_mutation_gives_cells(mutation):
    valid = Counter()
    for seed in SEEDS.values():
        for number in seed().computed:
            draft = Draft.of(seed())
            if mutation(draft, number, np.random.default_rng(number)) is not None:
                valid[violation(draft.graph()) is None] += 1
    assert valid[True] > valid[False]


def test_another_activation_takes_every_other_one():
    found = results(another_activation, "elman", "tanh")
    ops = {(graph.nodes[-1].op, graph.nodes[-1].diagonal) for graph in found}
    assert ops == {(choice.op, choice.diagonal) for choice in CHOICES if choice.op != "tanh"}


def test_another_operation_takes_every_other_one():
    found = results(another_operation, "elman", "sum")
    assert {graph.nodes[4].op for graph in found} == set(ELEMENTWISE) - {"sum"}


def test_an_inserted_activation_comes_before_the_node():
    for graph in results(insert_activation, "elman", "tanh"):
        assert len(graph.nodes) == 7
        assert [node.op for node in graph.nodes][:5] == ["x", "h", "linear", "linear", "sum"]
        assert graph.nodes[5].args == (4,)
        assert graph.nodes[6].op == "tanh"


def test_removing_takes_one_node():
    [graph] = set(results(remove, "elman", "tanh"))
    assert [node.op for node in graph.nodes] == ["x", "h", "linear", "linear", "sum"]
    assert results(remove, "elman", "sum") == []  # it has two inputs
    assert results(remove, "gru", "sigmoid") == []  # it has two outputs


def test_replacing_by_an_ancestor_makes_a_graph_smaller():
    sizes = {len(graph.nodes) for graph in results(replace_by_ancestor, "elman", "tanh")}
    assert max(sizes) < 6


def test_combining_makes_no_circles():
    for name, seed in SEEDS.items():
        for number in seed().computed:
            for k in range(5):
                draft = Draft.of(seed())
                assert combine(draft, number, np.random.default_rng(k)), name
                draft.graph()


def test_an_added_input_is_a_matrix_times_a_leaf():
    for graph in results(add_input, "lstm", "tanh"):
        assert len(graph.linears) == 9
        assert len(graph.computed) == 23
