"""The graph of a row: equal nodes are one, what is known is folded, what is no graph is refused."""

import math

import pytest

from seqmodels.engine.graph import Graph, Leaf, Node, Segment, Unsupported, check, operands, reachable


@pytest.fixture
def g() -> Graph:
    return Graph()


def state(g: Graph, index: int = 0, width: int = 4) -> Node:
    return g.leaf("state", index, 0, width)


def product(g: Graph, operand: Node, matrix: int = 0, width: int = 5) -> Node:
    return g.product([(operand, Segment(matrix, 0, 0))], width)


def test_equal_nodes_are_one_object(g):
    a, b = state(g), state(g, 1)
    assert g.add(a, b) is g.add(a, b)
    assert g.add(a, b) is not g.add(b, a)
    assert g.value(2) is g.value(2.0)
    assert product(g, a) is product(g, a)
    assert product(g, a) is not product(g, a, 1)
    assert state(g) is not g.leaf("state", 0, 1, 4)


def test_zeros_of_both_signs_and_nan_are_numbers_of_their_own(g):
    assert g.value(0.0) is not g.value(-0.0)
    assert g.value(math.nan) is g.value(math.nan)


@pytest.mark.parametrize(
    "folded",
    [
        lambda g, a: g.add(a, 0),
        lambda g, a: g.add(0, a),
        lambda g, a: g.sub(a, 0),
        lambda g, a: g.mul(a, 1),
        lambda g, a: g.mul(1, a),
        lambda g, a: g.div(a, 1),
        lambda g, a: g.neg(g.neg(a)),
        lambda g, a: g.spread_to(a, 4),
    ],
)
def test_what_changes_nothing_is_left_out(g, folded):
    a = state(g)
    assert folded(g, a) is a


@pytest.mark.parametrize(
    ("op", "numbers"), [("mul", (0,)), ("sub", (0,)), ("div", (1,)), ("add", (1,)), ("pow", (1,)), ("maximum", (0,))]
)
def test_what_changes_something_stays(g, op, numbers):
    # 0 * a is NaN for an infinite a; 0 - a and 1 / a are no a.
    a = state(g)
    assert g.pointwise(op, *numbers, a).op == op


@pytest.mark.parametrize(
    ("op", "numbers", "expected"),
    [("add", (2, 3), 5), ("sub", (2, 3), -1), ("mul", (2, 3), 6), ("neg", (2,), -2), ("mul", (math.inf, 2), math.inf)],
)
def test_numbers_are_folded(g, op, numbers, expected):
    assert g.pointwise(op, *numbers) is g.value(expected)


def test_numbers_without_a_rule_are_left_to_the_processor(g):
    assert g.div(1, 3).op == "div"
    assert g.exp(1).op == "exp"
    assert g.add(math.nan, 1).op == "add"


def test_a_sum_of_products_is_one_product(g):
    a, b = state(g), state(g, 1)
    merged = g.add(product(g, a), product(g, b, 1))
    assert merged.op == "product"
    assert operands(merged) == [(a, Segment(0, 0, 0)), (b, Segment(1, 0, 0))]
    assert g.add(product(g, b, 1), product(g, a)) is merged


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize("inner_swapped", [False, True])
def test_products_with_something_between_are_one_product(g, swapped, inner_swapped):
    a, b, bias = state(g), state(g, 1), g.leaf("vector", 0, 0, 5)
    inner = (product(g, a), bias)[:: -1 if inner_swapped else 1]
    total = g.add(*(g.add(*inner), product(g, b, 1))[:: -1 if swapped else 1])
    assert total.op == "add"
    assert {node.op for node in total.args} == {"product", "vector"}
    (merged,) = (node for node in total.args if node.op == "product")
    assert [arg for arg, _ in operands(merged)] == [a, b]


def test_products_of_different_widths_stay_apart(g):
    a = state(g)
    assert g.add(product(g, a, width=1), product(g, a, 1, 5)).op == "add"


def test_inputs_of_every_step_come_first_in_a_product(g):
    a, x = state(g), g.leaf("step", 0, 0, 3)
    both = g.add(product(g, a), product(g, x, 1))
    assert [arg for arg, _ in operands(both)] == [x, a]


def test_a_reduction_of_one_number_counts_its_columns(g):
    one = state(g, width=1)
    assert g.reduce("sum", one, 7) is g.mul(one, 7)
    assert g.reduce("amax", one, 7) is one
    assert g.reduce("sum", state(g), 4).width == 1


def test_operands_of_different_widths_are_refused(g):
    with pytest.raises(Unsupported, match=r"^add of \[4, 3\] columns$"):
        g.add(state(g), state(g, 1, 3))
    assert g.add(state(g), state(g, 1, 1)).width == 4


def test_no_operation_is_made_up(g):
    with pytest.raises(AttributeError):
        _ = g.cube


def test_reachable_gives_operands_before_their_uses_and_nothing_else(g):
    a, b = state(g), state(g, 1)
    unused = g.exp(a)
    total = g.add(g.tanh(b), g.mul(a, g.tanh(b)))
    found = reachable([total, a])
    assert set(found) == {a, b, g.tanh(b), g.mul(a, g.tanh(b)), total}
    assert unused not in found
    seen: set[Node] = set()
    for node in found:
        assert seen.issuperset(node.args)
        seen.add(node)


def test_reachable_looks_at_nothing_behind_a_node_that_stops(g):
    a = state(g)
    inner = g.exp(g.tanh(a))
    total = g.mul(inner, 2)
    assert reachable([total], lambda node: node is inner) == [inner, g.value(2), total]


def test_a_graph_of_every_kind_of_node_is_valid(g):
    a, one = state(g), state(g, 1, 1)
    back = g.product([(g.tanh(product(g, a)), Segment(0, 0, 0, transposed=True))], 4)
    total = g.add(g.spread_to(g.reduce("sum", back, 4), 4), g.mul(one, a))
    check(reachable([total]), [(4, 5)])


def node(op: str, *args: Node, width: int = 4, data=None, number: int = 9) -> Node:
    return Node(op, args, width, data, number)


def invalid(g: Graph) -> dict[str, Node]:
    a, three = state(g), state(g, 1, 3)
    return {
        "operand after its use": node("tanh", a, number=a.number),
        "operands": node("add", a),
        "widths": node("add", a, three),
        "spread of many": node("spread", a),
        "no columns": node("state", width=0, data=Leaf(0, 0)),
        "rows": node("product", a, width=5, data=(Segment(0, 1, 0),)),
        "columns": node("product", a, width=5, data=(Segment(0, 0, 1),)),
        "transposed": node("product", a, width=5, data=(Segment(0, 0, 0, True),)),
        "sum to many": node("sum", a, width=4),
        "sum of two": node("sum", a, a, width=1),
        "no such operation": node("cube", a),
    }


@pytest.mark.parametrize("case", invalid(Graph()))
def test_what_is_no_graph_is_refused(g, case):
    with pytest.raises(AssertionError):
        check([invalid(g)[case]], [(4, 5)])
