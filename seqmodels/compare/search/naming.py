"""Which values of a graph get a line of their own, and what they and the matrices are called in print."""

from __future__ import annotations

import itertools
from collections import Counter

from seqmodels.compare.search.graph import CellGraph

ACTIVATION_TEXTS = {"one_minus": "1 - {}", "one_plus": "1 + {}"}  # the rest is called as a function
SIGNS = {"sum": "+", "difference": "-", "product": "*"}


class Names:
    """Names of the values that stand in lines of their own, and of the linear maps.

    A value gets a line if it is used more than once, or if people have a name for it ("z"); ``more`` adds others.

    Attributes:
        lines: Names of values by the numbers of their nodes, in the order of computation.
        linears: Names of the linear maps: ``W_xz`` takes x to z.
    """

    def __init__(self, graph: CellGraph, more: frozenset[int] = frozenset()) -> None:
        self.graph = graph
        self.uses = Counter(arg for node in graph.nodes for arg in node.args)
        self.uses.update(graph.outputs)
        self.lines = self._name_lines(more)
        self.linears = self._name_linears()

    def leaf(self, number: int) -> str | None:
        """The name of x or a state."""
        return self.graph.nodes[number].op if number <= len(self.graph.states) else None

    def name(self, number: int) -> str | None:
        """What a value is called, if it needn't be spelled out."""
        return self.leaf(number) or self.lines.get(number)

    def _name_lines(self, more: frozenset[int]) -> dict[int, str]:
        lines: dict[int, str] = {}
        taken = {"x", "self", "torch", *self.graph.states}
        for number in self.graph.computed:
            node = self.graph.nodes[number]
            if self.uses[number] < 2 and number not in more and (not node.name or number in self.graph.outputs):
                continue
            if number in self.graph.outputs:
                name = f"new_{self.graph.states[self.graph.outputs.index(number)]}"
            elif node.name.isidentifier() and node.name not in taken:
                name = node.name
            else:
                letter = "g" if node.op == "sigmoid" else "u"  # a gate or just a value
                name = next(name for k in itertools.count(1) if (name := f"{letter}{k}") not in taken)
            taken.add(name)
            lines[number] = name
        return lines

    def _name_linears(self) -> dict[int, str]:
        names: dict[int, str] = {}
        known: Counter[str] = Counter()
        for number in self.graph.linears:
            ends = self._source(self.graph.nodes[number].args[0]), self._target(number)
            name = "W_" + ("" if all(len(end) == 1 for end in ends) else "_").join(ends)
            known[name] += 1
            names[number] = name if known[name] == 1 else f"{name}_{known[name]}"
        return names

    def _source(self, number: int) -> str:
        """What a matrix is multiplied by: a name, or for an expression (r * h) the state or the first name in it."""
        name = self.name(number)
        if name is not None:
            return name.removeprefix("new_")
        inside = [self._source(arg) for arg in self.graph.nodes[number].args]
        return next((name for name in inside if name in self.graph.states), inside[0])

    def _target(self, number: int) -> str:
        """The line in which a matrix stands."""
        while number not in self.lines:
            if number in self.graph.outputs:
                return self.graph.states[self.graph.outputs.index(number)]
            number = next(user for user, node in enumerate(self.graph.nodes) if number in node.args)
        return self.lines[number].removeprefix("new_")
