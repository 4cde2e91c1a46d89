"""Where the columns of an operation's result come from, for operations that only move numbers.

Values of a batch are [B, ...]; all dimensions but the first are counted together as columns.
"""

import itertools
import operator
from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple, cast

import torch
from torch import fx

from seqmodels.engine.graph import Unsupported

aten = torch.ops.aten
SAME = {aten.view, aten._unsafe_view, aten.reshape, aten.unsqueeze, aten.squeeze, aten.alias, aten.clone}
TURNS = {aten.permute, aten.transpose, aten.t}

MOST_BLOCKS = 16  # that are moved one by one
FEW_BLOCKS, SHORT = 4, 8  # the same of blocks of fewer columns


class Move(NamedTuple):
    """Columns low .. low + length of a source; if repeated, its one column ``low``, length times."""

    source: Any  # a node of torch's graph
    low: int
    length: int
    repeated: bool = False


def are_scattered(blocks: Sequence[Move]) -> bool:
    """Whether there are so many, or so short ones, that they cost more than a product or a copy of all."""
    length = sum(block.length for block in blocks) / max(len(blocks), 1)
    return len(blocks) > (FEW_BLOCKS if length < SHORT else MOST_BLOCKS)


def shape_of(node: fx.Node) -> tuple[int, ...]:
    return tuple(node.meta["val"].shape)


def packet(node: fx.Node) -> Any:
    """The operation whatever its overload: ``aten.add`` of ``aten.add.Tensor``."""
    return getattr(node.target, "overloadpacket", node.target)


def moves(node: fx.Node) -> list[Move] | None:
    """What the columns of a node are, in order; None if it is no operation that moves."""
    kind = packet(node)
    if kind in SAME:
        source = node.args[0]
        return [Move(source, 0, prod(shape_of(source)[1:]))]  # type: ignore[arg-type]
    rule = MOVES.get(kind)
    return None if rule is None else rule(node)


def aligned(source: fx.Node, tail: Sequence[int], batched: bool = True) -> list[Move]:
    """The columns of a source, broadcast to the dimensions ``tail`` behind the batch."""
    given = shape_of(source)[1:] if batched else shape_of(source)
    width, numbers = prod(tail), prod(given)
    if numbers == width:
        return [Move(source, 0, width)]
    if numbers == 1:
        return [Move(source, 0, width, repeated=True)]
    inner = (1,) * (len(tail) - len(given)) + tuple(given)
    found = [0]  # for each outer index so far, where in the source it is
    last = len(tail) - 1
    for dim in range(last):
        stride = prod(inner[dim + 1 :])
        found = [at + (i * stride if inner[dim] > 1 else 0) for at in found for i in range(tail[dim])]
    return [Move(source, at, tail[last], repeated=inner[last] == 1 and tail[last] > 1) for at in found]


def _range(source: fx.Node, dim: int, start: int, length: int) -> list[Move]:
    """``length`` entries of one dimension; of the batch's, all."""
    shape = shape_of(source)
    if start == 0 and length == shape[dim]:
        return [Move(source, 0, prod(shape[1:]))]
    if dim == 0:
        raise Unsupported("the step takes single rows out of the batch")
    outer, size, inner = prod(shape[1:dim]), shape[dim], prod(shape[dim + 1 :])
    return [Move(source, (block * size + start) * inner, length * inner) for block in range(outer)]


def _dim(node: fx.Node, position: int, default: int = 0, source: fx.Node | None = None, extra: int = 0) -> int:
    given: int = node.args[position] if len(node.args) > position else node.kwargs.get("dim", default)  # type: ignore[assignment]
    return given % (len(shape_of(source or node.args[0])) + extra)  # type: ignore[arg-type]


