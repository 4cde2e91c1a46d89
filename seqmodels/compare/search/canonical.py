"""A text that is the same for the same architecture, however its nodes are numbered, named and ordered."""

from __future__ import annotations

import hashlib
from collections import Counter
from typing import Any, NamedTuple

from seqmodels.compare.search.draft import Draft
from seqmodels.compare.search.graph import COMMUTATIVE, CellGraph


class _Term(NamedTuple):
    """A node, where sums of sums are one sum of all, and products likewise."""

    label: tuple[Any, ...]
    args: tuple[int, ...]
    is_ordered: bool


def canonical(graph: CellGraph) -> str:
    """The architecture as a text: equal texts are equal functions of x, the states and the weights.

    Operands of sums and products have no order, and a + (b + c) is (a + b) + c; names and numbers count for nothing.
    Other identities, such as 1 - (1 - a) = a, are not known here.

    Example:
        >>> from seqmodels.compare.search.seeds import SEEDS
        >>> canonical(SEEDS["elman"]())
        'h0 x1; 2=linear(0); 3=linear+b(1); 4=sum(2,3); 5=tanh(4); next 5'
    """
    graph = Draft.of(graph).graph()
    terms = _terms(graph)
    rank = _ranks(terms, graph)
    return _text(terms, graph, rank)


def fingerprint(graph: CellGraph) -> str:
    """Sixteen hexadecimal digits of :func:`canonical`."""
    return hashlib.sha256(canonical(graph).encode()).hexdigest()[:16]


def _terms(graph: CellGraph) -> dict[int, _Term]:
    uses = Counter(arg for node in graph.nodes for arg in node.args)
    uses.update(graph.outputs)
    terms: dict[int, _Term] = {}
    for number, node in enumerate(graph.nodes):
        args: list[int] = []
        for arg in node.args:
            # A value that others use too stays whole: spelled out in each, sums of sums would grow without bound.
            inner = node.op in COMMUTATIVE and graph.nodes[arg].op == node.op and uses[arg] == 1
            args += terms[arg].args if inner else [arg]
        terms[number] = _Term(node.label, tuple(args), node.op not in COMMUTATIVE)
    used = {arg for term in terms.values() for arg in term.args} | {*graph.outputs, *range(1 + len(graph.states))}
    # Sums within sums are no longer used by anything; nothing that is used was used by them alone.
    return {number: term for number, term in terms.items() if number in used}


def _ranks(terms: dict[int, _Term], graph: CellGraph) -> dict[int, int]:
    """A place of each term that depends on what it is and what it is connected to, not on its number.

    Colours are refined by those of operands and users until nothing changes; where some are still alike, one of them
    is set apart and refinement goes on. Terms that are alike, but not by a symmetry of the graph, could still get two
    orders: then an architecture is tried twice, but never are two taken for one.
    """
    users: dict[int, list[tuple[int, int]]] = {number: [] for number in terms}
    for number, term in terms.items():
        for place, arg in enumerate(term.args):
            users[arg].append((number, place if term.is_ordered else 0))
    outputs = {number: tuple(k for k, out in enumerate(graph.outputs) if out == number) for number in terms}
    colour = _numbered({number: (str(term.label), outputs[number]) for number, term in terms.items()})
    while True:
        classes = len(set(colour.values()))
        signs = {}
        for number, term in terms.items():
            args = [colour[arg] for arg in term.args]
            below = tuple(args if term.is_ordered else sorted(args))
            above = tuple(sorted((colour[user], place) for user, place in users[number]))
            signs[number] = (colour[number], below, above)
        colour = _numbered(signs)
        if len(set(colour.values())) == classes:
            alike = [value for value, count in Counter(colour.values()).items() if count > 1]
            if not alike:
                return colour
            one = next(number for number in terms if colour[number] == min(alike))
            colour = _numbered({number: (value, number != one) for number, value in colour.items()})


def _numbered(signs: dict[int, Any]) -> dict[int, int]:
    places = {sign: place for place, sign in enumerate(sorted(set(signs.values())))}
    return {number: places[sign] for number, sign in signs.items()}


def _text(terms: dict[int, _Term], graph: CellGraph, rank: dict[int, int]) -> str:
    names: dict[int, int] = {}
    parts: list[str] = []
    for leaf in sorted(range(1 + len(graph.states)), key=lambda leaf: graph.nodes[leaf].op):
        names[leaf] = len(names)
        parts.append(f"{graph.nodes[leaf].op}{names[leaf]}")
    lines = [" ".join(parts)]

    todo = [(output, False) for output in reversed(graph.outputs)]
    while todo:
        number, operands_done = todo.pop()
        if number in names:
            continue
        term = terms[number]
        args = term.args if term.is_ordered else tuple(sorted(term.args, key=rank.__getitem__))
        if not operands_done:
            todo += [(number, True), *((arg, False) for arg in reversed(args))]
            continue
        written = [names[arg] for arg in args]
        names[number] = len(names)
        operands = ",".join(str(name) for name in (written if term.is_ordered else sorted(written)))
        lines.append(f"{names[number]}={_label(term.label)}({operands})")
    return "; ".join([*lines, "next " + " ".join(str(names[output]) for output in graph.outputs)])


def _label(label: tuple[Any, ...]) -> str:
    op, bias, bias_start, diagonal = label
    start = f" from {bias_start!r}" if bias_start else ""
    identity = f" near {diagonal!r} I" if diagonal else ""
    return f"{op}{'+b' if bias else ''}{start}{identity}"
