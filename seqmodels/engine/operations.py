"""What each of torch's operations comes to in the graph of a row: a table, one row an operation.

Operations that are not here are decomposed by torch where it can (trace.py); what is left sends a step to the plain
loop.
"""

import math
from collections.abc import Callable
from typing import Any

import torch

from seqmodels.engine.derivative import floored
from seqmodels.engine.graph import Graph, Node, Unsupported
from seqmodels.engine.moves import MOVES, SAME

aten = torch.ops.aten
Rule = Callable[..., Node]
Number = float


def _add(g: Graph, a: Any, b: Any, alpha: Number = 1) -> Node:
    return g.add(a, b if alpha == 1 else g.mul(b, alpha))


def _sub(g: Graph, a: Any, b: Any, alpha: Number = 1) -> Node:
    return g.sub(a, b if alpha == 1 else g.mul(b, alpha))


def _div(g: Graph, a: Any, b: Any, rounding_mode: str | None = None) -> Node:
    if rounding_mode == "floor":
        return _floor_divide(g, a, b)
    quotient = g.div(a, b)
    return g.stop(_trunc(g, quotient)) if rounding_mode == "trunc" else quotient


def _floor_divide(g: Graph, a: Any, b: Any) -> Node:
    nothing = g.equal(b, 0)
    return g.stop(g.select(nothing, g.div(a, b), floored(g, a, b, g.remainder(a, b))))


def _fmod(g: Graph, a: Any, b: Any) -> Node:
    size = g.abs(b)
    return g.select(g.less(a, 0), g.neg(g.remainder(g.neg(a), size)), g.remainder(a, size))


def _pow(g: Graph, a: Any, b: Any) -> Node:
    simple = {1: lambda: a, 2: lambda: g.mul(a, a), 3: lambda: g.mul(g.mul(a, a), a), 0.5: lambda: g.sqrt(a)}
    simple |= {-1: lambda: g.div(1, a), -0.5: lambda: g.div(1, g.sqrt(a))}
    return simple[b]() if not isinstance(b, Node) and b in simple else g.pow(a, b)


# Before 2.14 torch's clamp passed the gradient of a value that equals its bound (pull request 191142 of pytorch).
BOUNDS_HAVE_GRADIENTS = torch.__version__ < "2.14"


def _clamp(g: Graph, a: Node, low: Any = None, high: Any = None) -> Node:
    if not BOUNDS_HAVE_GRADIENTS:
        return _between(g, a, low, high)
    if low is not None:
        a = g.select(g.less(a, low), low, _nan_of(g, low, a))
    if high is not None:
        a = g.select(g.less(high, a), high, _nan_of(g, high, a))
    return a


def _nan_of(g: Graph, bound: Any, a: Node) -> Node:
    """a, or NaN where the bound is."""
    return g.select(g.equal(bound, bound), a, bound) if isinstance(bound, Node) else a


def _between(g: Graph, a: Node, low: Any = None, high: Any = None) -> Node:
    # NaN passes through; at a bound that is a number there is no gradient.
    if low is not None:
        a = g.maximum(a, low) if isinstance(low, Node) else g.select(g.less_equal(a, low), low, a)
    if high is not None:
        a = g.minimum(a, high) if isinstance(high, Node) else g.select(g.less_equal(high, a), high, a)
    return a


def _not(g: Graph, a: Node) -> Node:
    return g.sub(1, a)


def _truth(g: Graph, a: Node) -> Node:
    return _not(g, g.equal(a, 0))


def _relu(g: Graph, a: Node) -> Node:
    return g.select(g.less_equal(a, 0), 0, a)  # NaN passes through


def _gelu(g: Graph, a: Node, approximate: str = "none") -> Node:
    if approximate == "tanh":
        inner = g.mul(math.sqrt(2 / math.pi), g.add(a, g.mul(0.044715, g.mul(a, g.mul(a, a)))))
        return g.mul(g.mul(0.5, a), g.add(1, g.tanh(inner)))
    return g.mul(g.mul(0.5, a), g.add(1, g.erf(g.mul(a, math.sqrt(0.5)))))


def _softplus(g: Graph, a: Node, beta: Number = 1, threshold: Number = 20) -> Node:
    scaled = g.mul(a, beta)
    return g.select(g.less(threshold, scaled), a, g.div(g.softplus(scaled), beta))


def _elu(g: Graph, a: Node, alpha: Number = 1, scale: Number = 1, input_scale: Number = 1) -> Node:
    above = g.less(0, a)
    below = g.mul(g.expm1(g.select(above, 0, g.mul(a, input_scale))), alpha)
    return g.mul(g.select(above, a, below), scale)


