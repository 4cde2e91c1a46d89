"""A cell's step as a graph: what the search changes, prints and compares.

Every value between the leaves and the next state is hidden_size wide. The input x, which has a size of its own, enters
through linear maps only.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "one_minus": lambda a: 1 - a,
    "one_plus": lambda a: 1 + a,
}
ELEMENTWISE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "sum": operator.add,
    "product": operator.mul,
    "difference": operator.sub,
}
COMMUTATIVE = ("sum", "product")
OPERANDS = {**dict.fromkeys(ACTIVATIONS, 1), **dict.fromkeys(ELEMENTWISE, 2), "linear": 1}

_LINEAR_FIELDS = ("bias", "bias_start", "diagonal")


@dataclass(frozen=True)
class Node:
    """One value of a step.

    Attributes:
        op: "x" or the name of a state for a leaf; "linear"; a name of :data:`ACTIVATIONS` or :data:`ELEMENTWISE`.
        args: Numbers of the nodes that it is computed from.
        bias: Of a linear map: whether a vector is added.
        bias_start: Added to the random values with which the bias starts: 1 for an LSTM's forget gate.
        diagonal: Of a linear map between values of the hidden size: added to the diagonal with which its matrix
            starts, so that 1 is near the identity (Jozefowicz et al. 2015, section 3.2).
        name: What people call the value ("z"); no part of the architecture.
    """

    op: str
    args: tuple[int, ...] = ()
    bias: bool = False
    bias_start: float = 0.0
    diagonal: float = 0.0
    name: str = field(default="", compare=False)

    @property
    def label(self) -> tuple[Any, ...]:
        """What the node does to its operands."""
        return (self.op, *(getattr(self, key) for key in _LINEAR_FIELDS))

    def to_list(self) -> list[Any]:
        """Plain values: ``["linear", 0, {"bias": True}]``."""
        default = Node(self.op)
        options = {key: getattr(self, key) for key in (*_LINEAR_FIELDS, "name")}
        options = {key: value for key, value in options.items() if value != getattr(default, key)}
        return [self.op, *self.args, *([options] if options else [])]

    @classmethod
    def from_list(cls, values: Sequence[Any]) -> Node:
        """The inverse of :meth:`to_list`."""
        op, *rest = values
        options = rest.pop() if rest and isinstance(rest[-1], dict) else {}
        return cls(op, tuple(rest), **options)


@dataclass(frozen=True)
class CellGraph:
    """The step of a cell: ``nodes`` in an order of computation, the leaves first.

    Two linear maps of one value are two nodes with a matrix each; a node that is used twice is one value. Whether a
    graph can be a cell at all, :func:`violation` says.

    Attributes:
        states: Names of the states; the first is the cell's output.
        nodes: Node 0 is x, nodes 1 .. len(states) are the states before the step, the rest is computed.
        outputs: The node that is each state's next value.

    Example:
        >>> graph = CellGraph(
        ...     ("h",),
        ...     (Node("x"), Node("h"), Node("linear", (0,)), Node("sum", (1, 2)), Node("tanh", (3,))),
        ...     (4,),
        ... )
        >>> violation(graph)
        >>> graph.computed
        [2, 3, 4]
        >>> x, h = torch.zeros(2, 3), torch.ones(2, 5)
        >>> [new] = graph.evaluate(x, [h], {2: torch.nn.Linear(3, 5, bias=False)})
        >>> torch.equal(new, torch.tanh(h))
        True
    """

    states: tuple[str, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]

    @property
    def computed(self) -> list[int]:
        """Numbers of the nodes that are no leaves."""
        return list(range(1 + len(self.states), len(self.nodes)))

    @property
    def linears(self) -> list[int]:
        """Numbers of the linear maps."""
        return [number for number, node in enumerate(self.nodes) if node.op == "linear"]

    def evaluate(
        self, x: Tensor, states: Sequence[Tensor], linears: Mapping[int, Callable[[Tensor], Tensor]]
    ) -> tuple[Tensor, ...]:
        """The next states.

        Args:
            x: Input of the step, ``[B, input_size]``.
            states: Each state before it, ``[B, hidden_size]``.
            linears: What each linear map does, by the number of its node.
        """
        values = [x, *states]
        for number in self.computed:
            node = self.nodes[number]
            operands = [values[arg] for arg in node.args]
            function = linears[number] if node.op == "linear" else (ACTIVATIONS | ELEMENTWISE)[node.op]  # type: ignore[operator]
            values.append(function(*operands))
        return tuple(values[output] for output in self.outputs)

    def users(self) -> list[list[int]]:
        """Of each node, the nodes computed from it; one that uses a value twice stands there twice."""
        found: list[list[int]] = [[] for _ in self.nodes]
        for number, node in enumerate(self.nodes):
            for arg in node.args:
                found[arg].append(number)
        return found

    def ancestors(self, number: int) -> set[int]:
        """All nodes that a node is computed from."""
        return ancestors(self.nodes, number)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "states": list(self.states),
            "nodes": [node.to_list() for node in self.nodes],
            "outputs": list(self.outputs),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> CellGraph:
        """The inverse of :meth:`to_dict`."""
        nodes = tuple(Node.from_list(node) for node in values["nodes"])
        return cls(tuple(values["states"]), nodes, tuple(values["outputs"]))


def ancestors(nodes: Sequence[Node], number: int) -> set[int]:
    """All nodes that a node is computed from, in whatever order they stand."""
    found: set[int] = set()
    todo = list(nodes[number].args)
    while todo:
        arg = todo.pop()
        if arg not in found:
            found.add(arg)
            todo += nodes[arg].args
    return found


def violation(graph: CellGraph, most_nodes: int = 48, most_linears: int = 12) -> str | None:
    """Why a graph can't be a cell, or None if it can.

    Args:
        graph: The graph.
        most_nodes: How many values may be computed; an LSTM computes 21.
        most_linears: How many of them may be linear maps; an LSTM has 8.

    Example:
        >>> violation(CellGraph(("h",), (Node("x"), Node("h"), Node("tanh", (1,))), (2,)))
        'the next h does not depend on x'
    """
    nodes, states = graph.nodes, graph.states
    leaves = [node.op for node in nodes[: 1 + len(states)]]
    if leaves != ["x", *states] or len(graph.outputs) != len(states):
        return f"its leaves are {leaves}, not x and the states {list(states)}"
    for number in graph.computed:
        reason = _misuse(graph, number)
        if reason:
            return f"node {number}: {reason}"
    if len(graph.computed) > most_nodes:
        return f"{len(graph.computed)} nodes are more than {most_nodes}"
    if len(graph.linears) > most_linears:
        return f"{len(graph.linears)} linear maps are more than {most_linears}"
    old = set(range(1, 1 + len(states)))
    sources = [graph.ancestors(output) for output in graph.outputs]
    for state, found in zip(states, sources, strict=True):
        if 0 not in found:
            return f"the next {state} does not depend on x"
        if not old & found:
            return f"the next {state} does not depend on a state"
    # What h doesn't see of another state is never seen: h is the output. With the rules above, some state remembers.
    for number, state in enumerate(states[1:], 2):
        if number not in sources[0]:
            return f"the next {states[0]} does not depend on {state}"
    return None


def _misuse(graph: CellGraph, number: int) -> str | None:
    node = graph.nodes[number]
    if OPERANDS.get(node.op) != len(node.args):
        return f"there is no operation {node.op!r} of {len(node.args)} operands"
    if not all(0 <= arg < number for arg in node.args):
        return "it is computed from nodes that come later"
    if 0 in node.args and node.op != "linear":
        return "x enters through linear maps only: its size is its own"
    if 0 in node.args and node.diagonal:
        return "a map of x has no diagonal"
    if node.op == "difference" and node.args[0] == node.args[1]:
        return "a value minus itself is zero"
    return None
