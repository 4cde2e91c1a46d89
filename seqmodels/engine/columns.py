"""Pass 2: torch's graph of a step becomes the graph of a row, split by what a value depends on.

- Parameters alone: computed once a call, by torch (the prelude).
- The input alone: products are left to the loop, which computes them ahead for many steps at once; what the loop has no
  operation for goes to the prelude, over all steps.
- The state: the loop.

Rows are cut where a step slices and joins them (the chunks of an LSTM's gates), so that each piece is one vector.
"""

import contextlib
import itertools
import operator
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from typing import Any, cast

import torch
from torch import fx

from seqmodels.engine import operations
from seqmodels.engine.blocks import Normalisation, blocks_of, normalisation_of, reduction
from seqmodels.engine.graph import Elementwise, Graph, Node, Segment, Unsupported
from seqmodels.engine.loop import Loop
from seqmodels.engine.moves import Move, aligned, are_scattered, moves, packet, shape_of

aten = torch.ops.aten
DEPENDS = ("parameter", "batch", "step", "state")  # each includes what stands before it
MOST_PIECES = 64
FILLED: dict[Any, Any] = {
    aten.zeros_like: lambda node: 0.0,
    aten.ones_like: lambda node: 1.0,
    aten.full_like: lambda node: node.args[1],
    aten.new_zeros: lambda node: 0.0,
    aten.new_ones: lambda node: 1.0,
    aten.new_full: lambda node: node.args[2],
    aten.zeros: lambda node: 0.0,
    aten.ones: lambda node: 1.0,
    aten.full: lambda node: node.args[1],
    aten.scalar_tensor: lambda node: node.args[0],
}


@dataclass
class Sources:
    """Where the inputs of the loop come from: nodes of torch's graph."""

    steps: list[fx.Node] = field(default_factory=list)
    batches: list[fx.Node] = field(default_factory=list)
    vectors: list[tuple[fx.Node, tuple[int, ...]]] = field(default_factory=list)  # and the columns to broadcast to
    matrices: list[fx.Node] = field(default_factory=list)