def _leaky_relu(g: Graph, a: Node, slope: Number = 0.01) -> Node:
    return g.select(g.less(0, a), a, g.mul(a, slope))


def _sign(g: Graph, a: Node) -> Node:
    return g.sub(g.less(0, a), g.less(a, 0))


def _ceil(g: Graph, a: Node) -> Node:
    return g.neg(g.pointwise("floor", g.neg(a)))


def _trunc(g: Graph, a: Node) -> Node:
    return g.select(g.less(a, 0), _ceil(g, a), g.pointwise("floor", a))


def _round(g: Graph, a: Node, decimals: int = 0) -> Node:
    if decimals:
        raise Unsupported("rounding to decimals")
    below = g.pointwise("floor", a)
    apart, half = g.sub(a, below), g.mul(below, 0.5)
    is_odd = _not(g, g.equal(half, g.pointwise("floor", half)))
    goes_up = g.maximum(g.less(0.5, apart), g.mul(g.equal(apart, 0.5), is_odd))  # halves go to even numbers
    return g.add(below, goes_up)


def _sinh(g: Graph, a: Node) -> Node:
    return g.mul(0.5, g.sub(g.expm1(a), g.expm1(g.neg(a))))  # exact about 0, where exp(a) - exp(-a) is not


def _cosh(g: Graph, a: Node) -> Node:
    return g.mul(0.5, g.add(g.exp(a), g.exp(g.neg(a))))


def _odd(function: Callable[[Graph, Node], Node]) -> Rule:
    """Of a function with f(-a) = -f(a), all of it by what it is for positive numbers."""

    def rule(g: Graph, a: Node) -> Node:
        is_negative = g.less(a, 0)
        size = g.select(is_negative, g.neg(a), a)  # abs has no derivative at 0
        value = function(g, size)
        return g.select(is_negative, g.neg(value), value)

    return rule


def _asinh(g: Graph, a: Node) -> Node:
    is_large = g.less(1e10, a)  # its square may overflow
    small = g.select(is_large, 0, a)
    square = g.mul(small, small)
    exact = g.log1p(g.add(small, g.div(square, g.add(1, g.sqrt(g.add(square, 1))))))
    return g.select(is_large, g.add(g.log(g.select(is_large, a, 1)), math.log(2)), exact)


def _atanh(g: Graph, a: Node) -> Node:
    return g.mul(0.5, g.log1p(g.div(g.mul(2, a), g.sub(1, a))))


def _lerp(g: Graph, start: Any, end: Any, weight: Any) -> Node:
    return g.add(start, g.mul(weight, g.sub(end, start)))


def _addc(operation: str) -> Rule:
    def rule(g: Graph, a: Node, b: Node, c: Node, value: Number = 1) -> Node:
        return g.add(a, g.mul(value, g.pointwise(operation, b, c)))

    return rule


def _plain(op: str) -> Rule:
    return lambda g, *args: g.pointwise(op, *args)


def _swapped(op: str) -> Rule:
    return lambda g, a, b: g.pointwise(op, b, a)


def _negated(op: str) -> Rule:
    return lambda g, a, b: _not(g, g.pointwise(op, a, b))