def _slice(node: fx.Node) -> list[Move]:
    source, dim = node.args[0], _dim(node, 1)
    assert isinstance(source, fx.Node)
    start, end, step = cast(Any, (*node.args[2:], *(None, None, 1)[len(node.args) - 2 :]))[:3]
    picked = range(*slice(start, end, step).indices(shape_of(source)[dim]))
    if picked.step == 1:
        return _range(source, dim, picked.start, len(picked))
    return [move for at in picked for move in _range(source, dim, at, 1)] if dim == 1 else _no_order(node)


def _scattered(node: fx.Node) -> list[Move]:
    """A value with other columns in one place: what ``y[:, 2:4] = z`` gives."""
    source, patch, dim = cast(Any, node.args[0]), cast(Any, node.args[1]), _dim(node, 2)
    size, given = shape_of(source)[dim], dict(zip(("start", "end", "step"), node.args[3:], strict=False)) | node.kwargs
    picked = range(*slice(*(cast(Any, given.get(name)) for name in ("start", "end", "step"))).indices(size))
    if picked.step != 1:
        return _no_order(node)
    if dim == 0:
        return _range(patch, 0, 0, len(picked)) if len(picked) == size else _range(source, 0, picked.start, 0)
    outer, inner = prod(shape_of(source)[1:dim]), prod(shape_of(source)[dim + 1 :])
    before, within, after = (each * inner for each in (picked.start, len(picked), size - picked.start - len(picked)))
    found = []
    for block in range(outer):
        at = block * size * inner
        found.append(Move(source, at, before))
        found.append(Move(patch, block * within, within))
        found.append(Move(source, at + before + within, after))
    return [move for move in found if move.length]


def _no_order(node: fx.Node) -> list[Move]:
    raise Unsupported(f"{packet(node)} puts columns into another order")


def _select(node: fx.Node) -> list[Move]:
    source, dim = node.args[0], _dim(node, 1)
    return _range(source, dim, node.args[2] % shape_of(source)[dim], 1)  # type: ignore[arg-type,operator]


def _item(node: fx.Node) -> list[Move] | None:
    """One of the results of a split, chunk or unbind."""
    parent, index = node.args
    assert isinstance(parent, fx.Node)
    assert isinstance(index, int)
    kind = packet(parent)
    if kind not in (aten.split, aten.split_with_sizes, aten.unbind, aten.chunk):
        return None
    source = parent.args[0]
    assert isinstance(source, fx.Node)
    if kind is aten.unbind:
        return _range(source, _dim(parent, 1), index, 1)
    dim = _dim(parent, 2)
    sizes = [shape[dim] for shape in (value.shape for value in parent.meta["val"])]
    return _range(source, dim, sum(sizes[:index]), sizes[index])


def _cat(node: fx.Node) -> list[Move]:
    sources: list[fx.Node] = [source for source in node.args[0] if prod(shape_of(source)[1:])]  # type: ignore
    dim = _dim(node, 1, source=sources[0])
    return _woven(sources, dim, [shape_of(source)[dim] for source in sources])


def _stack(node: fx.Node) -> list[Move]:
    sources: list[fx.Node] = list(node.args[0])  # type: ignore[arg-type]
    dim = _dim(node, 1, source=sources[0], extra=1)
    return _woven(sources, dim, [1] * len(sources))


def _woven(sources: list[fx.Node], dim: int, sizes: list[int]) -> list[Move]:
    if dim == 0:
        raise Unsupported("the step joins rows of the batch")
    shape = shape_of(sources[0])
    outer = prod(shape[1:dim])
    found = []
    for block in range(outer):
        for source in sources:
            length = prod(shape_of(source)[1:]) // outer
            found.append(Move(source, block * length, length))
    return found


def _spread(source: fx.Node, node: fx.Node) -> list[Move]:
    """A source broadcast to the shape of a node."""
    shape = shape_of(node)
    is_batched = len(shape_of(source)) == len(shape)  # dimensions that are new come first
    return aligned(source, shape[1:], is_batched)