class Columns:
    """Lowers a traced step.

    Args:
        graph: The step in torch's operations; its output is the tuple of new states.
        kinds: Of each placeholder: "parameter", "batch", "step" or "state".
        rows: Size of the batch in the trace.

    Raises:
        Unsupported: If the loop can't have such a step.
    """

    def __init__(self, graph: fx.Graph, kinds: list[str], rows: int) -> None:
        self.rows = rows
        self.loop = Loop(Graph())
        self.sources = Sources()
        self.kinds: dict[fx.Node, str] = {}
        self._pieces: dict[fx.Node, list[Node]] = {}
        self._leaves: dict[tuple, int] = {}
        placeholders = [node for node in graph.nodes if node.op == "placeholder"]
        self._find_kinds(graph, dict(zip(placeholders, kinds, strict=True)))
        output = next(node for node in graph.nodes if node.op == "output")
        new_states: list[fx.Node] = list(output.args[0])
        self.states = [node for node in placeholders if self.kinds[node] == "state"]
        if len(new_states) != len(self.states):
            raise Unsupported(f"{len(self.states)} states became {len(new_states)}")
        self.loop.states = [self.width(node) for node in self.states]
        self.cuts = self._find_cuts(graph, list(zip(new_states, self.states, strict=True)))
        for new, old in zip(new_states, self.states, strict=True):
            if shape_of(new) != shape_of(old):
                raise Unsupported(f"a state of {self.width(old)} features became one of {list(shape_of(new)[1:])}")
            pieces = [self._spread(*each) for each in self._intervals(new)]
            self.loop.new_state.append(pieces)
        self.loop.check()

    # --- what a value depends on ------------------------------------------------------------------------------------

    def _find_kinds(self, graph: fx.Graph, placeholders: dict[fx.Node, str]) -> None:
        for node in graph.nodes:
            if node.op == "call_function" and torch.Tag.nondeterministic_seeded in getattr(node.target, "tags", ()):
                if "scaled_dot_product" in str(packet(node)):  # that draws nothing without dropout
                    raise Unsupported("attention with a mask or dropout")
                raise Unsupported(f"the step draws random numbers ({packet(node)})")
            if isinstance(node.meta.get("val"), torch.SymInt | torch.SymFloat | torch.SymBool):
                raise Unsupported(f"the step looks at values ({packet(node)})")
            among = [self.kinds[source] for source in node.all_input_nodes]
            self.kinds[node] = placeholders.get(node) or max(among, key=DEPENDS.index, default="parameter")

    def is_row(self, node: fx.Node) -> bool:
        """Whether a value has one row for each of the batch."""
        value = node.meta.get("val")
        return isinstance(value, torch.Tensor) and value.dim() > 0 and bool(value.shape[0] == self.rows)

    def width(self, node: fx.Node) -> int:
        if not self.is_row(node):
            raise Unsupported(f"{packet(node)} gives {list(shape_of(node))}, which doesn't begin with the batch")
        return prod(shape_of(node)[1:])

    # --- where rows are cut -----------------------------------------------------------------------------------------

    def _find_cuts(self, graph: fx.Graph, states: list[tuple[fx.Node, fx.Node]]) -> dict[fx.Node, set[int]]:
        """Column numbers at which each value is cut, so that operands and results fall into the same pieces."""
        links = [(new, 0, Move(old, 0, self.width(old))) for new, old in states]
        for node in graph.nodes:
            if node.op == "call_function" and self.is_row(node):
                links += self._links(node)
        cuts: dict[fx.Node, set[int]] = {}
        changed = True
        while changed:
            changed = False
            for node, at, move in links:
                here = cuts.setdefault(node, {0, self.width(node)})
                found = {at, at + move.length}
                if self.is_row(move.source):
                    there = cuts.setdefault(move.source, {0, self.width(move.source)})
                    back = {move.low, move.low + (1 if move.repeated else move.length)}
                    if not move.repeated:
                        shift = at - move.low
                        found |= {cut + shift for cut in there if move.low <= cut <= move.low + move.length}
                        back |= {cut - shift for cut in here | found if at <= cut <= at + move.length}
                    changed |= not back <= there
                    there |= back
                changed |= not found <= here
                here |= found
                if len(here) > MOST_PIECES:
                    raise Unsupported(f"{packet(node)} cuts a row into more than {MOST_PIECES} pieces")
        return cuts

    def _links(self, node: fx.Node) -> list[tuple[fx.Node, int, Move]]:
        """Which columns of a value correspond to which of another: (value, column, move)."""
        found = self._moves(node)
        if found is not None:
            return _in_order(node, found)
        call, tail = _call(node), shape_of(node)[1:]
        kind = packet(call)
        if kind in operations.POINTWISE:
            return [link for arg in call.all_input_nodes for link in _in_order(node, self._aligned(arg, tail))]
        if (norm := normalisation_of(node)) is not None:
            return norm.blocks.links(node, to_row=True)
        if kind in operations.TO_NUMBER or kind in operations.TO_ROW:
            with contextlib.suppress(Unsupported):
                return blocks_of(node).links(node, to_row=kind in operations.TO_ROW)
        return []

    def _moves(self, node: fx.Node) -> list[Move] | None:
        """Where its columns come from; None also of what the prelude rather moves, for all steps."""
        found = moves(node)
        return None if found is not None and self.kinds[node] == "step" and are_scattered(found) else found

    def _aligned(self, source: fx.Node, tail: tuple[int, ...]) -> list[Move]:
        return aligned(source, tail, self.is_row(source))

    def _intervals(self, node: fx.Node) -> list[tuple[Node, int]]:
        """The pieces of a value, each with its width."""
        return [(piece, high - low) for piece, (low, high) in zip(self.pieces(node), self._spans(node), strict=True)]

    def _edges(self, node: fx.Node) -> list[int]:
        return sorted(self.cuts.get(node) or {0, self.width(node)})

    # --- values as pieces -------------------------------------------------------------------------------------------

    def pieces(self, node: fx.Node) -> list[Node]:
        """What a value is, piece by piece."""
        if node not in self._pieces:
            self._pieces[node] = self._lower(node)
        return self._pieces[node]

    def _lower(self, node: fx.Node) -> list[Node]:
        kind = packet(node)
        if node.op == "placeholder":
            return self._leaf_pieces(node)
        if kind in FILLED and self.is_row(node):
            return [self.loop.graph.value(float(FILLED[kind](node))) for _ in self._edges(node)[1:]]
        if self.kinds[node] == "parameter" and moves(node) is None:
            raise Unsupported(f"{packet(node)} of parameters depends on the size of the batch")
        try:
            return self._lower_call(node)
        except Unsupported:
            if self.kinds[node] != "step":
                raise
            return self._leaf_pieces(node)  # the prelude computes it for all steps

    def _lower_call(self, node: fx.Node) -> list[Node]:
        kind = packet(_call(node))
        found = self._moves(node)
        if found is not None:
            return [self._moved(found, low, high) for low, high in self._spans(node)]
        if kind in operations.POINTWISE:
            return self._pointwise(node)
        if kind in (aten.mm, aten.addmm, aten.mv):
            return self._product(node)
        if kind in operations.TO_NUMBER:
            return self._reduced(node)
        if kind in operations.TO_ROW:
            return self._whole_row(node)
        if (norm := normalisation_of(node)) is not None:
            return self._normalised(node, norm)
        raise Unsupported(f"no rule for {packet(_maker(node))}")

    def _spans(self, node: fx.Node) -> Iterator[tuple[int, int]]:
        edges = self._edges(node)
        yield from itertools.pairwise(edges)

    def _moved(self, found: list[Move], low: int, high: int) -> Node:
        """Columns low .. high of a result that only moves numbers."""
        at = 0
        for move in found:
            if at <= low and high <= at + move.length:
                start = move.low if move.repeated else move.low + low - at
                return self._columns(move.source, start, 1 if move.repeated else high - low, len(found) == 1)
            at += move.length
        raise AssertionError("a piece lies across the operands it is joined from")

    def _columns(self, source: fx.Node, low: int, length: int, whole: bool = True) -> Node:
        """One piece of a row, or some columns of parameters."""
        if self.is_row(source):
            edges = self._edges(source)
            return self.pieces(source)[edges.index(low)]
        return self._vector(source, shape_of(source), low, length)

    def _pointwise(self, node: fx.Node) -> list[Node]:
        call, tail = _call(node), shape_of(node)[1:]
        kind = packet(call)
        if kind in operations.TRUTH_ONLY and node.meta["val"].dtype != torch.bool:
            raise Unsupported(f"{kind} of integers")
        if kind in operations.NUMBERS_ONLY and node.meta["val"].dtype == torch.bool:
            raise Unsupported(f"{kind} of truth values")
        if kind is aten._to_copy and not _keeps_value(node):
            raise Unsupported("values that become another type")
        where = {arg: self._aligned(arg, tail) for arg in call.all_input_nodes}
        result = []
        for low, high in self._spans(node):

            def operand(value: Any, low: int = low, high: int = high) -> Any:
                if not isinstance(value, fx.Node):
                    return float(value) if isinstance(value, bool) else value
                if not self.is_row(value):
                    return self._parameter(value, tail, low, high - low)
                return self._moved(where[value], low, high)

            options = {key: operand(value) for key, value in call.kwargs.items()}
            made = operations.POINTWISE[kind](self.loop.graph, *map(operand, call.args), **options)
            result.append(made if isinstance(made, Node) else self.loop.graph.value(made))
        return result

    def _product(self, node: fx.Node) -> list[Node]:
        kind, graph = packet(node), self.loop.graph
        bias, operand, matrix = node.args if kind is aten.addmm else (None, *node.args)
        assert isinstance(operand, fx.Node)
        assert isinstance(matrix, fx.Node)
        if node.kwargs:
            raise Unsupported("a scaled product (alpha, beta)")
        if not self.is_row(operand) or self.kinds[matrix] != "parameter":
            raise Unsupported("a product of two values that both depend on the batch")
        zero = graph.value(0)
        pieces = [(p if p is zero else self._spread(p, width), width) for p, width in self._intervals(operand)]
        if self.kinds[operand] == "step" and not all(piece.op == "step" for piece, _ in pieces):
            raise Unsupported("a product of what is computed from the input")  # the prelude has it
        index = self._input("matrix", matrix)
        result = []
        for low, high in self._spans(node):
            terms, row = [], 0
            for piece, width in pieces:
                if piece is not zero:
                    terms.append((piece, Segment(index, row, low)))
                row += width
            product: Node = graph.product(terms, high - low) if terms else zero
            if bias is not None:
                assert isinstance(bias, fx.Node)
                added = (
                    self._columns(bias, low, high - low)
                    if self.is_row(bias)
                    else self._parameter(bias, shape_of(node)[1:], low, high - low)
                )
                product = graph.add(product, added)
            result.append(product)
        return result

    def _reduced(self, node: fx.Node) -> list[Node]:
        blocks, graph = blocks_of(node), self.loop.graph
        rule, (_, options) = operations.TO_NUMBER[packet(node)], reduction(node)
        if blocks.inner == 1:
            groups = (blocks.group(index) for index in range(blocks.outer))
            return [rule(graph, *self._between(blocks.source, *group), **options) for group in groups]
        count = [1] * blocks.size
        return [
            rule(Elementwise(graph), [self._columns(blocks.source, at, high - low) for at in starts], count, **options)
            for low, high in self._spans(node)
            for starts in [blocks.counterparts(low // blocks.inner, low % blocks.inner)]
        ]

    def _whole_row(self, node: fx.Node) -> list[Node]:
        blocks, graph = blocks_of(node), self.loop.graph
        rule = operations.TO_ROW[packet(node)]
        if blocks.inner == 1:
            groups = (blocks.group(index) for index in range(blocks.outer))
            return [piece for group in groups for piece in rule(graph, *self._between(blocks.source, *group))]
        found: dict[int, Node] = {}
        for low, high in self._spans(node):
            outer, within = divmod(low, blocks.size * blocks.inner)
            if within < blocks.inner:  # the first of its counterparts
                starts = blocks.counterparts(outer, within)
                pieces = [self._columns(blocks.source, at, high - low) for at in starts]
                count = [1] * blocks.size
                found |= zip(starts, rule(Elementwise(graph), pieces, count), strict=True)
        return [found[low] for low, _ in self._spans(node)]

    def _between(self, source: fx.Node, low: int, high: int) -> tuple[list[Node], list[int]]:
        """Pieces of columns low .. high, and their widths."""
        found = [
            (piece, end - start)
            for piece, (start, end) in zip(self.pieces(source), self._spans(source), strict=True)
            if low <= start < high
        ]
        return [piece for piece, _ in found], [width for _, width in found]

    def _normalised(self, node: fx.Node, norm: Normalisation) -> list[Node]:
        blocks, tail, graph = norm.blocks, shape_of(node)[1:], self.loop.graph
        groups = (self._between(blocks.source, *blocks.group(index)) for index in range(blocks.outer))
        normal = [piece for group in groups for piece in operations.normalise(graph, *group, norm.epsilon)]
        for index, (low, high) in enumerate(self._spans(node)):
            if norm.weight is not None:
                normal[index] = graph.mul(normal[index], self._parameter(norm.weight, tail, low, high - low))
            if norm.bias is not None:
                normal[index] = graph.add(normal[index], self._parameter(norm.bias, tail, low, high - low))
        return normal

    # --- leaves -----------------------------------------------------------------------------------------------------

    def _spread(self, piece: Node, width: int) -> Node:
        return self.loop.graph.spread_to(piece, width)

    def _leaf_pieces(self, node: fx.Node) -> list[Node]:
        kind = self.kinds[node]
        if not isinstance(node.meta.get("val"), torch.Tensor):
            raise Unsupported(f"no rule for {packet(_maker(node))}")
        index = self.states.index(node) if kind == "state" else self._input(kind, node)
        return [self.loop.graph.leaf(kind, index, low, high - low) for low, high in self._spans(node)]

    def _parameter(self, node: fx.Node, tail: tuple[int, ...], low: int, length: int) -> Node:
        """Columns of parameters that are broadcast to the dimensions ``tail``; or a number that the step makes."""
        if prod(shape_of(node)) == 1 and packet(node) in FILLED:
            number = torch.tensor(FILLED[packet(node)](node), dtype=node.meta["val"].dtype)  # rounded as torch does
            return self.loop.graph.value(float(number))
        if prod(shape_of(node)) == 1:
            return self._vector(node, (1,), 0, 1)
        return self._vector(node, tail, low, length)

    def _vector(self, node: fx.Node, tail: tuple[int, ...], low: int, length: int) -> Node:
        if self.kinds[node] != "parameter":
            raise Unsupported(f"{packet(node)} gives {list(shape_of(node))}, which doesn't begin with the batch")
        return self.loop.graph.leaf("vector", self._input("vector", node, tail), low, length)

    def _input(self, kind: str, node: fx.Node, tail: tuple[int, ...] = ()) -> int:
        """The number of an input of the loop, which is asked for here perhaps for the first time."""
        key = (kind, node, tail)
        if key not in self._leaves:
            lists = {"step": self.loop.steps, "batch": self.loop.batches, "vector": self.loop.vectors}
            if kind == "matrix":
                shape = shape_of(node)
                self.loop.matrices.append((shape[0], prod(shape[1:])))
                self.sources.matrices.append(node)
                self._leaves[key] = len(self.loop.matrices) - 1
            else:
                lists[kind].append(prod(tail) if kind == "vector" else self.width(node))
                getattr(self.sources, {"step": "steps", "batch": "batches", "vector": "vectors"}[kind]).append(
                    (node, tail) if kind == "vector" else node
                )
                self._leaves[key] = len(lists[kind]) - 1
        return self._leaves[key]


def _in_order(node: fx.Node, found: list[Move]) -> list[tuple[fx.Node, int, Move]]:
    at, links = 0, []
    for move in found:
        links.append((node, at, move))
        at += move.length
    return links


def _call(node: fx.Node) -> fx.Node:
    """The operation that gives a value, which may be the first of its results."""
    parent = node.args[0] if packet(node) is operator.getitem else None
    is_first = isinstance(parent, fx.Node) and packet(parent) is aten.log_sigmoid_forward and node.args[1] == 0
    return parent if is_first else node  # type: ignore[return-value]


def _maker(node: fx.Node) -> fx.Node:
    """The operation of which a value is one result, or the only one."""
    parent = node.args[0] if packet(node) is operator.getitem else None
    return parent if isinstance(parent, fx.Node) else node


def _keeps_value(copied: fx.Node) -> bool:
    """Whether what is copied, perhaps into another type, is still the same number, or becomes a truth value."""
    before, after = cast(Any, copied.args[0]).meta["val"].dtype, copied.meta["val"].dtype
    return before == after or after is torch.bool or not before.is_floating_point
