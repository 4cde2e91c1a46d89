"""Over which columns an operation goes that takes whole rows together: sums, maxima, softmax, normalisation."""

import operator
from math import prod
from typing import Any, NamedTuple, cast

import torch
from torch import fx

from seqmodels.engine import operations
from seqmodels.engine.graph import Unsupported
from seqmodels.engine.moves import Move, packet, shape_of

aten = torch.ops.aten


class Blocks(NamedTuple):
    """Columns as [outer, size, inner], of which an operation goes over the middle."""

    source: fx.Node
    outer: int
    size: int
    inner: int

    def group(self, index: int) -> tuple[int, int]:
        """Where the columns of one outer index begin and end."""
        return index * self.size * self.inner, (index + 1) * self.size * self.inner

    def counterparts(self, outer: int, within: int) -> list[int]:
        """The columns that go together: one for each index of the middle."""
        return [(outer * self.size + index) * self.inner + within for index in range(self.size)]

    def links(self, node: fx.Node, to_row: bool) -> list[tuple[fx.Node, int, Move]]:
        found = []
        for outer in range(self.outer):
            if to_row:
                low, high = self.group(outer)
                found.append((node, low, Move(self.source, low, high - low)))
            elif self.inner == 1:
                low, high = self.group(outer)
                # Both are cut here, but no column of one is a column of the other.
                found += [(node, outer, Move(node, outer, 1)), (self.source, low, Move(self.source, low, high - low))]
            if self.inner > 1:
                first, *others = self.counterparts(outer, 0)
                start = (self.source, first) if to_row else (node, outer * self.inner)
                where = others if to_row else [first, *others]
                found += [(*start, Move(self.source, at, self.inner)) for at in where]
        return found


def blocks_of(node: fx.Node) -> Blocks:
    """How a reduction or a softmax goes over the columns of its operand."""
    source = node.args[0]
    assert isinstance(source, fx.Node)
    shape = shape_of(source)
    dims: Any = (node.args[1],) if packet(node) in operations.TO_ROW else reduction(node)[0]
    over = sorted(dim % len(shape) for dim in dims) if dims is not None else []
    if not over or over[0] == 0:
        raise Unsupported(f"{packet(node)} goes across the rows of the batch")
    if over != list(range(over[0], over[-1] + 1)):
        raise Unsupported(f"{packet(node)} over dimensions that don't lie side by side")
    return Blocks(source, prod(shape[1 : over[0]]), prod(shape[over[0] : over[-1] + 1]), prod(shape[over[-1] + 1 :]))


def reduction(node: fx.Node) -> tuple[tuple[int, ...] | None, dict[str, Any]]:
    """Over which dimensions a reduction goes (None: all of them), and its options."""
    kind, args = packet(node), list(node.args[1:])
    options: dict[str, Any] = {}
    if kind is aten.linalg_vector_norm:
        options["order"] = args.pop(0) if args else node.kwargs.get("ord", 2)
    if kind in (aten.var, aten.std):
        correction = node.kwargs.get("correction", 1)
        options["correction"] = 1 if correction is None else correction
    if node.kwargs.get("dtype") is not None:
        raise Unsupported(f"{kind} into another type")
    dims = args[0] if args else node.kwargs.get("dim")
    dims = (dims,) if isinstance(dims, int) else dims
    return (tuple(dims) if dims else None), options  # type: ignore[arg-type]


class Normalisation(NamedTuple):
    """A layer_norm or group_norm: each block less its mean, by its deviation, then scaled and shifted."""

    blocks: Blocks
    weight: fx.Node | None
    bias: fx.Node | None
    epsilon: float


def normalisation_of(node: fx.Node) -> Normalisation | None:
    """What a value is, if it is the first result of torch's layer_norm or group_norm."""
    parent = node.args[0] if packet(node) is operator.getitem and node.args[1] == 0 else None
    kind = packet(parent) if isinstance(parent, fx.Node) else None
    if kind not in operations.NORMALISATIONS:
        return None
    source, *options = cast(Any, parent).args
    tail = shape_of(source)[1:]
    if kind is aten.native_layer_norm:
        shape, weight, bias, epsilon = options
        if len(shape) > len(tail):
            raise Unsupported("layer_norm over the rows of the batch")
        return Normalisation(Blocks(source, prod(tail) // prod(shape), prod(shape), 1), weight, bias, epsilon)
    weight, bias, *_, groups, epsilon = options
    if len(tail) > 1 and (weight, bias) != (None, None):
        raise Unsupported("group_norm with weights for channels of several numbers")
    return Normalisation(Blocks(source, groups, prod(tail) // groups, 1), weight, bias, epsilon)
