"""A traced step rewritten so that the batch is the first dimension of its values.

``i, f, o = h @ U`` with U [3, H, H] has it second, as have ``torch.bmm`` of heads and ``W @ h.T``. Where such a value
loses the dimensions before the batch, or gets them behind it, the same is computed with the batch first all the way.
What still has it elsewhere is left for the next pass to refuse.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, fx

from seqmodels.engine import operations
from seqmodels.engine.blocks import reduction
from seqmodels.engine.contractions import MOST_PRODUCTS
from seqmodels.engine.moves import order_of, packet, shape_of
from seqmodels.engine.rewriting import Writer

aten = torch.ops.aten


def put_batch_first(graph: fx.Graph, rows: int) -> None:
    """Rewrites a graph whose values have their shapes; ``rows`` is the size of the batch in them."""
    _Rewriting(graph, rows).run()


class _Moved(NamedTuple):
    """A value that is ``source.permute(order)``; the source has the batch first."""

    source: fx.Node
    order: tuple[int, ...]

    def without(self, dims: Sequence[int], source: fx.Node) -> "_Moved":
        """What is left when the value has lost these dimensions, and its source the same."""
        gone = {self.order[dim] for dim in dims}
        return _Moved(source, tuple(at - sum(each < at for each in gone) for at in self.order if at not in gone))


class _Rewriting:
    def __init__(self, graph: fx.Graph, rows: int) -> None:
        self.graph, self.rows, self._call = graph, rows, Writer(graph).call
        self.moved: dict[fx.Node, _Moved] = {}  # all whose batch is not first

    def run(self) -> None:
        for node in list(self.graph.nodes):
            rule = self._rule(node)
            if rule is None:
                continue
            with self.graph.inserting_before(node):
                found = rule(node)
                if found is not None and found.order[0] == 0:
                    is_same = found.order == tuple(sorted(found.order))
                    new = found.source if is_same else self._call(aten.permute.default, found.source, [*found.order])
                    node.replace_all_uses_with(new)
                elif found is not None:
                    self.moved[node] = found

    def _rule(self, node: fx.Node) -> Callable[[fx.Node], _Moved | None] | None:
        if node.op != "call_function" or not isinstance(node.meta.get("val"), Tensor):
            return None
        kind = packet(node)
        if kind in _RULES:
            return _RULES[kind].__get__(self)
        return self._pointwise if kind in operations.POINTWISE else None

    def _where(self, node: Any) -> _Moved | None:
        """A value that has the batch somewhere."""
        shape = shape_of(node)
        return self.moved.get(node) or (_Moved(node, tuple(range(len(shape)))) if shape[:1] == (self.rows,) else None)

    # --- rules: what a node is, if its batch, or that of what it is made of, is not first ----------------------------

    def _permuted(self, node: fx.Node) -> _Moved | None:
        source = cast(fx.Node, node.args[0])
        where = self._where(source)
        if where is None:
            return None
        order = tuple(where.order[dim] for dim in order_of(node, len(where.order)))
        return _Moved(where.source, order) if source in self.moved or order[0] != 0 else None

    def _same(self, node: fx.Node) -> _Moved | None:
        source = cast(fx.Node, node.args[0])
        return self.moved.get(source) if shape_of(source) == shape_of(node) else None

    def _selected(self, node: fx.Node) -> _Moved | None:
        source, dim, index = cast(Any, node.args)
        return self._one_of(source, dim, index)

    def _item(self, node: fx.Node) -> _Moved | None:
        parent, index = cast(Any, node.args)
        if packet(parent) is not aten.unbind:
            return None
        source, dim = (*parent.args, 0)[:2]
        return self._one_of(source, dim, index)

    def _one_of(self, source: fx.Node, dim: int, index: int) -> _Moved | None:
        where = self.moved.get(source)
        if where is None or where.order[dim] == 0:
            return None
        return where.without([dim], self._call(aten.select.int, where.source, where.order[dim], index))

    def _summed(self, node: fx.Node) -> _Moved | None:
        where = self.moved.get(cast(fx.Node, node.args[0]))
        if where is None or len(shape_of(node)) == len(where.order) or node.kwargs.get("dtype") is not None:
            return None
        dims, _ = reduction(node)
        if dims is None:
            return None
        places = [where.order[dim] for dim in dims]
        return None if 0 in places else where.without(dims, self._call(node.target, where.source, places))

    def _stacked(self, node: fx.Node) -> _Moved | None:
        values, dim = cast(Any, (*node.args, 0)[:2])
        if dim != 0 or any(value in self.moved or self._where(value) is None for value in values):
            return None
        return _Moved(self._call(aten.stack.default, values, 1), (1, 0, *range(2, len(shape_of(node)))))

    def _of_columns(self, node: fx.Node) -> _Moved | None:
        """W @ h.T of a matrix [N, K] and h [B, K]."""
        matrix, columns = cast(Any, node.args)
        where = self.moved.get(columns)
        if where is None or self.rows in shape_of(matrix):
            return None
        return _Moved(self._call(aten.mm.default, where.source, self._call(aten.t.default, matrix)), (1, 0))

    def _of_heads(self, node: fx.Node) -> _Moved | None:
        """torch.bmm of [K, B, D] and matrices [K, D, E]."""
        rows, matrices = cast(Any, node.args)
        where, count = self.moved.get(rows), shape_of(rows)[0]
        if where is None or where.order[1] != 0 or self.rows in shape_of(matrices) or count > MOST_PRODUCTS:
            return None
        operands = [self._call(aten.select.int, where.source, where.order[0], index) for index in range(count)]
        weights = [self._call(aten.select.int, matrices, 0, index) for index in range(count)]
        products = [self._call(aten.mm.default, *pair) for pair in zip(operands, weights, strict=True)]
        return _Moved(self._call(aten.stack.default, products, 1), (1, 0, 2))

    def _pointwise(self, node: fx.Node) -> _Moved | None:
        moved = [self.moved[source] for source in node.all_input_nodes if source in self.moved]
        dims = len(shape_of(node))
        if not moved or any(each.order != moved[0].order for each in moved) or len(moved[0].order) != dims:
            return None
        if not all(isinstance(source.meta.get("val"), Tensor) for source in node.all_input_nodes):
            return None  # a number that was looked up in a tensor
        order = moved[0].order

        def arranged(source: fx.Node) -> fx.Node:
            """Broadcast against the sources as before against the values."""
            if source in self.moved:
                return self.moved[source].source
            shape = shape_of(source)
            shape = (*[1] * (dims - len(shape)), *shape)
            inverse = [order.index(dim) for dim in range(dims)]
            long = [dim for dim in inverse if shape[dim] != 1]
            if long == sorted(long):
                return self._call(aten.reshape.default, source, [shape[dim] for dim in inverse]) if long else source
            return self._call(aten.permute.default, self._call(aten.reshape.default, source, [*shape]), inverse)

        args, kwargs = fx.node.map_arg((node.args, node.kwargs), arranged)
        return _Moved(self._call(node.target, *args, **kwargs), order)


_RULES: dict[Any, Any] = {
    **dict.fromkeys((aten.permute, aten.transpose, aten.t), _Rewriting._permuted),
    **dict.fromkeys(
        (aten.view, aten._unsafe_view, aten.reshape, aten.expand, aten.clone, aten.alias), _Rewriting._same
    ),
    **dict.fromkeys((aten.sum, aten.mean, aten.amax, aten.amin), _Rewriting._summed),
    aten.select: _Rewriting._selected,
    operator.getitem: _Rewriting._item,
    aten.stack: _Rewriting._stacked,
    aten.mm: _Rewriting._of_columns,
    aten.bmm: _Rewriting._of_heads,
}
