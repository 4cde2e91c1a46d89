"""Pass 3: the graph of a step backwards.

The derivative of every pointwise operation is one row of a table; a product's is the product with the transposed
matrix, merged into one where several meet. Gradients of matrices are not part of a step: what they need is named, and
they are computed once after the loop, as one product over all steps.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from seqmodels.engine.graph import Graph, Leaf, Node, Segment, operands, reachable
from seqmodels.engine.loop import Loop

Gradients = tuple[Node | None, ...]
Rule = Callable[[Graph, Node, Node], Gradients]  # graph, gradient of the node, the node -> gradients of its operands


def _mul(g: Graph, d: Node, y: Node) -> Gradients:
    a, b = y.args
    return g.mul(d, b), g.mul(d, a)


def _div(g: Graph, d: Node, y: Node) -> Gradients:
    _, b = y.args
    part = g.div(d, b)
    return part, g.neg(g.mul(part, y))


def _pow(g: Graph, d: Node, y: Node) -> Gradients:
    a, b = y.args
    power = g.select(g.equal(b, 0), 0, g.mul(b, g.pow(a, g.sub(b, 1))))  # 0 ** 0 has the derivative 0, as in torch
    base = g.mul(d, power)
    if b.is_number:
        return base, None
    flat = g.mul(g.equal(a, 0), g.less_equal(0, b))  # 0 ** b has the derivative 0 in b, as in torch
    return base, g.mul(d, g.select(flat, 0, g.mul(y, g.log(g.select(flat, 1, a)))))


def _remainder(g: Graph, d: Node, y: Node) -> Gradients:
    a, b = y.args
    return d, g.neg(g.mul(d, floored(g, a, b, y)))


def floored(g: Graph, a: Node | float, b: Node | float, remainder: Node) -> Node:
    """a / b rounded down, by its remainder, without which what is nearly whole is rounded up."""
    nearest = g.floor(g.add(g.div(g.sub(a, remainder), b), 0.5))
    return g.select(g.equal(g.abs(remainder), math.inf), -1, nearest)  # a below 0, b infinite; or the other way round


def _extremum(g: Graph, d: Node, y: Node) -> Gradients:
    a, b = y.args
    first, second = (b, a) if y.op == "maximum" else (a, b)
    share = g.add(g.less(first, second), g.mul(0.5, g.equal(a, b)))  # equal operands share, as in torch
    return g.mul(d, share), g.mul(d, g.sub(1, share))


def _select(g: Graph, d: Node, y: Node) -> Gradients:
    condition = y.args[0]
    return None, g.select(condition, d, 0), g.select(condition, 0, d)


def _amax(g: Graph, d: Node, y: Node) -> Gradients:
    (a,) = y.args
    top = g.equal(a, y)
    return (g.mul(top, g.div(d, g.reduce("sum", top, a.width))),)


RULES: dict[str, Rule] = {
    "add": lambda g, d, y: (d, d),
    "sub": lambda g, d, y: (d, g.neg(d)),
    "mul": _mul,
    "div": _div,
    "neg": lambda g, d, y: (g.neg(d),),
    "abs": lambda g, d, y: (g.mul(d, g.sub(g.less(0, y.args[0]), g.less(y.args[0], 0))),),
    "sqrt": lambda g, d, y: (g.div(g.mul(0.5, d), y),),
    "exp": lambda g, d, y: (g.mul(d, y),),
    "expm1": lambda g, d, y: (g.mul(d, g.add(y, 1)),),
    "log": lambda g, d, y: (g.div(d, y.args[0]),),
    "log1p": lambda g, d, y: (g.div(d, g.add(1, y.args[0])),),
    "tanh": lambda g, d, y: (g.mul(d, g.sub(1, g.mul(y, y))),),
    "sigmoid": lambda g, d, y: (g.mul(d, g.mul(y, g.sub(1, y))),),
    "softplus": lambda g, d, y: (g.mul(d, g.sigmoid(y.args[0])),),
    "sin": lambda g, d, y: (g.mul(d, g.cos(y.args[0])),),
    "cos": lambda g, d, y: (g.neg(g.mul(d, g.sin(y.args[0]))),),
    "erf": lambda g, d, y: (g.mul(d, g.mul(2 / math.sqrt(math.pi), g.exp(g.neg(g.mul(y.args[0], y.args[0]))))),),
    "pow": _pow,
    "remainder": _remainder,
    "maximum": _extremum,
    "minimum": _extremum,
    "select": _select,
    "spread": lambda g, d, y: (d,),
    "same": lambda g, d, y: (d,),
    "sum": lambda g, d, y: (d,),
    "amax": _amax,
}
FLAT = {"floor", "less", "less_equal", "equal", "stop"}  # no gradient


class Deferred(NamedTuple):
    """A gradient of a matrix: operand.T @ gradient, over all rows and steps, is added at a segment's place."""

    operand: Node
    gradient: Node
    segment: Segment


