"""A traced step rewritten in operations that the next passes know.

Nothing is changed in place, no number lies in a tensor; products of two values of the batch, as of a matrix in the
state and a vector, are sums; sums of the columns so far are products.
"""

import itertools
from collections.abc import Iterable
from math import prod
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, fx
from torch._guards import detect_fake_mode

from seqmodels.engine.contractions import MOST_PRODUCTS
from seqmodels.engine.graph import Unsupported
from seqmodels.engine.moves import SAME, TURNS, order_of, packet, shape_of

aten = torch.ops.aten
PARTS = {aten.select, aten.slice, aten.narrow}


class Writer:
    """Puts operations into a graph, with the shapes of their results."""

    def __init__(self, graph: fx.Graph) -> None:
        self.graph = graph
        self._mode: Any = detect_fake_mode([node.meta.get("val") for node in graph.nodes if node.op == "placeholder"])

    def call(self, target: Any, *args: Any, **kwargs: Any) -> fx.Node:
        """The result of an operation on nodes and plain values, where the graph inserts at present."""
        node = self.graph.call_function(target, args, kwargs)
        given, named = fx.node.map_arg((args, kwargs), lambda each: each.meta["val"])
        with self._mode:
            node.meta["val"] = target(*given, **named)
        return node


def undo_changes(graph: fx.Graph) -> None:
    """Operations in place on what nobody else sees, as in rms_norm, give a tensor of their own; others are refused.

    Raises:
        Unsupported: What is changed in place may be seen through another tensor, or be a buffer of the cell.
    """
    for node in graph.nodes:
        operation = node.target
        if isinstance(operation, torch._ops.OpOverload) and operation._schema.is_mutable:
            name, changed = operation.overloadpacket.__name__, cast(Any, node.args[0])
            same = getattr(aten, name.removesuffix("_"), None) if name.endswith("_") else None
            same = getattr(same, operation._overloadname, None)  # there is none of normal_, among others
            if same is None or not _is_new(changed) or [*changed.users] != [node]:
                raise Unsupported(f"the step changes a tensor in place ({operation.overloadpacket})")
            node.target = same


def _is_new(node: Any) -> bool:
    """Whether a value is a tensor that its operation made, not a view of another."""
    returned = node.target._schema.returns if isinstance(getattr(node, "target", None), torch._ops.OpOverload) else []
    return len(returned) == 1 and returned[0].alias_info is None


def write_copies(graph: fx.Graph) -> None:
    """What is left of ``copy_``, a tensor filled with another, is the other: torch has no derivative of it."""
    writer = Writer(graph)
    for node in graph.find_nodes(op="call_function", target=aten.copy.default):
        into, source = cast(Any, node.args[:2])
        with graph.inserting_before(node):
            filled = writer.call(aten.expand.default, source, [*shape_of(into)])
            if (dtype := into.meta["val"].dtype) != source.meta["val"].dtype:
                filled = writer.call(aten._to_copy.default, filled, dtype=dtype)
        node.replace_all_uses_with(filled)


def write_numbers(traced: fx.GraphModule) -> None:
    """A tensor of one number that the step makes, as ``torch.tensor(0.3)``, becomes that number."""
    for node in traced.graph.find_nodes(op="call_function", target=aten.lift_fresh_copy.default):
        made = getattr(traced, node.args[0].target)
        if made.numel() == 1:
            with traced.graph.inserting_before(node):
                arguments = ([*made.shape], made.item()), {"dtype": made.dtype, "device": made.device}
                number = traced.graph.call_function(aten.full.default, *arguments)
            number.meta.update(node.meta)
            node.replace_all_uses_with(number)


def write_products_of_rows(graph: fx.Graph, rows: int) -> None:
    """torch.bmm of [B, M, K] and [B, K, N] becomes sums of products, or products alone.

    Args:
        graph: The step.
        rows: B in the trace.
    """
    writer = Writer(graph)
    for node in graph.find_nodes(op="call_function", target=aten.bmm.default):
        batch, height, width = shape_of(node)
        if batch != rows or min(height, width) > MOST_PRODUCTS:
            continue
        first, second = (_Part.of(cast(fx.Node, each)) for each in node.args)
        with graph.inserting_before(node):
            if len(second.place) == 1:
                result = writer.call(aten.mul.Tensor, *node.args)
            elif width == 1 or height > MOST_PRODUCTS:
                result = writer.call(aten.transpose.int, _products(writer, second.turned, first), 1, 2)
            else:
                result = _products(writer, first, second.turned)
        node.replace_all_uses_with(result)


