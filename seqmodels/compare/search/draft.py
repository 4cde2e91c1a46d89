"""A graph while it is being written or changed: nodes may stand in any order, and be of no use to anyone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from seqmodels.compare.search.graph import COMMUTATIVE, CellGraph, Node, ancestors


class Draft:
    """Nodes to add to and to change, starting with the leaves or with a graph's nodes.

    Example:
        >>> draft = Draft.empty(["h"])
        >>> inside = draft.add(Node("sum", (draft.add(Node("linear", (0,))), draft.add(Node("linear", (1,))))))
        >>> unused = draft.add(Node("relu", (1,)))
        >>> draft.outputs = [draft.add(Node("tanh", (inside,)))]
        >>> [node.op for node in draft.graph().nodes]
        ['x', 'h', 'linear', 'linear', 'sum', 'tanh']
    """

    def __init__(self, states: Sequence[str], nodes: Sequence[Node], outputs: Sequence[int]) -> None:
        self.states, self.nodes, self.outputs = tuple(states), list(nodes), list(outputs)

    @classmethod
    def empty(cls, states: Sequence[str]) -> Draft:
        """The leaves alone."""
        return cls(states, [Node("x"), *(Node(state) for state in states)], [])

    @classmethod
    def of(cls, graph: CellGraph) -> Draft:
        """A copy of a graph, with the same numbers."""
        return cls(graph.states, graph.nodes, graph.outputs)

    def add(self, node: Node) -> int:
        """The number of a new node."""
        self.nodes.append(node)
        return len(self.nodes) - 1

    def value(self, number: int) -> int:
        """The node as an operand of anything: itself, or a new linear map of x."""
        return self.add(Node("linear", (0,), bias=True)) if number == 0 else number

    def substitute(self, old: int, new: int) -> None:
        """Lets all that use one node use another, but for the other itself."""
        for number, node in enumerate(self.nodes):
            if old in node.args and number != new:
                self.nodes[number] = replace(node, args=tuple(new if arg == old else arg for arg in node.args))
        self.outputs = [new if output == old else output for output in self.outputs]

    def reachable(self) -> set[int]:
        """What the outputs are computed from, and the outputs."""
        return set(self.outputs).union(*(ancestors(self.nodes, output) for output in self.outputs))

    def uses(self, number: int) -> int:
        """How often a node is used by others that are of use, or is an output."""
        users = (self.nodes[user] for user in self.reachable())
        return sum(user.args.count(number) for user in users) + self.outputs.count(number)

    def graph(self) -> CellGraph:
        """The graph, in an order of computation: without what is of no use, and with equal values computed once.

        Linear maps are never equal: each has a matrix of its own.

        Raises:
            ValueError: If a node is computed from itself.
        """
        leaves = 1 + len(self.states)
        nodes, places = self.nodes[:leaves], dict(zip(range(leaves), range(leaves), strict=True))
        known: dict[tuple, int] = {}
        for number in self._order():
            node = self.nodes[number]
            args = tuple(places[arg] for arg in node.args)
            key = (node.op, tuple(sorted(args)) if node.op in COMMUTATIVE else args)
            if node.op != "linear" and key in known:
                places[number] = known[key]
                continue
            places[number] = known[key] = len(nodes)
            nodes.append(replace(node, args=args))
        return CellGraph(self.states, tuple(nodes), tuple(places[output] for output in self.outputs))

    def _order(self) -> list[int]:
        """Nodes of use, each after its operands, else in the order in which they were added."""
        used = self.reachable() - set(range(1 + len(self.states)))
        waiting = {number: used.intersection(self.nodes[number].args) for number in used}
        order: list[int] = []
        while waiting:
            ready = [number for number, operands in waiting.items() if not operands]
            if not ready:
                raise ValueError(f"node {min(waiting)} is computed from itself")
            order.append(min(ready))
            del waiting[order[-1]]
            for operands in waiting.values():
                operands.discard(order[-1])
        return order
