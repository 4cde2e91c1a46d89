"""Columns of a state in another order, and running sums: products with a matrix that the loop is given.

A move of a few long blocks of columns is left to the next passes, which read them where they are. Any other costs what
a recurrent matrix costs, and is rounded as products are; NaN and infinity reach all columns. What makes the matrix is
the operation itself, of the identity.
"""

import contextlib
import math
import operator
from collections.abc import Iterable, Sequence
from math import prod
from typing import Any, cast

import torch
from torch import fx

from seqmodels.engine.graph import Unsupported
from seqmodels.engine.moves import MOVES, SAME, are_scattered, moves, packet, shape_of
from seqmodels.engine.rewriting import Writer, dependents

aten = torch.ops.aten
MOST_EXACT = 32  # blocks that are moved where products are rounded: what the loop can have beside other pieces
ALL = 2**31  # so that every move stays a move
MOST_PARTS = 4  # of a row, with a product each
LARGEST = 2**22  # numbers of a matrix for whole rows
OF_MANY = {aten.cat, aten.stack}
OF_ONE = {aten.slice, aten.select, aten.expand, aten.permute, aten.transpose, aten.t, aten.repeat, aten.roll, aten.flip}
STAYS_INFINITE = {*SAME, *MOVES, aten.add, aten.sub, aten.mul, aten.neg, aten.where, aten.masked_fill}


def write_orders(graph: fx.Graph, rows: int, states: Iterable[fx.Node], least: int = 0) -> None:
    """Write products for cumsum, flip, ``h[:, order]``, index_select, gather, and for moves of many short blocks.

    What may be infinite is left as it is: a product would make NaN of it, in every column.

    Args:
        graph: The step.
        rows: B in the trace.
        states: What a value must depend on; of the input alone, torch computes it ahead of the loop.
        least: Moves of no more blocks than this stay moves.
    """
    writer, recurrent, infinite = Writer(graph), dependents(graph, states), _infinite(graph)
    for node in [*graph.nodes]:
        if node not in recurrent or node in infinite or node.op != "call_function" or not node.users:
            continue
        with graph.inserting_before(node):
            call = _as_operation(writer, node)
            is_of_last = _is_of_last(call, rows, recurrent)
            is_wanted = is_of_last or (_is_rows(node, rows) and _is_scattered(node, least))
            product = _product(writer, call, is_of_last, rows) if is_wanted else None
        if product is not None:
            node.replace_all_uses_with(product)
            recurrent.add(product)


def _infinite(graph: fx.Graph) -> set[fx.Node]:
    """Values that a step sets to infinity here or there, or takes a logarithm of, and what is made of them."""
    found: set[fx.Node] = set()
    for node in graph.nodes:
        kind = packet(node)
        is_source = kind is aten.log or any(isinstance(value, float) and math.isinf(value) for value in node.args)
        if is_source or (kind in STAYS_INFINITE and not found.isdisjoint(node.all_input_nodes)):
            found.add(node)
    return found


def _as_operation(writer: Writer, node: fx.Node) -> fx.Node:
    """A result of a split or unbind, and a gather of the same columns in all rows, as operations of one value."""
    source, *others = cast(Any, (*node.args, None))
    kind = packet(node)
    if kind is aten.gather and len(shape_of(source)) == 2:
        order = others[1]
        while packet(order) is aten.expand:
            order = order.args[0]
        if prod(shape_of(order)) == shape_of(node)[1]:
            return writer.call(
                aten.index_select.default, source, others[0], writer.call(aten.view.default, order, [-1])
            )
    if node.target is operator.getitem and isinstance(source, fx.Node):
        parent, index = source, others[0]
        if packet(parent) is aten.unbind:
            return writer.call(aten.select.int, parent.args[0], cast(Any, (*parent.args, 0)[1]), index)
        if packet(parent) in (aten.split, aten.split_with_sizes, aten.chunk):
            dim = parent.args[2] if len(parent.args) > 2 else parent.kwargs.get("dim", 0)
            sizes = [value.shape[dim] for value in parent.meta["val"]]
            start = sum(sizes[:index])
            return writer.call(aten.slice.Tensor, parent.args[0], dim, start, start + sizes[index])
    return node


