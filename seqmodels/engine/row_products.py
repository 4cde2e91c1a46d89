"""Products of two values of the batch, as of a matrix in the state and a vector, written as sums of products.

``torch.bmm`` multiplies what views and permutations have made; each operand is looked up behind them, so that a matrix
which was turned twice is read as it lies.
"""

import itertools
from math import prod
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, fx

from seqmodels.engine.columns import MOST_PIECES
from seqmodels.engine.contractions import MOST_PRODUCTS
from seqmodels.engine.graph import Unsupported
from seqmodels.engine.moves import SAME, TURNS, order_of, packet, shape_of
from seqmodels.engine.rewriting import Writer

aten = torch.ops.aten
PARTS = {aten.select, aten.slice, aten.narrow}


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
            if packet(step) in PARTS | TURNS:
                place = cast(Any, step.target)(place, *step.args[1:])
            else:
                place = place.reshape(1, *shape_of(step)[1:])
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
            if len(ends) > MOST_PIECES:
                raise Unsupported(f"torch.bmm takes a row apart into more than {MOST_PIECES} pieces")
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