# Rules of an operation hold for all its overloads that take their operands in the same order.
POINTWISE: dict[Any, Rule] = {
    aten.add: _add,
    aten.sub: _sub,
    aten.rsub: lambda g, a, b, alpha=1: _sub(g, b, a, alpha),
    aten.mul: _plain("mul"),
    aten.div: _div,
    aten.neg: _plain("neg"),
    aten.abs: _plain("abs"),
    aten.sqrt: _plain("sqrt"),
    aten.rsqrt: lambda g, a: g.div(1, g.sqrt(a)),
    aten.reciprocal: lambda g, a: g.div(1, a),
    aten.exp: _plain("exp"),
    aten.exp2: lambda g, a: g.exp(g.mul(a, math.log(2))),
    aten.expm1: _plain("expm1"),
    aten.log: _plain("log"),
    aten.log2: lambda g, a: g.div(g.log(a), math.log(2)),
    aten.log10: lambda g, a: g.div(g.log(a), math.log(10)),
    aten.log1p: _plain("log1p"),
    aten.sin: _plain("sin"),
    aten.cos: _plain("cos"),
    aten.tan: lambda g, a: g.div(g.sin(a), g.cos(a)),
    aten.erf: _plain("erf"),
    aten.tanh: _plain("tanh"),
    aten.sigmoid: _plain("sigmoid"),
    aten.pow: _pow,
    aten.sinh: _sinh,
    aten.cosh: _cosh,
    aten.asinh: _odd(_asinh),
    aten.atanh: _odd(_atanh),
    aten.floor: _plain("floor"),
    aten.remainder: _plain("remainder"),
    aten.fmod: _fmod,
    aten.floor_divide: _floor_divide,
    aten.ceil: _ceil,
    aten.trunc: _trunc,
    aten.frac: lambda g, a: g.sub(a, _trunc(g, a)),
    aten.round: _round,
    aten.maximum: _plain("maximum"),
    aten.minimum: _plain("minimum"),
    aten.lt: _plain("less"),
    aten.le: _plain("less_equal"),
    aten.gt: _swapped("less"),
    aten.ge: _swapped("less_equal"),
    aten.eq: _plain("equal"),
    aten.ne: _negated("equal"),
    aten.logical_not: lambda g, a: g.equal(a, 0),
    aten.logical_and: lambda g, a, b: g.mul(_truth(g, a), _truth(g, b)),
    aten.logical_or: lambda g, a, b: g.maximum(_truth(g, a), _truth(g, b)),
    aten.bitwise_not: _not,  # of truth values: trace.py sees to it
    aten.bitwise_and: _plain("mul"),
    aten.bitwise_or: _plain("maximum"),
    aten.where: _plain("select"),
    aten.masked_fill: lambda g, a, mask, value: g.select(mask, value, a),
    aten.sign: _sign,
    aten.sgn: _sign,
    aten.clamp: _clamp,
    aten.clamp_min: lambda g, a, low: _clamp(g, a, low),
    aten.clamp_max: lambda g, a, high: _clamp(g, a, None, high),
    aten.hardtanh: lambda g, a, low=-1, high=1: _between(g, a, low, high),
    aten.relu: _relu,
    aten.leaky_relu: _leaky_relu,
    aten.elu: _elu,
    aten.gelu: _gelu,
    aten.silu: lambda g, a: g.mul(a, g.sigmoid(a)),
    aten.softplus: _softplus,
    aten.log_sigmoid_forward: lambda g, a: g.neg(g.softplus(g.neg(a))),
    aten.mish: lambda g, a: g.mul(a, g.tanh(_softplus(g, a))),
    aten.hardsigmoid: lambda g, a: g.div(_between(g, g.add(a, 3), 0, 6), 6),
    aten.hardswish: lambda g, a: g.div(g.mul(a, _between(g, g.add(a, 3), 0, 6)), 6),
    aten.lerp: _lerp,
    aten.addcmul: _addc("mul"),
    aten.addcdiv: _addc("div"),
    aten.detach: _plain("stop"),
    aten.lift_fresh_copy: lambda g, a: a,
    aten._to_copy: lambda g, a, dtype=None, **layout: _truth(g, a) if dtype is torch.bool else a,
}
NUMBERS_ONLY = {aten.add}  # of truth values, it gives another
TRUTH_ONLY = {aten.bitwise_not, aten.bitwise_and, aten.bitwise_or}


# --- operations over the columns of a row -------------------------------------------------------------------------
# Each takes the pieces that a row is cut into, and gives one number, or as many pieces.

Pieces = list[Node]


def _sum(g: Graph, pieces: Pieces, widths: list[int]) -> Node:
    total: Node = g.value(0)
    for piece, width in zip(pieces, widths, strict=True):
        total = g.add(total, g.reduce("sum", piece, width))
    return total


def _largest(g: Graph, pieces: Pieces, widths: list[int]) -> Node:
    parts = [g.reduce("amax", piece, width) for piece, width in zip(pieces, widths, strict=True)]
    total = parts[0]
    for part in parts[1:]:
        total = g.maximum(total, part)
    return total


def _amax(g: Graph, pieces: Pieces, widths: list[int]) -> Node:
    if len(pieces) == 1:
        return _largest(g, pieces, widths)
    # All columns that are the largest share its gradient equally, in whatever pieces they lie.
    total = g.stop(_largest(g, pieces, widths))
    tops = [g.equal(piece, total) for piece in pieces]
    nothing = [
        g.select(g.mul(top, g.less(g.abs(piece), math.inf)), g.sub(piece, g.stop(piece)), 0)
        for top, piece in zip(tops, pieces, strict=True)
    ]
    return g.add(total, g.div(_sum(g, nothing, widths), _sum(g, tops, widths)))


