"""Cells of the literature as graphs: where a search starts.

Each is written as its equations, and computes what the built-in cell of its name computes with the same weights. Where
a paper adds a bare x to vectors of the hidden size (MUT1, MUT2), a matrix without bias stands before it, as it does in
the built-in cells where the sizes differ.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from seqmodels.compare.search.draft import Draft
from seqmodels.compare.search.graph import CellGraph, Node


class Value:
    """A node of a draft, with the operators of arithmetic."""

    def __init__(self, draft: Draft, number: int) -> None:
        self.draft, self.number = draft, number

    def _new(self, op: str, *others: Value) -> Value:
        args = (self.number, *(other.number for other in others))
        return Value(self.draft, self.draft.add(Node(op, args)))

    def __add__(self, other: Value) -> Value:
        return self._new("sum", other)

    def __mul__(self, other: Value) -> Value:
        return self._new("product", other)

    def __sub__(self, other: Value) -> Value:
        return self._new("difference", other)

    def __rsub__(self, one: int) -> Value:
        assert one == 1, "the only constant is the 1 of 1 - a"
        return self._new("one_minus")

    def named(self, name: str) -> Value:
        self.draft.nodes[self.number] = replace(self.draft.nodes[self.number], name=name)
        return self


def W(value: Value, bias: bool = False, bias_start: float = 0.0) -> Value:  # noqa: N802 (as in the equations)
    """A linear map with a matrix of its own."""
    node = Node("linear", (value.number,), bias=bias, bias_start=bias_start)
    return Value(value.draft, value.draft.add(node))


def tanh(value: Value) -> Value:
    return value._new("tanh")


def sigm(value: Value) -> Value:
    return value._new("sigmoid")


def start(*states: str) -> list[Value]:
    """x and the states of a new draft."""
    draft = Draft.empty(states)
    return [Value(draft, number) for number in range(1 + len(states))]


def finish(*states: Value) -> CellGraph:
    """The graph whose next states these are."""
    draft = states[0].draft
    draft.outputs = [state.number for state in states]
    return draft.graph()


def elman() -> CellGraph:
    """Elman 1990."""
    x, h = start("h")
    return finish(tanh(W(x, bias=True) + W(h)))


def lstm(forget_bias: float = 1.0) -> CellGraph:
    """Hochreiter & Schmidhuber 1997 with the forget gate of Gers et al. 2000, whose bias starts at ``forget_bias``."""
    x, h, c = start("h", "c")
    i = sigm(W(x, bias=True) + W(h)).named("i")
    f = sigm(W(x, bias=True, bias_start=forget_bias) + W(h)).named("f")
    o = sigm(W(x, bias=True) + W(h)).named("o")
    c = f * c + i * tanh(W(x, bias=True) + W(h))
    return finish(o * tanh(c), c)


def coupled(forget_bias: float = 1.0) -> CellGraph:
    """Greff et al. 2015: the input gate is one minus the forget gate."""
    x, h, c = start("h", "c")
    f = sigm(W(x, bias=True, bias_start=forget_bias) + W(h)).named("f")
    o = sigm(W(x, bias=True) + W(h)).named("o")
    c = f * c + (1 - f) * tanh(W(x, bias=True) + W(h))
    return finish(o * tanh(c), c)


def gru() -> CellGraph:
    """Cho et al. 2014, as Chung et al. 2014 write it."""
    x, h = start("h")
    z = sigm(W(x, bias=True) + W(h)).named("z")
    r = sigm(W(x, bias=True) + W(h)).named("r")
    return finish((1 - z) * h + z * tanh(W(x, bias=True) + W(r * h)))


def mut1() -> CellGraph:
    """Jozefowicz et al. 2015."""
    x, h = start("h")
    z = sigm(W(x, bias=True)).named("z")
    r = sigm(W(x, bias=True) + W(h)).named("r")
    return finish(tanh(W(r * h, bias=True) + tanh(W(x))) * z + h * (1 - z))


def mut2() -> CellGraph:
    """Jozefowicz et al. 2015."""
    x, h = start("h")
    z = sigm(W(x, bias=True) + W(h)).named("z")
    r = sigm(W(x) + W(h, bias=True)).named("r")
    return finish(tanh(W(r * h) + W(x, bias=True)) * z + h * (1 - z))


def mut3() -> CellGraph:
    """Jozefowicz et al. 2015."""
    x, h = start("h")
    z = sigm(W(x, bias=True) + W(tanh(h))).named("z")
    r = sigm(W(x, bias=True) + W(h)).named("r")
    return finish(tanh(W(r * h) + W(x, bias=True)) * z + h * (1 - z))


SEEDS: dict[str, Callable[[], CellGraph]] = {
    seed.__name__: seed for seed in (elman, lstm, coupled, gru, mut1, mut2, mut3)
}
