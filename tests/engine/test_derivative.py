"""Every rule of the step backwards gives what torch's autograd gives, in float64."""

import itertools
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from seqmodels.engine.derivative import FLAT, RULES, Backward, differentiate
from seqmodels.engine.graph import POINTWISE, REDUCTIONS, Graph, Leaf, Node, Segment, operands, reachable
from seqmodels.engine.interpret import OPERATIONS
from seqmodels.engine.loop import Loop

NUMBERS = (-2.5, -1.0, 0.0, 0.3, 1.0, 4.0)
POSITIVE = (0.2, 1.0, 7.0)
WIDTH = 3

# Where each rule is looked at: numbers for each operand. Those of pairs meet, so that some are equal.
CASES: dict[str, list[Sequence[float]]] = {
    "add": [NUMBERS, NUMBERS],
    "sub": [NUMBERS, NUMBERS],
    "mul": [NUMBERS, NUMBERS],
    "div": [NUMBERS, NUMBERS],
    "neg": [NUMBERS],
    "abs": [NUMBERS],
    "sqrt": [POSITIVE],
    "exp": [NUMBERS],
    "expm1": [NUMBERS],
    "log": [(*POSITIVE, 0.0)],
    "log1p": [POSITIVE],
    "tanh": [NUMBERS],
    "sigmoid": [NUMBERS],
    "softplus": [NUMBERS],
    "sin": [NUMBERS],
    "cos": [NUMBERS],
    "erf": [NUMBERS],
    "pow": [(*POSITIVE, 0.0), (0.0, 1.0, 2.0, -1.5, 0.5)],
    "remainder": [NUMBERS, (-2.5, -1.0, 0.3, 4.0)],
    "maximum": [NUMBERS, NUMBERS],
    "minimum": [NUMBERS, NUMBERS],
    "select": [(0.0, 1.0), NUMBERS, NUMBERS],
    "spread": [NUMBERS],
    "same": [NUMBERS],
    "sum": [NUMBERS],
    "amax": [(0.0, 1.0, 1.0)],
}


def apply(op: str, values: Sequence[Tensor]) -> Tensor:
    return values[0].expand(-1, WIDTH) if op == "spread" else OPERATIONS[op](*values)


def evaluate(nodes: Sequence[Node], given: dict[str, list[Tensor]]) -> list[Tensor]:
    """Values of nodes from leaves by their kind, and matrices."""
    values: dict[Node, Tensor] = {}
    like = given["state"][0]
    for node in reachable(nodes):
        if isinstance(node.data, Leaf):
            values[node] = given[node.op][node.data.index][:, node.data.low : node.data.low + node.width]
        elif node.is_number:
            values[node] = like.new_full((len(like), 1), node.data)
        elif node.op == "product":
            terms = []
            for arg, segment in operands(node):
                matrix = given["matrix"][segment.matrix]
                shape = (arg.width, node.width)[:: -1 if segment.transposed else 1]
                block = matrix[segment.row : segment.row + shape[0], segment.column : segment.column + shape[1]]
                terms.append(values[arg] @ (block.T if segment.transposed else block))
            values[node] = sum(terms)  # type: ignore[assignment]
        else:
            values[node] = apply(node.op, [values[arg] for arg in node.args])
        assert values[node].shape[1] in (1, node.width)
    return [values[node] for node in nodes]


def gradients(backward: Backward, given: dict[str, list[Tensor]], leaves: Sequence[Node]) -> list[Tensor]:
    return evaluate([backward.leaves[leaf] for leaf in leaves], given)


def require_same(found: Sequence[Tensor], expected: Sequence[Tensor]) -> None:
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours.expand_as(theirs), theirs, rtol=1e-12, atol=1e-12, equal_nan=True)


