"""A traced step rewritten so that every node is a value: nothing is changed in place, no number lies in a tensor."""

from typing import Any, cast

import torch
from torch import fx

from seqmodels.engine.graph import Unsupported

aten = torch.ops.aten


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
