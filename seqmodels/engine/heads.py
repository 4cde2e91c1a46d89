"""A traced step rewritten so that no value has the batch and another dimension in one.

``torch.matmul`` of [B, heads, M, K] and [B, heads, K, N], and attention made of it, count heads as rows of the batch:
[B * heads, M, K]. So does ``linear(h.view(-1, K))`` of all parts of a state. What comes of such values has the batch
apart again, and each head is a product of its own.
"""

import operator
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, fx

from seqmodels.engine import operations
from seqmodels.engine.blocks import reduction
from seqmodels.engine.contractions import MOST_PRODUCTS
from seqmodels.engine.moves import SAME, TURNS, order_of, packet, shape_of
from seqmodels.engine.rewriting import Writer

aten = torch.ops.aten
KEEP = SAME | {aten.expand}


def set_heads_apart(graph: fx.Graph, rows: int) -> None:
    """Rewrites a graph whose values have their shapes; ``rows`` is the size of the batch in them."""
    _Rewriting(graph, rows).run()


class _Rewriting:
    def __init__(self, graph: fx.Graph, rows: int) -> None:
        self.graph, self.rows, self._call = graph, rows, Writer(graph).call
        self.apart: dict[fx.Node, fx.Node] = {}  # of a value [B * heads, ...] the same as [B, heads, ...]

    def run(self) -> None:
        for node in list(self.graph.nodes):
            rule = self._rule(node)
            if rule is None:
                continue
            with self.graph.inserting_before(node):
                found = rule(node)
                if found is not None and shape_of(node)[0] == self.rows:
                    node.replace_all_uses_with(found)
                elif found is not None:
                    self.apart[node] = found

    def _rule(self, node: fx.Node) -> Callable[[fx.Node], fx.Node | None] | None:
        if node.op != "call_function" or not isinstance(node.meta.get("val"), Tensor) or not shape_of(node):
            return None
        kind = packet(node)
        if kind in KEEP:
            return self._kept
        if kind is operator.getitem:
            return self._normalised
        if not any(source in self.apart for source in node.all_input_nodes):
            return None
        if kind in operations.POINTWISE:
            return self._pointwise
        return _RULES[kind].__get__(self) if kind in _RULES else None

    # --- rules: a value [B * heads, ...] with the batch apart, or one [B, ...] that is made of such -------------------

    def _kept(self, node: fx.Node) -> fx.Node | None:
        source = cast(fx.Node, node.args[0])
        given, shape = self.apart.get(source, source), shape_of(node)
        heads, rest = divmod(shape[0], self.rows)
        if shape_of(given)[:1] != (self.rows,) or rest or node.meta["val"].numel() != given.meta["val"].numel():
            return None
        if heads == 1:
            return self._call(aten.reshape.default, given, [*shape]) if source in self.apart else None
        return self._call(aten.reshape.default, given, [self.rows, heads, *shape[1:]])

    def _turned(self, node: fx.Node) -> fx.Node | None:
        given = self.apart[cast(fx.Node, node.args[0])]
        order = order_of(node, len(shape_of(node)))
        return self._call(aten.permute.default, given, [0, *(dim + 1 for dim in order)]) if order[0] == 0 else None

    def _whole_row(self, node: fx.Node) -> fx.Node | None:
        source, dim, *options = cast(Any, node.args)
        dim %= len(shape_of(node))
        return self._call(node.target, self.apart[source], dim + 1, *options) if dim else None

    def _normalised(self, node: fx.Node) -> fx.Node | None:
        norm = cast(fx.Node, node.args[0])
        if packet(norm) is not aten.native_layer_norm or norm.args[0] not in self.apart or node.args[1] != 0:
            return None
        source, *options = cast(Any, norm.args)
        if len(options[0]) >= len(shape_of(source)):
            return None  # over rows of the batch
        return self._call(operator.getitem, self._call(norm.target, self.apart[source], *options), 0)

    def _pointwise(self, node: fx.Node) -> fx.Node | None:
        dims = len(shape_of(node))
        for source in node.all_input_nodes:
            shape = shape_of(source)
            if len(shape) != dims if source in self.apart else len(shape) == dims and shape[0] != 1:
                return None
        args, kwargs = fx.node.map_arg((node.args, node.kwargs), lambda source: self.apart.get(source, source))
        return self._call(node.target, *args, **kwargs)

    def _reduced(self, node: fx.Node) -> fx.Node | None:
        source, *options = cast(Any, node.args)
        dims, _ = reduction(node)
        places = [dim % len(shape_of(source)) for dim in dims or (0,)]
        if 0 in places or node.kwargs:
            return None
        return self._call(node.target, self.apart[source], [place + 1 for place in places], *options[1:])

    def _of_weight(self, node: fx.Node) -> fx.Node | None:
        """torch.mm and addmm of [B * heads, K] with a matrix [K, N]."""
        *bias, operand, matrix = cast(Any, node.args)
        given = self.apart.get(operand)
        others = [self.rows in shape_of(each) or each in self.apart for each in (*bias, matrix)]
        if given is None or any(others) or shape_of(given)[1] > MOST_PRODUCTS:
            return None
        parts = [self._call(aten.select.int, given, 1, index) for index in range(shape_of(given)[1])]
        products = [self._call(node.target, *bias, part, matrix, **node.kwargs) for part in parts]
        return self._call(aten.stack.default, products, 1)

    def _product(self, node: fx.Node) -> fx.Node | None:
        first, second = (self.apart.get(cast(fx.Node, each)) for each in node.args)
        if first is None or second is None:
            return None
        heads = shape_of(first)[1]
        if shape_of(second)[1] != heads or heads > MOST_PRODUCTS:
            return None
        pairs = [[self._call(aten.select.int, each, 1, index) for each in (first, second)] for index in range(heads)]
        return self._call(aten.stack.default, [self._call(aten.bmm.default, *pair) for pair in pairs], 1)


_RULES: dict[Any, Any] = {
    **dict.fromkeys(TURNS, _Rewriting._turned),
    **dict.fromkeys(operations.TO_ROW, _Rewriting._whole_row),
    **dict.fromkeys((aten.sum, aten.mean, aten.amax, aten.amin), _Rewriting._reduced),
    **dict.fromkeys((aten.mm, aten.addmm), _Rewriting._of_weight),
    aten.bmm: _Rewriting._product,
}
