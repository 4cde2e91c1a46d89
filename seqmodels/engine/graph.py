"""The graph of one step for one row of a batch: what every pass after tracing works on.

A node is a vector of ``width`` numbers, or one number (width 1) that goes with every column. Leaves are columns of the
loop's inputs; the rest is pointwise, a reduction of the row, or a product with matrices. Equal nodes are one object.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isnan
from typing import NamedTuple

LEAVES = {
    "step": "an input of every step, [T, B, w]",
    "state": "a state before the step, [B, w]",
    "batch": "an input of every row that no step changes, [B, w]",
    "vector": "parameters, [w]",
    "cotangent": "gradient of a state after the step, from the steps that follow, [B, w]",
    "incoming": "gradient of a state after the step, as one of the results of the loop, [T, B, w]",
}
# Pointwise operations and their numbers of operands. Truth is 1, falsehood 0.
POINTWISE = {
    "add": 2,
    "sub": 2,
    "mul": 2,
    "div": 2,
    "neg": 1,
    "abs": 1,
    "sqrt": 1,
    "exp": 1,
    "expm1": 1,
    "log": 1,
    "log1p": 1,
    "tanh": 1,
    "sigmoid": 1,
    "softplus": 1,
    "sin": 1,
    "cos": 1,
    "erf": 1,
    "pow": 2,
    "floor": 1,
    "remainder": 2,  # it has the sign of the second
    "maximum": 2,
    "minimum": 2,
    "less": 2,
    "less_equal": 2,
    "equal": 2,
    "select": 3,  # where the first is true the second, else the third
    "spread": 1,  # one number to every column
    "same": 1,  # the value: its gradients come together here before they join others
    "stop": 1,  # the value, without a gradient
}
REDUCTIONS = ("sum", "amax")
EXPENSIVE = {"exp", "expm1", "log", "log1p", "tanh", "sigmoid", "softplus", "sin", "cos", "erf"}
EXPENSIVE |= {"pow", "remainder", "sqrt", "div"}


class Unsupported(Exception):
    """The engine can't take this step; says why. It then runs as the plain loop."""


class Leaf(NamedTuple):
    """Columns low .. low + width of one input."""

    index: int  # type: ignore[assignment]  # hides tuple.index
    low: int


class Segment(NamedTuple):
    """One operand of a product: its matrix is M[row : row + K, column : column + N], or its transpose."""

    matrix: int
    row: int
    column: int
    transposed: bool = False


@dataclass(frozen=True, eq=False)
class Node:
    """One value of the step; ``data`` is a Leaf, a number, or the segments of a product, one an operand."""

    op: str
    args: tuple["Node", ...]
    width: int
    data: Leaf | float | tuple[Segment, ...] | None = None
    number: int = 0  # position in its graph; operands come before what uses them

    @property
    def is_leaf(self) -> bool:
        return self.op in LEAVES

    @property
    def is_number(self) -> bool:
        return self.op == "number"

    def __repr__(self) -> str:
        return f"n{self.number}"


