"""What a graph computes, which graphs are cells, and which are the same."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmodels.compare.search import SEEDS, CellGraph, Node, canonical, fingerprint, violation
from seqmodels.compare.search.draft import Draft
from seqmodels.compare.search.graph import ACTIVATIONS, COMMUTATIVE, ELEMENTWISE

X, H, W, V = Node("x"), Node("h"), Node("linear", (0,)), Node("linear", (1,))  # x, h, W x, V h


def graph_of(*nodes: Node, output: int = -1) -> CellGraph:
    nodes = (X, H, *nodes)
    return CellGraph(("h",), nodes, (range(len(nodes))[output],))


def shuffled(graph: CellGraph, seed: int) -> CellGraph:
    """The same architecture: other numbers, other names, operands of sums and products in another order."""
    random = np.random.default_rng(seed)
    order, done = list(range(1 + len(graph.states))), set(range(1 + len(graph.states)))
    while len(order) < len(graph.nodes):
        ready = [n for n in graph.computed if n not in done and done.issuperset(graph.nodes[n].args)]
        order.append(int(random.choice(ready)))
        done.add(order[-1])
    places = {old: new for new, old in enumerate(order)}
    nodes = []
    for old in order:
        node = graph.nodes[old]
        args = [places[arg] for arg in node.args]
        if node.op in COMMUTATIVE and random.random() < 0.5:
            args.reverse()
        nodes.append(replace(node, args=tuple(args), name=f"n{random.integers(9)}"))
    return CellGraph(graph.states, tuple(nodes), tuple(places[output] for output in graph.outputs))


def test_every_operation_computes_what_it_is_called():
    a, b = torch.tensor([[-0.5, 2.0]]), torch.tensor([[3.0, -1.0]])
    expected = {
        "tanh": torch.tanh(a),
        "sigmoid": torch.sigmoid(a),
        "relu": torch.tensor([[0.0, 2.0]]),
        "one_minus": torch.tensor([[1.5, -1.0]]),
        "one_plus": torch.tensor([[0.5, 3.0]]),
        "sum": torch.tensor([[2.5, 1.0]]),
        "product": torch.tensor([[-1.5, -2.0]]),
        "difference": torch.tensor([[-3.5, 3.0]]),
    }
    for op, value in expected.items():
        args = (2, 1) if op in ("sum", "product", "difference") else (2,)
        [new] = graph_of(W, Node(op, args)).evaluate(a, [b], {2: torch.nn.Identity()})
        assert torch.equal(new, value)


def test_a_graph_comes_back_from_json(mutants):
    for graph in mutants:
        back = CellGraph.from_dict(json.loads(json.dumps(graph.to_dict())))
        assert back == graph
        assert [node.name for node in back.nodes] == [node.name for node in graph.nodes]


def test_seeds_are_cells_and_all_different():
    graphs = [seed() for seed in SEEDS.values()]
    assert [violation(graph) for graph in graphs] == [None] * len(graphs)
    assert len({canonical(graph) for graph in graphs}) == len(graphs)


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (graph_of(Node("tanh", (1,))), "does not depend on x"),
        (graph_of(W, Node("tanh", (2,))), "does not depend on a state"),
        (graph_of(Node("sum", (0, 1))), "x enters through linear maps only"),
        (graph_of(replace(W, diagonal=1.0), Node("sum", (1, 2))), "no diagonal"),
        (graph_of(W, Node("softmax", (2,))), "no operation 'softmax'"),
        (graph_of(W, Node("sum", (1,))), "no operation 'sum' of 1 operands"),
        (graph_of(Node("sum", (1, 3)), W), "come later"),
        (graph_of(W, V, Node("difference", (2, 2)), Node("sum", (3, 4))), "minus itself"),
        (CellGraph(("h",), (H, X, W), (2,)), "leaves"),
        (CellGraph(("h",), (X, H, W), ()), "leaves"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_graph_that_is_no_cell_is_told_why(graph, reason):
    assert reason in violation(graph)


def test_a_state_that_the_output_never_sees_is_a_violation():
    nodes = (X, H, Node("c"), W, Node("sum", (1, 3)), Node("sum", (2, 3)))
    assert violation(CellGraph(("h", "c"), nodes, (4, 5))) == "the next h does not depend on c"


def test_size_has_limits():
    lstm = SEEDS["lstm"]()
    assert "21 nodes are more than 20" in violation(lstm, most_nodes=20)
    assert "8 linear maps are more than 7" in violation(lstm, most_linears=7)


@settings(max_examples=60)
@given(number=st.integers(0, 29), seed=st.integers(0, 10_000))
def test_numbers_names_and_order_dont_change_the_canonical_form(mutants, number, seed):
    graph = mutants[number]
    other = shuffled(graph, seed)
    assert canonical(other) == canonical(graph)
    assert fingerprint(other) == fingerprint(graph)


def test_the_canonical_form_sees_every_difference(mutants):
    for graph in mutants[:10]:
        for number in graph.computed:
            node = graph.nodes[number]
            if node.op == "linear":
                others = [replace(node, bias=not node.bias), replace(node, bias_start=0.5), replace(node, diagonal=0.5)]
            elif len(node.args) == 2:
                others = [replace(node, op=op) for op in ELEMENTWISE if op != node.op]
            else:
                others = [replace(node, op=op) for op in ACTIVATIONS if op != node.op]
            for other in others:
                changed = replace(graph, nodes=(*graph.nodes[:number], other, *graph.nodes[number + 1 :]))
                assert canonical(changed) != canonical(graph)


def test_one_matrix_used_twice_is_not_two_matrices():
    shared = graph_of(W, V, Node("tanh", (3,)), Node("product", (3, 4)), Node("sum", (2, 5)))
    split = graph_of(W, V, V, Node("tanh", (3,)), Node("product", (4, 5)), Node("sum", (2, 6)))
    assert canonical(shared) != canonical(split)


def test_sums_of_sums_are_one_sum():
    left = graph_of(W, V, Node("sum", (1, 2)), Node("sum", (4, 3)))
    right = graph_of(W, V, Node("sum", (2, 3)), Node("sum", (1, 4)))
    assert canonical(left) == canonical(right)


def test_equal_values_are_one_and_useless_ones_are_gone():
    twice = (Node("tanh", (1,)), Node("tanh", (1,)))
    graph = Draft.of(graph_of(W, *twice, Node("relu", (2,)), Node("product", (3, 4)), Node("sum", (2, 6)))).graph()
    assert [node.op for node in graph.nodes] == ["x", "h", "linear", "tanh", "product", "sum"]
    assert graph.nodes[4].args == (3, 3)


def test_a_circle_is_an_error():
    draft = Draft.empty(["h"])
    draft.outputs = [draft.add(Node("tanh", (3,)))]
    draft.add(Node("relu", (2,)))
    with pytest.raises(ValueError, match="computed from itself"):
        draft.graph()
