"""From torch's graph of a step to that of a row: values are the same, rows are cut where the step cuts them."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.fx.experimental.proxy_tensor import make_fx

from seqmodels import Cell, engine
from seqmodels.engine import LayerPass, interpret
from seqmodels.engine.columns import MOST_PIECES, Columns
from seqmodels.engine.graph import Unsupported, operands, reachable
from seqmodels.engine.prelude import Prelude
from seqmodels.engine.trace import trace

ROWS, T, B, I, H = 11, 3, 4, 5, 6  # noqa: E741
Step = Callable[..., Any]  # of x [B, I], h [B, H], c [B, H], v [H], M [I, H], N [H, 4 H]


def shapes(rows: int) -> list[tuple[int, ...]]:
    return [(rows, I), (rows, H), (rows, H), (H,), (I, H), (H, 4 * H)]


def lower(step: Step) -> tuple[Columns, Prelude]:
    examples = [torch.empty(shape, dtype=torch.float64) for shape in shapes(ROWS)]
    graph = make_fx(lambda *tensors: tuple(step(*tensors)), decomposition_table={}, tracing_mode="fake")(
        *examples
    ).graph
    graph.eliminate_dead_code()
    columns = Columns(graph, ["step", "state", "state", "parameter", "parameter", "parameter"], ROWS)
    return columns, Prelude(graph, columns)


def check(step: Step) -> Columns:
    """Some steps by the lowered graph and by torch give the same states."""
    columns, prelude = lower(step)
    _, h, c, *parameters = (torch.randn(shape, dtype=torch.float64) for shape in shapes(B))
    x = torch.randn(T, B, I, dtype=torch.float64)
    _, found = interpret.run(columns.loop, prelude([x, h, c, *parameters], T, B), T)
    for t in range(T):
        h, c = step(x[t], h, c, *parameters)
    torch.testing.assert_close(found, [h, c], rtol=1e-12, atol=1e-12)
    return columns


def zeros(x, h, c, v, M, N):
    nothing = torch.zeros_like(h)
    return torch.cat([h, nothing], 1) @ torch.cat([N, N])[:, :H], c + torch.addmm(v, nothing, N[:, :H]) + nothing @ M[
        :1
    ].expand(H, -1)


def widths(columns: Columns) -> list[list[int]]:
    return [[piece.width for piece in pieces] for pieces in columns.loop.new_state]


def ops(columns: Columns) -> list[str]:
    return [node.op for node in reachable(columns.loop.outputs)]


def chunks(x, h, c, v, M, N):
    a, b, d, e = torch.tanh(h @ N).chunk(4, 1)
    return a * b + c, d - e


def slices(x, h, c, v, M, N):
    gates = torch.sigmoid((h @ N)[:, : 3 * H])
    return gates[:, :H] * c + gates[:, 2 * H :], gates[:, H : 2 * H]


def joined(x, h, c, v, M, N):
    both = torch.cat([h * 2, c], -1)
    return both[:, 3:9], both[:, ::2]


def stacked(x, h, c, v, M, N):
    a, b = torch.softmax(torch.stack([h, c], 1), 1).unbind(1)
    return a, b * c


def viewed(x, h, c, v, M, N):
    pieces = (h @ N).view(-1, 4, H)
    return pieces[:, 1].tanh(), pieces.mean(1) + pieces.sum(2)[:, :1]


def expanded(x, h, c, v, M, N):
    gate = torch.sigmoid(h[:, :1])
    return gate * c, gate.expand(-1, H) - h.mean(-1, keepdim=True)


def states_with_cuts(x, h, c, v, M, N):
    return torch.cat([h[:, 4:], c[:, :4].tanh()], 1), torch.cat([x[:, :1] * c[:, :2], h[:, 2:]], 1)


def swapped(x, h, c, v, M, N):
    return c, h


def constant(x, h, c, v, M, N):
    return torch.zeros_like(h), torch.ones_like(c) * v


def of_parameters(x, h, c, v, M, N):
    return h * torch.exp(v) + torch.linalg.vector_norm(M), c * v[:1] + v.sum()


def of_parts_of_parameters(x, h, c, v, M, N):
    return torch.addmm(v, h, N[:, H : 2 * H]), F.linear(c, N[:, :H].t(), v)


def of_the_input(x, h, c, v, M, N):
    return h + (x * 2) @ M, c + torch.cumsum(x, 1).sum(1, keepdim=True)


def of_the_input_alone(x, h, c, v, M, N):
    return h + x @ M, c * torch.sigmoid(x[:, :1])


def normalised(x, h, c, v, M, N):
    return F.layer_norm(h, (H,), v), F.layer_norm(torch.cat([c, h], 1), (2 * H,))[:, 2 : 2 + H]


def normalised_by_parts(x, h, c, v, M, N):
    apart = F.layer_norm(h.view(-1, 2, 3), (3,), v[:3], v[3:]).flatten(1)
    return apart + F.layer_norm(c.view(-1, 3, 2), (3, 2)).flatten(1), F.group_norm(
        torch.cat([c[:, 4:], h[:, :4]], 1), 3, v, -v
    )


def normalised_channels(x, h, c, v, M, N):
    return F.group_norm(h.view(-1, 2, 3), 2).flatten(1), F.group_norm(x[:, :1] * c, 1)


def reordered(x, h, c, v, M, N):
    pairs = h.view(-1, 3, 2).transpose(1, 2).flatten(1)
    return pairs * c, c[:, :2].repeat(1, 3) + (h @ N).view(-1, 2, 2, H).permute(0, 2, 1, 3).tanh()[:, 1, 0]


def heads(x, h, c, v, M, N):
    apart = torch.stack([h, c], 1).view(-1, 2, 3, 2)
    return torch.softmax(apart, -1).reshape(-1, 2 * H)[:, :H], torch.logsumexp(apart, (1, 2)).repeat_interleave(3, 1)


def by_matrix_and_vector(x, h, c, v, M, N):
    return h * torch.mv(h, v)[:, None], c + (c @ N)[:, :1]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (chunks, [[H], [H]]),
        (slices, [[H], [H]]),
        (joined, None),
        (stacked, [[H], [H]]),
        (viewed, None),
        (expanded, [[1, 5], [1, 5]]),
        (states_with_cuts, None),
        (swapped, [[H], [H]]),
        (constant, [[H], [H]]),
        (of_parameters, [[H], [H]]),
        (of_parts_of_parameters, [[H], [H]]),
        (of_the_input, [[H], [H]]),
        (of_the_input_alone, [[H], [H]]),
        (normalised, None),
        (normalised_by_parts, None),
        (normalised_channels, None),
        (reordered, None),
        (heads, None),
        (by_matrix_and_vector, None),
    ],
)
def test_a_lowered_step_computes_what_the_step_computes(step, expected):
    columns = check(step)
    assert [sum(each) for each in widths(columns)] == [H, H]
    if expected is not None:
        assert widths(columns) == expected


def test_products_of_the_input_and_the_state_are_left_to_the_loop():
    columns = check(lambda x, h, c, v, M, N: (torch.tanh(x @ M + h @ N[:, :H] + v), c))
    (product,) = (node for node in reachable(columns.loop.outputs) if node.op == "product")
    assert [arg.op for arg, _ in operands(product)] == ["step", "state"]
    assert columns.loop.steps == [I]


def test_products_of_what_is_computed_from_the_input_are_not():
    columns = check(of_the_input)
    assert "product" not in ops(columns)


def test_what_depends_on_parameters_alone_is_one_vector():
    columns = check(lambda x, h, c, v, M, N: (h + torch.exp(v), c - torch.exp(v)))
    assert columns.loop.vectors in ([H], [H, H])
    assert "exp" not in ops(columns)


def test_numbers_that_the_step_makes_are_no_inputs_of_the_loop():
    columns = check(lambda x, h, c, v, M, N: (h * torch.full((), 0.3), torch.scalar_tensor(0.5) * c + torch.ones(1)))
    assert columns.loop.vectors == []


def test_zeros_are_left_out_of_products():
    columns = check(zeros)
    (product,) = (node for node in reachable(columns.loop.outputs) if node.op == "product")
    assert [arg.op for arg, _ in operands(product)] == ["state"]


def test_chunks_of_one_product_have_the_matrix_in_common():
    columns = check(chunks)
    products = [node for node in reachable(columns.loop.outputs) if node.op == "product"]
    assert [operands(product)[0][1].column for product in products] == [0, H, 2 * H, 3 * H]
    assert columns.loop.matrices == [(H, 4 * H)]


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (lambda x, h, c, v, M, N: (h, c, c), "2 states became 3"),
        (lambda x, h, c, v, M, N: (h[:, :3], c), "a state of 6 features became one of [3]"),
        (lambda x, h, c, v, M, N: (h.mean(0), c), "aten.mean gives [6], which doesn't begin with the batch"),
        (lambda x, h, c, v, M, N: (h - h.mean(0), c), "aten.mean gives [6], which doesn't begin with the batch"),
        (lambda x, h, c, v, M, N: (h.softmax(0), c), "aten._softmax goes across the rows of the batch"),
        (lambda x, h, c, v, M, N: (h + torch.rand_like(h), c), "the step draws random numbers (aten.rand_like)"),
        (lambda x, h, c, v, M, N: (F.dropout(h), c), "the step draws random numbers (aten."),
        (lambda x, h, c, v, M, N: (h.sort(1).values, c), "no rule for aten.sort"),
        (lambda x, h, c, v, M, N: (h.flip(0), c), "the step moves rows of the batch"),
        (lambda x, h, c, v, M, N: (h.cumsum(1), c), "no rule for aten.cumsum"),
        (lambda x, h, c, v, M, N: (h @ h.t() @ h, c), "a product of two values that both depend on the batch"),
        (lambda x, h, c, v, M, N: (torch.addmm(v, h, N[:, :H], beta=2), c), "a scaled product (alpha, beta)"),
        (
            lambda x, h, c, v, M, N: ((h @ N.repeat(1, 4)).view(-1, 8, 12).transpose(1, 2).flatten(1)[:, :H], c),
            "aten.transpose cuts a row into more than 64 pieces",
        ),
        (
            lambda x, h, c, v, M, N: (
                torch.stack([h.view(-1, 2, 3)] * 2, 3).sum((1, 3)).repeat(1, 2).sort(1).values,
                c,
            ),
            "no rule for aten.sort",
        ),
        (
            lambda x, h, c, v, M, N: ((h @ N).view(-1, 2, 3, 4).sum((1, 3))[:, :1] * h, c),
            "aten.sum over dimensions that don't lie side by side",
        ),
        (
            lambda x, h, c, v, M, N: (F.group_norm(h.view(-1, 2, 3), 1, v[:2]).flatten(1), c),
            "group_norm with weights for channels of several numbers",
        ),
        (lambda x, h, c, v, M, N: (h * torch.arange(len(h))[:, None], c), "aten.arange"),
    ],
)
def test_what_a_loop_cannot_have_is_refused_with_one_line(step, reason):
    with pytest.raises(Unsupported) as caught:
        lower(step)
    assert str(caught.value).startswith(reason)
    assert "\n" not in str(caught.value)


class Detached(Cell):
    """A straight-through sign, and a gate without a gradient."""

    def step(self, x, h):
        total = h + x
        return total + (torch.sign(total) - total).detach() * torch.sigmoid(h.detach())


@pytest.mark.parametrize("decompose", [False, True])
def test_what_is_detached_stays_so(decompose):
    x, h = (torch.randn(*shape, H, dtype=torch.float64, requires_grad=True) for shape in ((T, B), (B,)))
    layer = LayerPass(Detached(H, H).double(), x, (h,))
    traced = trace(layer, decompose)
    columns = Columns(traced.graph, traced.kinds, traced.rows)
    (found,), _ = interpret.run(columns.loop, Prelude(traced.graph, columns)([x, h], T, B), T)
    expected = engine.run(layer, "reference").output
    for ours, theirs in zip(*(torch.autograd.grad(result.sum(), (x, h)) for result in (found, expected)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_rows_of_too_many_pieces_are_refused():
    def step(x, h, c, v, M, N):
        parts = (h @ N.repeat(1, 4)).split(1, 1)
        return h, c + torch.cat(parts[::-1], 1)[:, :H]

    with pytest.raises(Unsupported, match=f"cuts a row into more than {MOST_PIECES} pieces"):
        lower(step)
