"""Every row of the tables of operations computes what torch computes: values and gradients, wherever they are defined.

The rows are lowered from a trace, as a step is, and run by interpret.py in float64.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.fx.experimental.proxy_tensor import make_fx

from seqmodels.engine import interpret, operations
from seqmodels.engine.columns import Columns
from seqmodels.engine.graph import Unsupported
from seqmodels.engine.moves import packet
from seqmodels.engine.prelude import Prelude

aten = torch.ops.aten
ROWS = 11  # of the trace
FINITE = [0.0, 1.0, -1.0, 3.0, -3.0, 0.5, -0.3, 1e-8, -1e-8, 6.5, 25.0]
SPECIAL = [*FINITE, -0.0, math.nan, math.inf, -math.inf, 800.0]

Function = Callable[..., Tensor]


def of_one(operation: Any) -> Function:
    return lambda a: operation(a)


def of_two(operation: Any) -> Function:
    return lambda a, b: operation(a, b)


# Of each row, functions of one, two or three tensors in which the operation occurs.
CASES: dict[Any, list[Function]] = {
    aten.add: [of_two(aten.add), lambda a: aten.add(a, 2.5), lambda a, b: aten.add(a, b, alpha=3)],
    aten.sub: [of_two(aten.sub), lambda a: aten.sub(a, 2.5), lambda a, b: aten.sub(a, b, alpha=3)],
    aten.rsub: [lambda a: aten.rsub(a, 1), lambda a, b: aten.rsub(a, b, alpha=2)],
    aten.mul: [of_two(aten.mul), lambda a: aten.mul(a, 0), lambda a: aten.mul(a, -2)],
    aten.div: [of_two(aten.div), lambda a: aten.div(a, 3), lambda a: aten.div(a, 0)]
    + [lambda a, b, m=m: a * aten.div(a, b, rounding_mode=m) for m in ("floor", "trunc")],
    aten.neg: [of_one(aten.neg)],
    aten.abs: [of_one(aten.abs)],
    aten.sqrt: [of_one(aten.sqrt)],
    aten.rsqrt: [of_one(aten.rsqrt)],
    aten.reciprocal: [of_one(aten.reciprocal)],
    aten.exp: [of_one(aten.exp)],
    aten.exp2: [of_one(aten.exp2)],
    aten.expm1: [of_one(aten.expm1)],
    aten.log: [of_one(aten.log)],
    aten.log2: [of_one(aten.log2)],
    aten.log10: [of_one(aten.log10)],
    aten.log1p: [of_one(aten.log1p)],
    aten.sin: [of_one(aten.sin)],
    aten.cos: [of_one(aten.cos)],
    aten.tan: [of_one(aten.tan)],
    aten.erf: [of_one(aten.erf)],
    aten.tanh: [of_one(aten.tanh)],
    aten.sigmoid: [of_one(aten.sigmoid)],
    aten.pow: [of_two(aten.pow), *(lambda a, p=p: aten.pow(a, p) for p in (0, 1, 2, 3, 4, 1.5, 0.5, -0.5, -1, -2, -3))],
    aten.sinh: [of_one(aten.sinh)],
    aten.cosh: [of_one(aten.cosh)],
    aten.asinh: [of_one(aten.asinh), lambda a: aten.asinh(a * 1e12), lambda a: aten.asinh(a * 1e-12)],
    aten.atanh: [lambda a: aten.atanh(a / 30.0), lambda a: aten.atanh(a * 1e-12)],
    aten.floor: [of_one(aten.floor)],
    aten.remainder: [
        of_two(aten.remainder),
        lambda a: aten.remainder(a, 0.3),
        lambda a: a + aten.remainder(2.0, a.detach()),
    ],
    aten.fmod: [lambda a, b: aten.fmod(a, b + 0.17), lambda a: aten.fmod(a, 0.3), lambda a: aten.fmod(a, -0.3)],
    aten.floor_divide: [lambda a, b: a * aten.floor_divide(a.detach(), b.detach())],
    aten.ceil: [of_one(aten.ceil)],
    aten.trunc: [of_one(aten.trunc)],
    aten.frac: [of_one(aten.frac)],
    aten.round: [of_one(aten.round), lambda a: aten.round(a * 0.5), lambda a: aten.round(a * 1e15 + 1)],
    aten.maximum: [of_two(aten.maximum)],
    aten.minimum: [of_two(aten.minimum)],
    aten.lt: [lambda a, b: a * aten.lt(a, b)],
    aten.le: [lambda a, b: a * aten.le(a, b)],
    aten.gt: [lambda a, b: a * aten.gt(a, b), lambda a: a * aten.gt(a, 1)],
    aten.ge: [lambda a, b: a * aten.ge(a, b), lambda a: a * aten.ge(a, 1)],
    aten.eq: [lambda a, b: a * aten.eq(a, b)],
    aten.ne: [lambda a, b: a * aten.ne(a, b), lambda a: a * aten.ne(a, 1)],
    aten.logical_not: [lambda a: a + aten.logical_not(a), lambda a: a + aten.logical_not(a > 0)],
    aten.logical_and: [lambda a, b: a + aten.logical_and(a, b), lambda a, b: a + aten.logical_and(a > 0, b > 1)],
    aten.logical_or: [lambda a, b: a + aten.logical_or(a, b), lambda a, b: a + aten.logical_or(a > 0, b > 1)],
    aten.bitwise_not: [lambda a: a + aten.bitwise_not(a > 0)],
    aten.bitwise_and: [lambda a, b: a + aten.bitwise_and(a > 0, b > 1)],
    aten.bitwise_or: [lambda a, b: a + aten.bitwise_or(a > 0, b > 1)],
    aten.where: [lambda a, b: aten.where(a > b, a, b), lambda a: aten.where(a <= 0, a, 7.0)],
    aten.masked_fill: [lambda a, b: aten.masked_fill(a, b > 0, -2.0)],
    aten.sign: [lambda a: a * aten.sign(a)],
    aten.sgn: [lambda a: a * aten.sgn(a)],
    aten.clamp: [
        lambda a: aten.clamp(a, -1, 3),
        lambda a: aten.clamp(a, max=1),
        lambda a: aten.clamp(a, 3, -1),
        lambda a, b: aten.clamp(a, b - 1, b + 2),
        lambda a, b: aten.clamp(a, None, b),
    ],
    aten.clamp_min: [lambda a: aten.clamp_min(a, -1), lambda a, b: aten.clamp_min(a, b)],
    aten.clamp_max: [lambda a: aten.clamp_max(a, 3), lambda a, b: aten.clamp_max(a, b)],
    aten.hardtanh: [of_one(aten.hardtanh), lambda a: aten.hardtanh(a, 0, 3)],
    aten.relu: [of_one(aten.relu)],
    aten.leaky_relu: [of_one(aten.leaky_relu), lambda a: aten.leaky_relu(a, 0.3)],
    aten.elu: [of_one(aten.elu), lambda a: aten.elu(a, 1.67, 1.05), lambda a: aten.elu(a, 2.0, 1.0, 0.5)],
    aten.gelu: [of_one(aten.gelu), lambda a: aten.gelu(a, approximate="tanh")],
    aten.silu: [of_one(aten.silu)],
    aten.softplus: [of_one(aten.softplus), lambda a: aten.softplus(a, 2.0, 5.0)],
    aten.log_sigmoid_forward: [lambda a: aten.log_sigmoid_forward(a)[0]],
    aten.mish: [of_one(aten.mish)],
    aten.hardsigmoid: [of_one(aten.hardsigmoid)],
    aten.hardswish: [of_one(aten.hardswish)],
    aten.lerp: [lambda a, b: aten.lerp(a, b, 0.3), lambda a, b, c: aten.lerp(a, b, c)],
    aten.addcmul: [lambda a, b, c: aten.addcmul(a, b, c, value=2.0)],
    aten.addcdiv: [lambda a, b, c: aten.addcdiv(a, b, c, value=2.0)],
    aten.detach: [lambda a: a * aten.detach(a)],
    aten.lift_fresh_copy: [of_one(aten.lift_fresh_copy)],
    aten._to_copy: [
        lambda a: a * aten._to_copy(a > 1, dtype=torch.float64),
        lambda a: a * aten._to_copy(a > 1, dtype=torch.int64),
        lambda a: a + aten._to_copy(a, dtype=torch.bool),
    ],
}
FINITE_ONLY = {aten.lerp}  # torch has another formula for weights above 1/2: infinity - infinity there, not here
ROUGH = {aten.hardsigmoid: 1e-7}  # torch's own gradient is 1/6 of float32

# Of each row over columns, functions of [n, 4].
ROW_CASES: dict[Any, list[Function]] = {
    aten.sum: [lambda a: aten.sum(a, 1), lambda a: a * aten.sum(a, [-1], True)],
    aten.mean: [lambda a: aten.mean(a, 1), lambda a: a * aten.mean(a, [-1], True)],
    aten.amax: [
        lambda a: aten.amax(torch.cat([a[:, :1], a[:, 1:]], 1), 1),
        lambda a: aten.amax(a, 1),
        lambda a: a * aten.amax(a, [-1], True),
    ],
    aten.amin: [
        lambda a: aten.amin(torch.cat([a[:, :1], 2 * a[:, 2:]], 1), 1),
        lambda a: aten.amin(a, 1),
        lambda a: a * aten.amin(a, [-1], True),
    ],
    aten.any: [lambda a: a * aten.any(a > 0, 1, True), lambda a: a * aten.any(a, -1, True)],
    aten.all: [lambda a: a * aten.all(a > 0, 1, True), lambda a: a * aten.all(a, -1, True)],
    aten.logsumexp: [lambda a: aten.logsumexp(a, 1), lambda a: a * aten.logsumexp(a, [-1], True)],
    aten.linalg_vector_norm: [lambda a, p=p: aten.linalg_vector_norm(a, p, [1]) for p in (1, 1.5, 2, 3, math.inf)],
    aten.var: [lambda a, c=c: aten.var(a, [1], correction=c) for c in (0, 1, 2, None)],
    aten.std: [lambda a, c=c: aten.std(a, [1], correction=c) for c in (0, 1, 2, None)],
    aten._softmax: [lambda a: aten._softmax(a, -1, False)],
    aten._log_softmax: [lambda a: aten._log_softmax(a, 1, False)],
}


def number_of_operands(function: Function) -> int:
    code = function.__code__  # type: ignore[attr-defined]
    return code.co_argcount - len(function.__defaults__ or ())  # type: ignore[attr-defined]


def lower(function: Function, operation: Any, width: int) -> Function:
    """The same function by way of a step that puts its result into the state."""
    count = number_of_operands(function)

    def step(*state: Tensor) -> tuple[Tensor, ...]:
        new = function(*state)
        return new.reshape(len(new), -1).expand(-1, width), *state[1:]

    examples = [torch.empty(ROWS, width, dtype=torch.float64) for _ in range(count)]
    graph = make_fx(step, decomposition_table={}, tracing_mode="fake")(*examples).graph
    graph.eliminate_dead_code()
    assert operation is None or operation in map(packet, graph.nodes), "the case doesn't have its operation"
    columns = Columns(graph, ["state"] * count, ROWS)
    prelude = Prelude(graph, columns)

    def run(*operands: Tensor) -> Tensor:
        return interpret.run(columns.loop, prelude(operands, 1, len(operands[0])), steps=1)[1][0]

    return run


def gradients(result: Tensor, operands: list[Tensor]) -> list[Tensor]:
    weights = torch.linspace(0.5, 1.5, result.numel(), dtype=result.dtype).reshape(result.shape)
    return list(torch.autograd.grad(result, operands, weights, allow_unused=True, materialize_grads=True))


def require_same(found: Tensor, expected: Tensor, tolerance: float = 1e-12) -> None:
    torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance, equal_nan=True)


def every_combination(numbers: list[float], count: int, width: int) -> list[Tensor]:
    """All combinations of the numbers, each column of which is one operand, as [n, width]."""
    rows = torch.tensor(list(itertools.product(numbers, repeat=count)), dtype=torch.float64)
    rows = rows[: len(rows) // width * width]
    return [rows[:, index].reshape(-1, width).clone() for index in range(count)]


def every_row(numbers: list[float]) -> Tensor:
    """Rows of four numbers."""
    return torch.tensor(list(itertools.product(numbers, repeat=4)), dtype=torch.float64)


def named(table: dict[Any, list[Function]]) -> list[Any]:
    return [
        pytest.param(operation, function, id=f"{operation.__name__}-{number}")
        for operation, functions in table.items()
        for number, function in enumerate(functions)
    ]


def test_every_row_has_a_case():
    assert set(CASES) == set(operations.POINTWISE)
    assert set(ROW_CASES) == {*operations.TO_NUMBER, *operations.TO_ROW}


@pytest.mark.parametrize(("operation", "function"), named(CASES))
def test_pointwise(operation, function):
    ours, count = lower(function, operation, width=4), number_of_operands(function)
    operands = every_combination(FINITE if operation in FINITE_ONLY else SPECIAL, count, 4)
    require_same(ours(*operands), function(*operands))
    operands = [operand.requires_grad_() for operand in every_combination(FINITE, count, 4)]
    pairs = zip(*(gradients(f(*operands), operands) for f in (ours, function)), strict=True)
    for found, expected in pairs:
        require_same(found, expected, ROUGH.get(operation, 1e-12))


@pytest.mark.parametrize(("operation", "function"), named(ROW_CASES))
def test_over_columns(operation, function):
    ours = lower(function, operation, width=4)

    def theirs(a: Tensor) -> Tensor:
        result = function(a)
        return result if result.dim() == 2 else result[:, None].expand(-1, 4)

    rows = every_row([0.0, 1.0, -2.5, 30.0, math.inf, -math.inf, math.nan])
    require_same(ours(rows), theirs(rows))
    rows = every_row([0.0, 1.0, -2.5, 30.0])
    rows.requires_grad_()
    (found,), (expected,) = (gradients(f(rows), [rows]) for f in (ours, theirs))
    require_same(found, expected)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda a: a * ((a > 0) + (a > -1)), "aten.add of truth values"),
        (lambda a: a * a.long(), "values that become another type"),
        (lambda a: a * a.float(), "values that become another type"),
        (lambda a: aten.round(a, decimals=1), "rounding to decimals"),
        (lambda a: aten.linalg_vector_norm(a, 0, [1], True) * a, "a norm of order 0"),
        (lambda a: a * (a.bool().int() | 2), "aten.bitwise_or of integers"),
        (lambda a: aten.sum(a, [1], True, dtype=torch.float32) * a, "aten.sum into another type"),
    ],
)
def test_what_a_row_does_not_say_is_refused(function, reason):
    with pytest.raises(Unsupported) as caught:
        lower(function, None, 4)
    assert str(caught.value) == reason