def draw(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def test_every_operation_has_a_rule_and_every_rule_a_case():
    assert RULES.keys() | FLAT == POINTWISE.keys() | set(REDUCTIONS)
    assert not RULES.keys() & FLAT
    assert CASES.keys() == RULES.keys()


def widths_of(op: str) -> list[tuple[int, ...]]:
    if op == "spread":
        return [(1,)]
    if op in REDUCTIONS:
        return [(WIDTH,)]
    return list(itertools.product((1, WIDTH), repeat=POINTWISE[op]))


@pytest.mark.parametrize(
    ("op", "widths"), [pytest.param(op, widths, id=f"{op}{list(widths)}") for op in CASES for widths in widths_of(op)]
)
def test_rule(op, widths):
    # Rows are all combinations of numbers; in wide operands, columns are rotated against each other.
    rows = list(itertools.product(*CASES[op])) if op != "amax" else list(itertools.product(CASES[op][0], repeat=WIDTH))
    table = torch.tensor(rows, dtype=torch.float64)
    if op == "amax":
        values = [table]
    else:
        wide = torch.stack([table.roll(3 * column, 0) for column in range(WIDTH)], -1)  # [rows, operands, WIDTH]
        values = [wide[:, index, :width].clone() for index, width in enumerate(widths)]
    width = {"spread": WIDTH, "sum": 1, "amax": 1}.get(op, max(widths))

    graph = Graph()
    leaves = [graph.leaf("state", index, 0, each) for index, each in enumerate(widths)]
    result = graph.make(op, leaves, width)
    backward = differentiate(Loop(graph, states=list(widths), new_state=[[result]]), set())
    given = {"state": values, "cotangent": [draw(len(rows), width)], "incoming": [draw(len(rows), width)]}

    differentiable = [value.requires_grad_() for value in values]
    total = given["cotangent"][0] + given["incoming"][0]
    expected = torch.autograd.grad(apply(op, differentiable), differentiable, total, allow_unused=True)
    asked = [index for index, gradient in enumerate(expected) if gradient is not None]
    assert set(backward.leaves) == {leaves[index] for index in asked}
    with torch.no_grad():
        found = gradients(backward, given, [leaves[index] for index in asked])
    require_same(found, [expected[index] for index in asked])


@pytest.mark.parametrize("exponent", [3.0, 0.0, -2.0, 0.5])
def test_a_power_with_a_number(exponent):
    graph = Graph()
    leaf = graph.leaf("state", 0, 0, WIDTH)
    backward = differentiate(Loop(graph, states=[WIDTH], new_state=[[graph.pow(leaf, exponent)]]), set())
    value = torch.tensor([[-2.0, 0.0, 3.0]], dtype=torch.float64, requires_grad=True)
    given = {"state": [value], "cotangent": [draw(1, WIDTH)], "incoming": [torch.zeros(1, WIDTH).double()]}
    expected = torch.autograd.grad(value**exponent, value, given["cotangent"][0])
    require_same(gradients(backward, given, [leaf]), expected)


@pytest.mark.parametrize("op", sorted(FLAT))
def test_what_is_flat_has_no_gradient(op):
    graph = Graph()
    leaves = [graph.leaf("state", index, 0, WIDTH) for index in range(POINTWISE[op])]
    backward = differentiate(Loop(graph, states=[WIDTH] * 2, new_state=[[graph.make(op, leaves, WIDTH)]]), set())
    assert backward.outputs == []


def test_gradients_of_many_uses_are_summed():
    graph = Graph()
    a, one = graph.leaf("state", 0, 0, WIDTH), graph.leaf("state", 1, 0, 1)
    result = graph.add(graph.mul(graph.mul(a, one), graph.tanh(a)), graph.sub(one, a))
    backward = differentiate(Loop(graph, states=[WIDTH, 1], new_state=[[result], [graph.exp(one)]]), set())
    given = {
        "state": [draw(4, WIDTH).requires_grad_(), draw(4, 1).requires_grad_()],
        "cotangent": [draw(4, WIDTH), draw(4, 1)],
        "incoming": [draw(4, WIDTH), draw(4, 1)],
    }
    x, y = given["state"]
    outer = [a + b for a, b in zip(given["cotangent"], given["incoming"], strict=True)]
    expected = torch.autograd.grad([x * y * x.tanh() + y - x, y.exp()], [x, y], outer)
    require_same(gradients(backward, given, [a, one]), expected)


def two_products() -> tuple[Loop, Node, Node]:
    """tanh(x @ A + h @ B) * (h @ C), where B and C lie in one matrix."""
    graph = Graph()
    x, h = graph.leaf("step", 0, 0, 2), graph.leaf("state", 0, 0, WIDTH)
    gate = graph.product([(x, Segment(0, 0, 0)), (h, Segment(1, 0, 0))], WIDTH)
    other = graph.product([(h, Segment(1, 0, WIDTH))], WIDTH)
    loop = Loop(graph, steps=[2], states=[WIDTH], matrices=[(2, WIDTH), (WIDTH, 2 * WIDTH)])
    loop.new_state = [[graph.mul(graph.tanh(gate), other)]]
    loop.check()
    return loop, x, h


def test_products():
    loop, x, h = two_products()
    everything = {("step", 0), ("matrix", 0), ("matrix", 1)}
    backward = differentiate(loop, everything)
    given = {
        "step": [draw(4, 2).requires_grad_()],
        "state": [draw(4, WIDTH).requires_grad_()],
        "matrix": [draw(2, WIDTH).requires_grad_(), draw(WIDTH, 2 * WIDTH).requires_grad_()],
        "cotangent": [draw(4, WIDTH)],
        "incoming": [draw(4, WIDTH)],
    }
    (a,), (b,), (first, second) = given["step"], given["state"], given["matrix"]
    result = torch.tanh(a @ first + b @ second[:, :WIDTH]) * (b @ second[:, WIDTH:])
    total = given["cotangent"][0] + given["incoming"][0]
    expected = torch.autograd.grad(result, [a, b, first, second], total)
    require_same(gradients(backward, given, [x, h]), expected[:2])
    found = [torch.zeros_like(matrix) for matrix in given["matrix"]]
    for operand, gradient, segment in backward.deferred:
        left, right = evaluate([operand, gradient], given)
        rows, columns = (slice(at, at + n) for at, n in ((segment.row, left.shape[1]), (segment.column, WIDTH)))
        found[segment.matrix][rows, columns] += left.T @ right
    require_same(found, expected[2:])


def test_an_operand_of_two_products_has_one_product_backwards():
    loop, _, h = two_products()
    gradient = differentiate(loop, set()).leaves[h]
    assert gradient.op == "product"
    assert [(s.matrix, s.column, s.transposed) for _, s in operands(gradient)] == [(1, WIDTH, True), (1, 0, True)] or [
        (s.matrix, s.column, s.transposed) for _, s in operands(gradient)
    ] == [(1, 0, True), (1, WIDTH, True)]


@pytest.mark.parametrize("wanted", [set(), {("step", 0)}, {("matrix", 0)}, {("matrix", 1)}])
def test_only_what_is_wanted_is_computed_beside_the_states(wanted):
    loop, x, h = two_products()
    backward = differentiate(loop, wanted)
    assert set(backward.leaves) == ({h, x} if ("step", 0) in wanted else {h})
    assert {("matrix", d.segment.matrix) for d in backward.deferred} == {each for each in wanted if each[0] == "matrix"}