def _mean(g: Graph, pieces: Pieces, widths: list[int]) -> Node:
    return g.mul(_sum(g, pieces, widths), 1 / sum(widths))


def _squared_distance(g: Graph, pieces: Pieces, widths: list[int], center: Node) -> Node:
    apart = [g.sub(piece, center) for piece in pieces]
    return _sum(g, [g.mul(a, a) for a in apart], widths)


def _variance(g: Graph, pieces: Pieces, widths: list[int], correction: Number) -> Node:
    return g.div(_squared_distance(g, pieces, widths, _mean(g, pieces, widths)), max(sum(widths) - correction, 0))


def _norm(g: Graph, pieces: Pieces, widths: list[int], order: Number) -> Node:
    if order == 1:
        return _sum(g, [g.abs(piece) for piece in pieces], widths)
    if order == math.inf:
        return _amax(g, [g.abs(piece) for piece in pieces], widths)
    if order < 1:
        raise Unsupported(f"a norm of order {order}")
    positive = pieces if order == 2 else [g.abs(piece) for piece in pieces]  # squares are
    return _root(g, _sum(g, [_pow(g, a, order) for a in positive], widths), order)


def _root(g: Graph, total: Node, order: Number = 2) -> Node:
    nothing = g.equal(total, 0)  # whose root has no derivative; torch gives it 0
    return g.select(nothing, 0, _pow(g, g.select(nothing, 1, total), 1 / order))


def _exponentials(g: Graph, pieces: Pieces, widths: list[int], finite: bool = False) -> tuple[Node, Pieces, Node]:
    """The row's maximum (0 if it is infinite and must not be), without a gradient; exp(row - it), and their sum."""
    top = g.stop(_largest(g, pieces, widths))
    if finite:
        top = g.select(g.equal(g.abs(top), math.inf), 0, top)
    powers = [g.exp(g.sub(piece, top)) for piece in pieces]
    return top, powers, _sum(g, powers, widths)


def _softmax(g: Graph, pieces: Pieces, widths: list[int]) -> Pieces:
    _, powers, total = _exponentials(g, pieces, widths)
    inverse = g.div(1, total)
    return [g.mul(power, inverse) for power in powers]


def _log_softmax(g: Graph, pieces: Pieces, widths: list[int]) -> Pieces:
    top, _, total = _exponentials(g, pieces, widths)
    shift = g.add(top, g.log(total))
    return [g.sub(piece, shift) for piece in pieces]


def _logsumexp(g: Graph, pieces: Pieces, widths: list[int]) -> Node:
    top, _, total = _exponentials(g, pieces, widths, finite=True)
    return g.add(top, g.log(total))


def normalise(g: Graph, pieces: Pieces, widths: list[int], epsilon: float) -> Pieces:
    """(row - mean) / sqrt(variance + epsilon)."""
    pieces = [g.same(piece) for piece in pieces]  # two large gradients that nearly cancel
    middle = _mean(g, pieces, widths)
    variance = g.mul(_squared_distance(g, pieces, widths, middle), 1 / sum(widths))
    scale = g.div(1, g.sqrt(g.add(variance, epsilon)))
    return [g.mul(g.sub(piece, middle), scale) for piece in pieces]


def _any(g: Graph, pieces: Pieces, widths: list[int]) -> Node:
    return _largest(g, [_truth(g, piece) for piece in pieces], widths)


TO_NUMBER: dict[Any, Callable[..., Node]] = {
    aten.sum: _sum,
    aten.mean: _mean,
    aten.amax: _amax,
    aten.amin: lambda g, pieces, widths: g.neg(_amax(g, [g.neg(piece) for piece in pieces], widths)),
    aten.any: _any,
    aten.all: lambda g, pieces, widths: _not(g, _any(g, [g.equal(piece, 0) for piece in pieces], widths)),
    aten.logsumexp: _logsumexp,
    aten.linalg_vector_norm: _norm,
    aten.var: _variance,
    aten.std: lambda g, pieces, widths, correction: _root(g, _variance(g, pieces, widths, correction)),
}
TO_ROW: dict[Any, Callable[..., Pieces]] = {aten._softmax: _softmax, aten._log_softmax: _log_softmax}
NORMALISATIONS = {aten.native_layer_norm, aten.native_group_norm}
KNOWN = {*POINTWISE, *TO_NUMBER, *TO_ROW, *NORMALISATIONS, *SAME, *MOVES}