def _permuted(node: fx.Node) -> list[Move]:
    """Dimensions in another order: what lies behind the last one that moved stays together."""
    source = cast(fx.Node, node.args[0])
    shape = shape_of(source)
    order = [dim for dim in order_of(node, len(shape)) if shape[dim] != 1]
    if order == sorted(order):
        return [Move(source, 0, prod(shape[1:]))]
    if shape[0] != 1 and order[0] != 0:
        raise Unsupported(f"{packet(node)} moves the batch behind other dimensions")
    outer = order if shape[0] == 1 else order[1:]
    while outer[-1] == max(outer):
        outer.pop()
    length = prod(shape[max(outer) + 1 :])
    strides = [range(0, prod(shape[dim:]), prod(shape[dim + 1 :])) for dim in outer]
    return [Move(source, sum(place), length) for place in itertools.product(*strides)]


def order_of(node: fx.Node, dims: int) -> list[int]:
    """Which of the source's dimensions each of a result's is."""
    if packet(node) is aten.permute:
        return [dim % dims for dim in cast(Any, node.args[1])]
    order, (a, b) = list(range(dims)), cast(Any, node.args[1:] or (0, -1))
    order[a], order[b] = order[b], order[a]
    return order


def _repeated(node: fx.Node) -> list[Move]:
    """Whole dimensions, several times: ``repeat``."""
    source, times = cast(Any, node.args[0]), cast(Any, node.args[1])
    shape = shape_of(source)
    if len(times) > len(shape) or times[0] != 1:
        raise Unsupported("the step repeats rows of the batch")
    places = [
        [index * prod(shape[dim + 1 :]) for _ in range(times[dim]) for index in range(shape[dim])]
        for dim in range(1, len(shape) - 1)
    ]
    return [Move(source, sum(place), shape[-1]) for place in itertools.product(*places) for _ in range(times[-1])]


def _rolled(node: fx.Node) -> list[Move] | None:
    """The last entries of one dimension before its others."""
    source, shifts, dims = cast(Any, (*node.args, [])[:3])
    if len(shifts) != 1 or len(dims) != 1:
        return None
    shape = shape_of(source)
    dim = dims[0] % len(shape)
    if dim == 0:
        raise Unsupported("the step moves rows of the batch")
    size, inner = shape[dim], prod(shape[dim + 1 :])
    last = shifts[0] % size
    found = []
    for block in range(prod(shape[1:dim])):
        start = block * size * inner
        found.append(Move(source, start + (size - last) * inner, last * inner))
        found.append(Move(source, start, (size - last) * inner))
    return [move for move in found if move.length]


def _flipped(node: fx.Node) -> list[Move]:
    """The entries of some dimensions from the last to the first."""
    source, dims = cast(Any, node.args)
    shape = shape_of(source)
    turned = {dim % len(shape) for dim in dims}
    if 0 in turned:
        raise Unsupported("the step moves rows of the batch")
    outer = range(1, max(turned, default=0) + 1)
    length = prod(shape[len(outer) + 1 :])
    places = [[at * prod(shape[dim + 1 :]) for at in range(shape[dim])][:: -1 if dim in turned else 1] for dim in outer]
    return [Move(source, sum(place), length) for place in itertools.product(*places)]


MOVES: dict[Any, Callable[[fx.Node], list[Move] | None]] = {
    aten.slice: _slice,
    aten.narrow: lambda node: _range(node.args[0], _dim(node, 1), *node.args[2:]),  # type: ignore[arg-type]
    aten.select: _select,
    aten.slice_scatter: _scattered,
    operator.getitem: _item,
    aten.cat: _cat,
    aten.stack: _stack,
    aten.expand: lambda node: _spread(node.args[0], node),  # type: ignore[arg-type]
    **dict.fromkeys(TURNS, _permuted),
    aten.repeat: _repeated,
    aten.roll: _rolled,
    aten.flip: _flipped,
}