@dataclass
class Backward:
    """What a step backwards computes: the gradient of each leaf, and what the gradients of matrices need."""

    leaves: dict[Node, Node] = field(default_factory=dict)
    deferred: list[Deferred] = field(default_factory=list)

    @property
    def outputs(self) -> list[Node]:
        return [*self.leaves.values(), *(d.operand for d in self.deferred), *(d.gradient for d in self.deferred)]


@dataclass
class _Sum:
    """The gradient of a node, as it gathers."""

    others: list[Node] = field(default_factory=list)
    products: list[tuple[Node, Segment]] = field(default_factory=list)

    def total(self, graph: Graph, width: int) -> Node:
        result: Node = graph.value(0)
        for node in self.others:
            result = graph.add(result, node)
        if self.products:
            if not result.is_number:  # a product may be computed apart from what it is added to
                result = graph.spread_to(result, width)
            result = graph.add(result, graph.product(self.products, width))
        return result


def differentiate(loop: Loop, wanted: set[tuple[str, int]]) -> Backward:
    """Adds the nodes of a step backwards to the loop's graph.

    Args:
        loop: The step; the gradient of each new state is the sum of its leaves "cotangent" and "incoming".
        wanted: Kind and index of the inputs whose gradients are asked for: "step", "batch", "vector", "matrix". Those
            of the states always are.
    """
    graph, result = loop.graph, Backward()
    order = reachable(loop.outputs)
    active = _active(order, wanted)
    sums: dict[Node, _Sum] = {}
    for index, pieces in enumerate(loop.new_state):
        low = 0
        for piece in pieces:
            # From the steps after this one, and from outside, where every state was given out.
            sums.setdefault(piece, _Sum()).others += [
                graph.leaf(kind, index, low, piece.width) for kind in ("cotangent", "incoming")
            ]
            low += piece.width
    for node in reversed(order):
        if node not in active or node not in sums:
            continue
        gradient = sums[node].total(graph, node.width)
        if node.is_leaf:
            result.leaves[node] = graph.spread_to(gradient, node.width)
        elif node.op == "product":
            gradient = graph.spread_to(gradient, node.width)
            for operand, segment in operands(node):
                if ("matrix", segment.matrix) in wanted:
                    result.deferred.append(Deferred(operand, gradient, segment))
                if operand in active:
                    back = segment._replace(transposed=not segment.transposed)
                    sums.setdefault(operand, _Sum()).products.append((gradient, back))
        elif node.op not in FLAT:
            for operand, part in zip(node.args, RULES[node.op](graph, gradient, node), strict=True):
                if part is not None and operand in active:
                    # One number went to every column: their gradients come together.
                    if operand.width == 1 and node.width > 1:
                        part = graph.reduce("sum", part, node.width)
                    sums.setdefault(operand, _Sum()).others.append(part)
    return result


def _active(order: list[Node], wanted: set[tuple[str, int]]) -> set[Node]:
    """The nodes through which a gradient flows to what is wanted."""
    active: set[Node] = set()
    for node in order:
        if node.is_leaf:
            assert isinstance(node.data, Leaf)
            if node.op == "state" or (node.op, node.data.index) in wanted:
                active.add(node)
        elif node.op not in FLAT:
            matrices = {segment.matrix for _, segment in operands(node)} if node.op == "product" else set()
            if any(arg in active for arg in node.args) or any(("matrix", m) in wanted for m in matrices):
                active.add(node)
    return active
