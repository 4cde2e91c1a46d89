"""A traced step in operations that the next passes know: nothing is changed in place, no number lies in a tensor."""

from collections.abc import Iterable
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
        """The result of an operation on nodes and plain values, where the graph inserts at present.

        Raises:
            Unsupported: If torch doesn't take them, so that a step which is rewritten wrongly still runs as it is.
        """
        node = self.graph.call_function(target, args, kwargs)
        given, named = fx.node.map_arg((args, kwargs), lambda each: each.meta["val"])
        try:
            with self._mode:
                node.meta["val"] = target(*given, **named)
        except Exception as error:  # of any kind, as operations raise them
            raise Unsupported(f"{target} can't be written so: {' '.join(str(error).split())[:200]}") from error
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


def dependents(graph: fx.Graph, sources: Iterable[fx.Node]) -> set[fx.Node]:
    """Values that depend on others, and these."""
    found = {*sources}
    for node in graph.nodes:
        if not found.isdisjoint(node.all_input_nodes):
            found.add(node)
    return found


def write_paddings(graph: fx.Graph, states: Iterable[fx.Node]) -> None:
    """F.pad of what depends on a state, but for its rows, joins constants to it, or cuts columns away."""
    writer, recurrent = Writer(graph), dependents(graph, states)
    for node in graph.find_nodes(op="call_function", target=aten.constant_pad_nd.default):
        padded, widths, value = cast(Any, (*node.args, 0)[:3])
        dims = len(shape_of(padded))
        if node not in recurrent or len(widths) // 2 >= dims:
            continue
        with graph.inserting_before(node):
            for dim, before, after in zip(range(dims - 1, 0, -1), widths[::2], widths[1::2], strict=False):
                padded = _padded(writer, padded, dim, before, after, value)
        node.replace_all_uses_with(padded)


def _padded(writer: Writer, source: fx.Node, dim: int, before: int, after: int, value: float) -> fx.Node:
    """Negative numbers cut."""
    size, kept = shape_of(source)[dim], source
    if before < 0 or after < 0:
        kept = writer.call(aten.slice.Tensor, source, dim, max(0, -before), size - max(0, -after))
    like = kept.meta["val"]

    def block(length: int) -> list[fx.Node]:
        shape = [length if each == dim else number for each, number in enumerate(like.shape)]
        options = {"dtype": like.dtype, "device": like.device}
        return [writer.call(aten.full.default, shape, value, **options)] if length > 0 else []

    return writer.call(aten.cat.default, [*block(before), kept, *block(after)], dim)
