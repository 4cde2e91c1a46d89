"""A traced step rewritten in operations that the next passes know.

Nothing is changed in place, no number lies in a tensor, and products of two values of the batch, as of a matrix in the
state and a vector, are sums.
"""

from typing import Any, cast

import torch
from torch import fx
from torch._guards import detect_fake_mode

from seqmodels.engine.graph import Unsupported
from seqmodels.engine.moves import shape_of

aten = torch.ops.aten


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
            if same is None or not _is_new(changed) or [*changed.users] != [node]:
                raise Unsupported(f"the step changes a tensor in place ({operation.overloadpacket})")
            node.target = getattr(same, operation._overloadname)


def _is_new(node: Any) -> bool:
    """Whether a value is a tensor that its operation made, not a view of another."""
    returned = node.target._schema.returns if isinstance(getattr(node, "target", None), torch._ops.OpOverload) else []
    return len(returned) == 1 and returned[0].alias_info is None


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
    """torch.bmm of [B, M, K] and [B, K, N], one of M, K and N being 1, becomes a sum of products, or products alone.

    Args:
        graph: The step.
        rows: B in the trace.
    """
    writer = Writer(graph)
    for node in graph.find_nodes(op="call_function", target=aten.bmm.default):
        first, second = node.args
        (batch, height, terms), width = shape_of(first), shape_of(second)[2]
        if batch != rows or 1 not in (height, terms, width):
            continue
        with graph.inserting_before(node):
            if terms == 1:
                result = writer.call(aten.mul.Tensor, first, second)
            elif width == 1:
                row = writer.call(aten.transpose.int, second, 1, 2)
                result = writer.call(aten.sum.dim_IntList, writer.call(aten.mul.Tensor, first, row), [2], True)
            else:
                column = writer.call(aten.transpose.int, first, 1, 2)
                result = writer.call(aten.sum.dim_IntList, writer.call(aten.mul.Tensor, column, second), [1], True)
        node.replace_all_uses_with(result)
