"""Operations that only move numbers: where each column of a result comes from, as torch moves them."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, fx
from torch.fx.experimental.proxy_tensor import make_fx

from seqmodels.engine.graph import Unsupported
from seqmodels.engine.moves import aligned, moves, shape_of

ROWS = 11

MOVES: dict[str, tuple[tuple[int, ...], Callable[[Tensor], Tensor]]] = {
    "slice": ((6,), lambda a: a[:, 1:4]),
    "slice from the end": ((6,), lambda a: a[:, -2:]),
    "slice with a step": ((6,), lambda a: a[:, 1::2]),
    "slice of a later dimension": ((2, 6), lambda a: a[:, :, 2:5]),
    "slice of an earlier dimension": ((3, 4), lambda a: a[:, 1:]),
    "slice of the whole batch": ((4,), lambda a: a[:]),
    "columns put into a slice": ((6,), lambda a: torch.slice_scatter(a, a[:, :2], 1, 3, 5)),
    "columns put at the end": ((2, 3), lambda a: torch.slice_scatter(a, a[:, :, :2], 2, 1)),
    "rows put into all rows": ((2,), lambda a: torch.slice_scatter(a, a.clone(), 0)),
    "narrow": ((6,), lambda a: a.narrow(1, 2, 3)),
    "select": ((6,), lambda a: a[:, 2]),
    "select from the end": ((3, 4), lambda a: a[:, -1]),
    "select of a later dimension": ((3, 4), lambda a: a[:, :, 1]),
    "chunk": ((7,), lambda a: a.chunk(3, 1)[1]),
    "last chunk, shorter": ((7,), lambda a: a.chunk(3, -1)[2]),
    "split": ((6,), lambda a: a.split(4, -1)[1]),
    "split with sizes": ((6,), lambda a: a.split([1, 3, 2], 1)[2]),
    "chunk of a later dimension": ((2, 6), lambda a: a.chunk(2, 2)[1]),
    "unbind": ((3, 4), lambda a: a.unbind(1)[2]),
    "unbind of a later dimension": ((3, 4), lambda a: a.unbind(-1)[2]),
    "view": ((6,), lambda a: a.view(-1, 3, 2)),
    "flatten": ((3, 2), lambda a: a.flatten(1)),
    "unflatten": ((6,), lambda a: a.unflatten(1, (2, 3))),
    "unsqueeze": ((4,), lambda a: a[:, None]),
    "squeeze": ((1, 4), lambda a: a.squeeze(1)),
    "clone": ((4,), lambda a: a.clone()),
    "cat": ((4,), lambda a: torch.cat([a, a[:, :2], a], 1)),
    "cat of rows": ((2, 3), lambda a: torch.cat([a, a], 1)),
    "cat of a later dimension": ((2, 3), lambda a: torch.cat([a, a[:, :, :1]], -1)),
    "cat with nothing": ((4,), lambda a: torch.cat([a, a[:, :0]], 1)),
    "stack": ((4,), lambda a: torch.stack([a, a], 1)),
    "stack as last dimension": ((3,), lambda a: torch.stack([a, a], -1)),
    "stack in the middle": ((2, 3), lambda a: torch.stack([a, a], 2)),
    "expand": ((1,), lambda a: a.expand(-1, 5)),
    "expand an outer dimension": ((1, 3), lambda a: a.expand(-1, 2, 3)),
    "expand an inner dimension": ((3, 1), lambda a: a.expand(-1, 3, 2)),
    "expand both": ((1, 2, 1), lambda a: a.expand(-1, 2, 2, 3)),
    "transpose of one": ((1, 4), lambda a: a.transpose(1, 2)),
    "transpose": ((3, 4), lambda a: a.transpose(1, 2)),
    "transpose of all but the last": ((2, 3, 4), lambda a: a.transpose(1, 2)),
    "permute": ((3, 4), lambda a: a.permute(0, 2, 1)),
    "permute of many": ((2, 3, 1, 4, 5), lambda a: a.permute(0, 4, 1, 3, 2, 5)),
    "permute around a block": ((2, 3, 4), lambda a: a.permute(0, -1, 1, 2)),
    "flip": ((4,), lambda a: a.flip(1)),
    "flip of an outer dimension": ((2, 3, 4), lambda a: a.flip(2)),
    "flip of several dimensions": ((2, 3, 4), lambda a: a.flip([1, -1])),
    "repeat": ((3,), lambda a: a.repeat(1, 2)),
    "repeat of several dimensions": ((2, 3), lambda a: a.repeat(1, 3, 2)),
    "roll": ((5,), lambda a: a.roll(2, -1)),
    "roll back": ((5,), lambda a: a.roll(-1, 1)),
    "roll by nothing": ((5,), lambda a: a.roll(5, 1)),
    "roll of an earlier dimension": ((3, 4), lambda a: a.roll(1, 1)),
    "roll of a later dimension": ((3, 4), lambda a: a.roll(3, 2)),
    "permute of ones": ((1, 4, 1), lambda a: a.permute(0, 3, 2, 1)),
}
REFUSED: dict[str, tuple[tuple[int, ...], Callable[[Tensor], Tensor], str]] = {
    "transpose of the batch": ((4,), lambda a: a.t(), "aten.t moves the batch behind other dimensions"),
    "permute of the batch": (
        (2, 3),
        lambda a: a.permute(1, 0, 2),
        "aten.permute moves the batch behind other dimensions",
    ),
    "repeat of rows": ((3,), lambda a: a.repeat(2, 1), "the step repeats rows of the batch"),
    "repeat into more dimensions": ((3,), lambda a: a.repeat(1, 1, 2), "the step repeats rows of the batch"),
    "roll of rows": ((4,), lambda a: a.roll(1, 0), "the step moves rows of the batch"),
    "some rows": ((4,), lambda a: a[:3], "the step takes single rows out of the batch"),
    "a row": ((4,), lambda a: a[0], "the step takes single rows out of the batch"),
    "unbind of the batch": ((4,), lambda a: a.unbind(0)[0], "the step takes single rows out of the batch"),
    "chunk of the batch": ((4,), lambda a: a.chunk(2)[0], "the step takes single rows out of the batch"),
    "cat of the batch": ((4,), lambda a: torch.cat([a, a]), "the step joins rows of the batch"),
    "stack before the batch": ((4,), lambda a: torch.stack([a, a]), "the step joins rows of the batch"),
    "step in a later dimension": ((2, 6), lambda a: a[:, :, ::2], "aten.slice puts columns into another order"),
}


def trace(shape: tuple[int, ...], function: Callable[[Tensor], Tensor]) -> fx.Node:
    """The node of the result."""
    graph = make_fx(function, tracing_mode="fake")(torch.empty(ROWS, *shape)).graph
    graph.eliminate_dead_code()
    return next(node for node in graph.nodes if node.op == "output").args[0]


def follow(node: fx.Node, value: Tensor) -> Tensor:
    """The columns of a node, by moves alone from those of the placeholder."""
    if node.op == "placeholder":
        return value.flatten(1)
    found = moves(node)
    assert found is not None, node
    parts = []
    for move in found:
        source = follow(move.source, value)
        part = source[:, move.low : move.low + (1 if move.repeated else move.length)]
        parts.append(part.expand(-1, move.length))
        assert part.shape[1] == (1 if move.repeated else move.length), "columns that the source doesn't have"
    return torch.cat(parts, 1)


@pytest.mark.parametrize("name", MOVES)
def test_columns_come_from_where_torch_takes_them(name):
    shape, function = MOVES[name]
    value = torch.randn(ROWS, *shape)
    assert torch.equal(follow(trace(shape, function), value), function(value).reshape(ROWS, -1))


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_move_within_rows_is_refused(name):
    shape, function, reason = REFUSED[name]
    with pytest.raises(Unsupported) as caught:
        moves(trace(shape, function))
    assert str(caught.value) == reason


def test_what_computes_is_no_move():
    assert moves(trace((4,), torch.tanh)) is None
    assert moves(trace((4,), lambda a: a.max(1)[0])) is None


@pytest.mark.parametrize(
    ("shape", "tail"),
    [
        ((4,), (4,)),
        ((1,), (4,)),
        ((4,), (3, 4)),
        ((3, 1), (3, 4)),
        ((1, 4), (3, 4)),
        ((2, 1, 3), (2, 4, 3)),
        ((1, 3), (2, 1, 3)),
        ((1, 1), (3, 4)),
    ],
)
def test_broadcast_to_more_columns(shape, tail):
    node = trace(shape, torch.tanh)
    value = torch.randn(*shape)
    columns = value.flatten()
    parts = [
        columns[move.low].expand(move.length) if move.repeated else columns[move.low : move.low + move.length]
        for move in aligned(node, tail)
    ]
    assert shape_of(node) == (ROWS, *shape)
    assert torch.equal(torch.cat(parts), value.expand(tail).flatten())