class Graph:
    """Makes nodes, each once, and folds what is known without running."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._known: dict[tuple, Node] = {}

    def make(self, op: str, args: Sequence[Node], width: int, data: Leaf | float | tuple | None = None) -> Node:
        key = (op, tuple(arg.number for arg in args), width, repr(data))
        if key not in self._known:
            node = Node(op, tuple(args), width, data, len(self.nodes))
            self.nodes.append(node)
            self._known[key] = node
        return self._known[key]

    def value(self, number: float) -> Node:
        return self.make("number", (), 1, float(number))

    def leaf(self, kind: str, index: int, low: int, width: int) -> Node:
        return self.make(kind, (), width, Leaf(index, low))

    def __getattr__(self, op: str) -> Callable[..., Node]:
        """``graph.tanh(a)``, ``graph.add(a, 1.0)``: a pointwise node; numbers may be given as such."""
        if op not in POINTWISE:
            raise AttributeError(op)
        return lambda *args: self.pointwise(op, *args)

    def pointwise(self, op: str, *args: Node | float) -> Node:
        nodes = [arg if isinstance(arg, Node) else self.value(arg) for arg in args]
        folded = _fold(self, op, nodes)
        if folded is not None:
            return folded
        width = max(node.width for node in nodes)
        if any(node.width not in (1, width) for node in nodes):
            raise Unsupported(f"{op} of {[node.width for node in nodes]} columns")
        return self.make(op, nodes, width)

    def spread_to(self, node: Node, width: int) -> Node:
        """The node in ``width`` columns."""
        return node if node.width == width else self.make("spread", (node,), width)

    def reduce(self, op: str, node: Node, width: int) -> Node:
        """Sum or maximum over ``width`` columns, of which a node of width 1 has as many equal ones."""
        if node.width == 1:
            return self.mul(node, width) if op == "sum" else node
        return self.make(op, (node,), 1)

    def product(self, operands: Iterable[tuple[Node, Segment]], width: int) -> Node:
        """The sum of operands times matrices; inputs of every step come first, as they can be computed ahead."""
        ordered = sorted(operands, key=lambda pair: (pair[0].op != "step", pair[0].number, pair[1]))
        return self.make("product", [arg for arg, _ in ordered], width, tuple(segment for _, segment in ordered))


class Elementwise(Graph):
    """The same graph, in which a reduction goes over pieces of equal width, not over their columns."""

    def __init__(self, graph: Graph) -> None:
        self.nodes, self._known = graph.nodes, graph._known

    def reduce(self, op: str, node: Node, width: int) -> Node:
        return node


def _fold(graph: Graph, op: str, args: list[Node]) -> Node | None:
    """The node that an operation comes to without running it, if there is one."""
    a = args[0]
    b = args[1] if len(args) > 1 else None
    values = [arg.data if arg.is_number else None for arg in args]
    if op == "add":
        assert b is not None
        if values == [0.0, None] or values == [None, 0.0]:
            return b if values[0] == 0.0 else a
        if a.op == b.op == "product" and a.width == b.width:
            return graph.product([*operands(a), *operands(b)], a.width)
        # (product + other) + product: one product, so that all operands go through one accumulation.
        for outer, inner in ((a, b), (b, a)):
            if outer.op == "product" and inner.op == "add":
                for first, second in (inner.args, inner.args[::-1]):
                    if first.op == "product" and first.width == outer.width:
                        return graph.add(graph.product([*operands(outer), *operands(first)], outer.width), second)
    if op == "sub" and values[-1] == 0.0:
        return a
    if op == "mul" and 1.0 in values:
        return args[1 - values.index(1.0)]
    if op == "div" and values[1] == 1.0:
        return a
    if op == "neg" and a.op == "neg":
        return a.args[0]
    if op in _NUMBERS and None not in values and not any(isnan(v) for v in values):  # type: ignore[arg-type]
        return graph.value(_NUMBERS[op](*values))
    return None


_NUMBERS: dict[str, Callable[..., float]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "neg": lambda a: -a,
}


def operands(node: Node) -> list[tuple[Node, Segment]]:
    """Of a product: its operands, each with its segment."""
    assert isinstance(node.data, tuple)
    return list(zip(node.args, node.data, strict=True))  # type: ignore[arg-type]


def reachable(outputs: Iterable[Node], stop: Callable[[Node], bool] = lambda node: False) -> list[Node]:
    """The nodes that outputs depend on, operands first; nothing behind a node that stops is looked at."""
    found: dict[int, Node] = {}
    todo = list(outputs)
    while todo:
        node = todo.pop()
        if node.number not in found:
            found[node.number] = node
            if not stop(node):
                todo += node.args
    return [found[number] for number in sorted(found)]


def check(nodes: Iterable[Node], matrices: Sequence[tuple[int, int]]) -> None:
    """Raises AssertionError unless the nodes make a graph as the module's docstring says."""
    for node in nodes:
        where = f"{node} = {node.op}"
        assert all(arg.number < node.number for arg in node.args), f"{where}: operand after its use"
        assert node.width >= 1, where
        if node.op in POINTWISE:
            assert len(node.args) == POINTWISE[node.op], f"{where}: operands"
            wanted = 1 if node.op == "spread" else node.width
            assert all(arg.width in (1, wanted) for arg in node.args), f"{where}: widths"
        elif node.op == "product":
            for arg, segment in operands(node):
                shape = (arg.width, node.width)
                rows, columns = shape[::-1] if segment.transposed else shape
                height, breadth = matrices[segment.matrix]
                assert segment.row + rows <= height, f"{where}: rows"
                assert segment.column + columns <= breadth, f"{where}: columns"
        elif node.op in REDUCTIONS:
            assert node.width == 1, where
            assert len(node.args) == 1, where
        else:
            assert node.is_leaf or node.is_number, f"{where}: no such operation"
