"""A loop by torch's own operations: what generated code must agree with, and what is differentiated twice."""

import functools
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional as F

from seqmodels.engine.graph import Leaf, Node, operands, reachable
from seqmodels.engine.loop import Loop

OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
    "neg": lambda a: -a,
    "abs": torch.abs,
    "sqrt": torch.sqrt,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log1p": torch.log1p,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "softplus": functools.partial(F.softplus, threshold=torch.inf),
    "sin": torch.sin,
    "cos": torch.cos,
    "erf": torch.erf,
    "pow": torch.pow,
    "floor": torch.floor,
    "remainder": torch.remainder,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "less": lambda a, b: (a < b).to(a.dtype),
    "less_equal": lambda a, b: (a <= b).to(a.dtype),
    "equal": lambda a, b: (a == b).to(a.dtype),
    "select": lambda where, a, b: torch.where(where != 0, a, b),
    "same": lambda a: a,
    "stop": torch.detach,
    "sum": lambda a: a.sum(-1, keepdim=True),
    "amax": lambda a: a.amax(-1, keepdim=True),
}


def run(loop: Loop, tensors: Sequence[Tensor], steps: int) -> tuple[list[Tensor], list[Tensor]]:
    """States after every step, each [T, B, size], and after the last, each [B, size].

    Args:
        loop: What to compute.
        tensors: Its inputs in order: of every step, states, of the batch, vectors, matrices.
        steps: T.
    """
    following = iter(tensors)
    sizes = {"step": loop.steps, "state": loop.states, "batch": loop.batches, "vector": loop.vectors}
    given: dict[str, list[Any]] = {kind: [next(following) for _ in each] for kind, each in sizes.items()}
    matrices = list(following)
    given["step"] = [sequence.unbind(0) for sequence in given["step"]]  # an index into it is quadratic backwards
    order, states, history = reachable(loop.outputs), given["state"], []
    for t in range(steps):
        now = {**given, "step": [sequence[t] for sequence in given["step"]], "state": states}
        states = _step(loop, order, now, matrices)
        history.append(states)
    return [torch.stack(sequence) for sequence in zip(*history, strict=True)], states


def _step(loop: Loop, order: list[Node], given: dict[str, list[Tensor]], matrices: list[Tensor]) -> list[Tensor]:
    like = given["state"][0]
    values: dict[Node, Tensor] = {}
    for node in order:
        if isinstance(node.data, Leaf):
            source, low = given[node.op][node.data.index], node.data.low
            values[node] = source[..., low : low + node.width]
        elif node.is_number:
            values[node] = torch.full((), cast(float, node.data), dtype=like.dtype, device=like.device)
        elif node.op == "product":
            values[node] = sum(values[arg] @ _block(matrices, arg, s, node) for arg, s in operands(node))  # type: ignore
        elif node.op == "spread":
            values[node] = values[node.args[0]].expand(len(like), node.width)
        else:
            values[node] = OPERATIONS[node.op](*(values[arg] for arg in node.args))
    return [
        torch.cat([values[piece].expand(len(like), piece.width) for piece in pieces], -1) for pieces in loop.new_state
    ]


def _block(matrices: list[Tensor], arg: Node, segment: Any, node: Node) -> Tensor:
    rows = slice(segment.row, segment.row + arg.width)
    return matrices[segment.matrix][rows, segment.column : segment.column + node.width]
