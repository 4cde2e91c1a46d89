"""Random changes of a graph, one small function each: Jozefowicz, Zaremba & Sutskever 2015, section 3.2.

Each takes a draft, the number of the node at hand, and a source of randomness. It changes the draft and says what it
did, or returns None where it doesn't apply to such a node. What comes out may break the rules of a cell
(:func:`seqmodels.compare.search.graph.violation`): such mutants are thrown away, not repaired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np

from seqmodels.compare.search.draft import Draft
from seqmodels.compare.search.graph import ACTIVATIONS, ELEMENTWISE, CellGraph, Node, ancestors, violation

# The linear activations of the paper: a new matrix whose diagonal starts this much higher.
DIAGONALS = (0.0, 0.9, 1.0, 1.1)

# Activations as nodes without operands. The paper has tanh, sigmoid, relu and the linear ones.
CHOICES = (
    *(Node(op) for op in ACTIVATIONS),
    *(Node("linear", bias=True, diagonal=diagonal) for diagonal in DIAGONALS),
)

Thing = TypeVar("Thing")
Mutation = Callable[[Draft, int, np.random.Generator], "str | None"]


@dataclass(frozen=True)
class Mutant:
    """What became of a graph.

    Attributes:
        graph: The new graph; None where it can't be a cell.
        mutations: What was done, in order.
        reason: Why it can't be a cell; empty if it can.
    """

    graph: CellGraph | None
    mutations: tuple[str, ...]
    reason: str = ""


def mutate(
    graph: CellGraph,
    random: np.random.Generator,
    largest_rate: float = 1.0,
    most_nodes: int = 48,
    most_linears: int = 12,
) -> Mutant:
    """Changes a graph at random.

    A probability is drawn from U(0, largest_rate); with it, each node undergoes one of :data:`MUTATIONS`. At least one
    node does. The mutant may still be the architecture that it was: mutations can undo each other.

    Args:
        graph: A valid graph.
        random: All randomness comes from here.
        largest_rate: At most this part of the nodes is changed, on average; above 0 and at most 1. The paper's is 1.
        most_nodes: Larger graphs are no cells, as in :func:`violation`.
        most_linears: Nor are those with more linear maps.

    Example:
        >>> from seqmodels.compare.search.seeds import gru
        >>> mutant = mutate(gru(), np.random.default_rng(1), largest_rate=0.1)
        >>> mutant.mutations
        ('node 10 (one_minus) is now relu',)
    """
    draft = Draft.of(graph)
    rate = random.uniform(0, largest_rate)
    chosen = [number for number in graph.computed if random.random() < rate]
    if not chosen:
        chosen = [int(random.choice(graph.computed))]
    done: list[str] = []
    for number in chosen:
        if number in draft.reachable():  # an earlier mutation may have cut it off
            done += _one_of_the_mutations(draft, number, random)
    mutations = tuple(done)
    try:
        changed = draft.graph()
    except ValueError as error:
        return Mutant(None, mutations, str(error))
    reason = violation(changed, most_nodes, most_linears)
    return Mutant(None, mutations, reason) if reason else Mutant(changed, mutations)


def _one_of_the_mutations(draft: Draft, number: int, random: np.random.Generator) -> Iterable[str]:
    for place in random.permutation(len(MUTATIONS)):
        said = MUTATIONS[place](draft, number, random)
        if said is not None:
            return [said]
    return []


def another_activation(draft: Draft, number: int, random: np.random.Generator) -> str | None:
    """An activation becomes another one."""
    node = draft.nodes[number]
    if len(node.args) != 1 or node.args == (0,):
        return None
    new = _choose(random, [choice for choice in CHOICES if choice.op == "linear" or choice.op != node.op])
    draft.nodes[number] = replace(new, args=node.args, name=node.name)
    return f"{_words(node, number)} is now {_describe(new)}"


def another_operation(draft: Draft, number: int, random: np.random.Generator) -> str | None:
    """A sum, product or difference becomes another of them."""
    node = draft.nodes[number]
    if node.op not in ELEMENTWISE:
        return None
    op = _choose(random, [op for op in ELEMENTWISE if op != node.op])
    draft.nodes[number] = replace(node, op=op)
    return f"{_words(node, number)} is now a {op}"


def insert_activation(draft: Draft, number: int, random: np.random.Generator) -> str | None:
    """An activation comes between a node and one of its parents."""
    node = draft.nodes[number]
    place = int(random.integers(len(node.args)))
    parent = node.args[place]
    if parent == 0:
        return None
    new = _choose(random, CHOICES)
    inserted = draft.add(replace(new, args=(parent,)))
    draft.nodes[number] = replace(node, args=(*node.args[:place], inserted, *node.args[place + 1 :]))
    return f"{_describe(new)} before {_words(node, number)}"


def remove(draft: Draft, number: int, random: np.random.Generator) -> str | None:
    """A node with one input and one output goes."""
    node = draft.nodes[number]
    if len(node.args) != 1 or node.args == (0,) or draft.uses(number) != 1:
        return None
    draft.substitute(number, node.args[0])
    return f"without {_words(node, number)}"


def replace_by_ancestor(draft: Draft, number: int, random: np.random.Generator) -> str | None:
    """A node becomes one of those that it is computed from, which makes the graph smaller."""
    ancestor = _choose(random, sorted(ancestors(draft.nodes, number)))
    new = draft.value(ancestor)
    if new == number:
        return None
    draft.substitute(number, new)
    return f"{_words(draft.nodes[ancestor], ancestor)} for {_words(draft.nodes[number], number)}"


def combine(draft: Draft, number: int, random: np.random.Generator) -> str | None:
    """A node becomes the sum, product or difference of one of its ancestors and another node's ancestor."""
    node = draft.nodes[number]
    # What is computed from this node may not become part of it.
    others = [other for other in sorted(draft.reachable() - {number}) if number not in ancestors(draft.nodes, other)]
    first, second = _choose(random, sorted(ancestors(draft.nodes, number))), _choose(random, others)
    op = _choose(random, list(ELEMENTWISE))
    new = draft.add(Node(op, (draft.value(first), draft.value(second)), name=node.name))
    draft.substitute(number, new)
    names = f"{_words(draft.nodes[first], first)} and {_words(draft.nodes[second], second)}"
    return f"the {op} of {names} for {_words(node, number)}"


def add_input(draft: Draft, number: int, random: np.random.Generator) -> str | None:
    """A linear map of x or of a state is added to a node."""
    node = draft.nodes[number]
    leaf = int(random.integers(1 + len(draft.states)))
    linear = draft.add(Node("linear", (leaf,)))
    total = draft.add(Node("sum", (number, linear)))
    draft.substitute(number, total)
    return f"a matrix times {draft.nodes[leaf].op} is added to {_words(node, number)}"


MUTATIONS: tuple[Mutation, ...] = (
    another_activation,
    another_operation,
    insert_activation,
    remove,
    replace_by_ancestor,
    combine,
    add_input,  # not in the paper, where only linear activations bring new matrices
)


def _choose(random: np.random.Generator, things: Sequence[Thing]) -> Thing:
    return things[int(random.integers(len(things)))]


def _describe(node: Node) -> str:
    if node.op == "linear":
        return f"a matrix near {node.diagonal:g} I" if node.diagonal else "a matrix"
    return {"one_minus": "1 - a", "one_plus": "1 + a"}.get(node.op, node.op)


def _words(node: Node, number: int) -> str:
    """A node as a reader of the parent's graph finds it."""
    if not node.args:
        return node.op
    return f"node {number} ({node.name + ': ' if node.name else ''}{node.op})"