class _Part(NamedTuple):
    """A matrix [M, K] for each row of the batch, whose numbers lie somewhere in a value [B, ...]."""

    source: fx.Node
    place: Tensor  # [M, K]

    @classmethod
    def of(cls, matrix: fx.Node) -> "_Part":
        """What a value [B, M, K] is, behind all views and parts of views: turned twice, it was not turned."""
        source, steps, rows = matrix, [], shape_of(matrix)[0]
        while _only_moves(source) and shape_of(cast(fx.Node, source.args[0]))[0] == rows:
            steps.append(source)
            source = cast(fx.Node, source.args[0])
        place = torch.arange(prod(shape_of(source)[1:])).reshape(1, *shape_of(source)[1:])  # of one row of the batch
        for step in reversed(steps):
            is_part = packet(step) in PARTS | TURNS
            place = step.target(place, *step.args[1:]) if is_part else place.reshape(1, *shape_of(step)[1:])  # type: ignore[operator]
        return cls(source, place[0])

    @property
    def turned(self) -> "_Part":
        return _Part(self.source, self.place.T)

    @property
    def lies_in_order(self) -> bool:
        """Whether each of its rows is one run of columns."""
        return torch.equal(self.place[:, 1:], self.place[:, :-1] + 1)

    def row(self, index: int) -> "_Part":
        return _Part(self.source, self.place[index : index + 1])

    def written(self, writer: Writer) -> fx.Node:
        """As a value [B, M, K]."""
        place, rows = self.place.flatten(), shape_of(self.source)[0]
        value = writer.call(aten.reshape.default, self.source, [rows, prod(shape_of(self.source)[1:])])
        if not torch.equal(place, torch.arange(shape_of(value)[1])):
            ends = [0, *(torch.nonzero(place.diff() != 1)[:, 0] + 1).tolist(), len(place)]
            if len(ends) > MOST_PRODUCTS**2:
                raise Unsupported("a product of two values of the batch that takes single numbers")
            runs = [(int(place[start]), end - start) for start, end in itertools.pairwise(ends)]
            value = writer.call(aten.cat.default, [writer.call(aten.narrow.default, value, 1, *run) for run in runs], 1)
        return writer.call(aten.reshape.default, value, [rows, *self.place.shape])


def _only_moves(node: fx.Node) -> bool:
    """Whether a value is a part of its operand, or all of it, perhaps in another order, for every row of the batch."""
    kind, shape = packet(node), shape_of(node)
    if kind is aten.expand:  # torch.matmul expands what is large enough, too
        return shape == shape_of(cast(fx.Node, node.args[0]))
    if kind in TURNS:
        return order_of(node, len(shape))[0] == 0
    return kind in SAME or (kind in PARTS and not node.kwargs and node.args[1:2] not in ((), (0,)))


def _products(writer: Writer, rows: _Part, matrix: _Part) -> fx.Node:
    """Each row of [B, M, K] times the transpose of [B, N, K], as [B, M, N]: sums along its rows, or its columns."""
    by_column = matrix.turned.lies_in_order and not matrix.lies_in_order
    factor = (matrix.turned if by_column else matrix).written(writer)
    results = []
    for index in range(len(rows.place)):
        row = rows.row(index).written(writer)
        if by_column:
            product = writer.call(aten.mul.Tensor, factor, writer.call(aten.transpose.int, row, 1, 2))
            results.append(writer.call(aten.sum.dim_IntList, product, [1], True))
        else:
            total = writer.call(aten.sum.dim_IntList, writer.call(aten.mul.Tensor, factor, row), [2], True)
            results.append(writer.call(aten.transpose.int, total, 1, 2))
    return writer.call(aten.cat.default, results, 1)


def write_running_sums(graph: fx.Graph, rows: int, states: Iterable[fx.Node]) -> None:
    """torch.cumsum over the last dimension of [B, ..., D] becomes products with a matrix of zeros and ones.

    Args:
        graph: The step.
        rows: B in the trace.
        states: What a sum must depend on; of the input alone, torch computes it ahead of the loop.
    """
    writer, recurrent = Writer(graph), {*states}
    for node in graph.nodes:
        if not recurrent.isdisjoint(node.all_input_nodes):
            recurrent.add(node)
    for node in graph.find_nodes(op="call_function", target=aten.cumsum.default):
        source = cast(fx.Node, node.args[0])
        shape, value = shape_of(source), source.meta["val"]
        is_row = node in recurrent and len(shape) > 1 and shape[0] == rows
        if not is_row or cast(int, node.args[1]) % len(shape) != len(shape) - 1:
            continue
        if not value.is_floating_point() or node.kwargs or prod(shape[1:-1]) > MOST_PRODUCTS:
            continue
        with graph.inserting_before(node):
            ones = writer.call(aten.ones.default, [shape[-1]] * 2, dtype=value.dtype, device=value.device)
            matrix = writer.call(aten.triu.default, ones)
            parts = writer.call(aten.reshape.default, source, [rows, prod(shape[1:-1]), shape[-1]])
            columns = [writer.call(aten.select.int, parts, 1, index) for index in range(prod(shape[1:-1]))]
            sums = [writer.call(aten.mm.default, part, matrix) for part in columns]
            result = writer.call(aten.reshape.default, writer.call(aten.stack.default, sums, 1), [*shape])
        node.replace_all_uses_with(result)