def _is_of_last(call: fx.Node, rows: int, recurrent: set[fx.Node]) -> bool:
    """Whether an operation without another rule does the same to all parts [..., D] of a row, whatever they hold."""
    kind = packet(call)
    if kind not in (aten.cumsum, aten.flip, aten.index, aten.index_select) or call.kwargs:
        return False
    if not _is_rows(call.args[0], rows):
        return False
    source, given = cast(Any, call.args[:2])
    dims = len(shape_of(source))
    if kind is aten.flip:
        return len(given) == 1 and given[0] % dims == dims - 1
    order = None
    if kind is aten.index:
        if len(given) != dims or any(index is not None for index in given[:-1]):
            return False
        order = given[-1]
    elif given % dims != dims - 1:
        return False
    elif kind is aten.index_select:
        order = cast(Any, call.args[2])
    value = None if order is None else order.meta["val"]
    return value is None or (order not in recurrent and value.dim() == 1 and value.dtype in (torch.int32, torch.int64))


def _is_scattered(node: fx.Node, least: int) -> bool:
    """Whether a product is better than a move."""
    with contextlib.suppress(Unsupported):
        found = moves(node) or []
        return len(found) > least and are_scattered(found)
    return False


def _product(writer: Writer, call: fx.Node, is_of_last: bool, rows: int) -> fx.Node | None:
    """The operation as a product of whole rows, or of each of their parts; None if it is none, or too large."""
    sources = cast(Sequence[Any], call.args[0] if packet(call) in OF_MANY else call.args[:1])
    if not (is_of_last or packet(call) in OF_ONE | OF_MANY) or not all(_is_rows(source, rows) for source in sources):
        return None
    tails, result = [shape_of(source)[1:] for source in sources], [*shape_of(call)]
    if is_of_last and (count := prod(tails[0][:-1])) <= MOST_PARTS:
        last = tails[0][-1]
        matrix = _matrix(writer, call, [(*(1 for _ in tails[0][:-1]), last)])
        parts = writer.call(aten.reshape.default, sources[0], [rows, count, last])
        each = [writer.call(aten.mm.default, writer.call(aten.select.int, parts, 1, i), matrix) for i in range(count)]
        return writer.call(aten.reshape.default, writer.call(aten.stack.default, each, 1), result)
    height = sum(map(prod, tails))
    if height * prod(result[1:]) > LARGEST or height == rows:  # which would look like the batch
        return None
    flat = [writer.call(aten.reshape.default, source, [rows, -1]) for source in sources]
    whole = flat[0] if len(flat) == 1 else writer.call(aten.cat.default, flat, 1)
    return writer.call(aten.reshape.default, writer.call(aten.mm.default, whole, _matrix(writer, call, tails)), result)


def _is_rows(node: Any, rows: int) -> bool:
    value = node.meta.get("val") if isinstance(node, fx.Node) else None
    return isinstance(value, torch.Tensor) and value.is_floating_point() and value.dim() > 1 and value.shape[0] == rows


def _matrix(writer: Writer, call: fx.Node, tails: Sequence[Sequence[int]]) -> fx.Node:
    """What the operation makes of the identity, whose rows stand for a batch of values with these dimensions."""
    value, widths = call.meta["val"], [prod(tail) for tail in tails]
    identity = writer.call(aten.eye.default, sum(widths), dtype=value.dtype, device=value.device)
    parts, start = [], 0
    for width, tail in zip(widths, tails, strict=True):
        columns = writer.call(aten.slice.Tensor, identity, 1, start, start + width)
        parts.append(writer.call(aten.reshape.default, columns, [sum(widths), *tail]))
        start += width
    given = [*call.args[1:]]
    if packet(call) is aten.expand:  # names the number of rows
        given[0] = [sum(widths), *cast(Any, given[0])[1:]]
    moved = writer.call(call.target, parts if packet(call) in OF_MANY else parts[0], *given, **call.kwargs)
    return writer.call(aten.reshape.default, moved, [sum(widths), -1])
