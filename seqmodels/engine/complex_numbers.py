"""Complex values of a state as two real ones each; what parameters and the input alone make stays torch's."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

import torch
from torch import fx

from seqmodels.engine.graph import Unsupported
from seqmodels.engine.moves import MOVES, SAME, packet
from seqmodels.engine.rewriting import Writer, dependents

aten = torch.ops.aten


class Pair(NamedTuple):
    """Real and imaginary part, each a node of torch's graph, or a number; None: there is none, and it costs nothing."""

    real: Any
    imaginary: Any


def write_complex_numbers(graph: fx.Graph, states: Iterable[fx.Node]) -> None:
    """Writes operations on complex values that depend on a state as operations on their parts.

    Raises:
        Unsupported: If there is no rule for one.
    """
    if not any(_is_complex(node) for node in graph.nodes):
        return
    graph.eliminate_dead_code()  # what was written otherwise needs no rule
    parts, recurrent = _Parts(graph), dependents(graph, states)
    for node in [*graph.nodes]:
        if node not in recurrent or node.op != "call_function":
            continue
        with graph.inserting_before(node):
            if _is_complex(node):
                parts.known[node] = parts.of_operation(node)
            elif any(source in parts.known for source in node.all_input_nodes):
                parts.take(node)


def _is_complex(value: Any) -> bool:
    found = value.meta.get("val") if isinstance(value, fx.Node) else value
    return found.is_complex() if isinstance(found, torch.Tensor) else isinstance(found, complex)


class _Parts:
    def __init__(self, graph: fx.Graph) -> None:
        self.writer = Writer(graph)
        self.known: dict[fx.Node, Pair] = {}

    def call(self, operation: Any, *args: Any, **kwargs: Any) -> fx.Node:
        return self.writer.call(operation, *args, **kwargs)

    def of(self, value: Any) -> Pair:
        """Of an operand, which may be such a pair itself."""
        if isinstance(value, Pair):
            return value
        if value in self.known:
            return self.known[value]
        if not _is_complex(value):
            return Pair(value, None)
        if not isinstance(value, fx.Node):
            return Pair(value.real or None, value.imag or None)
        numbers = self.call(aten.view_as_real.default, self.call(aten.resolve_conj.default, value))
        self.known[value] = Pair(*(self.call(aten.select.int, numbers, -1, index) for index in (0, 1)))
        return self.known[value]

    def of_operation(self, node: fx.Node) -> Pair:
        """Of the result of an operation."""
        kind = packet(node)
        if (rule := _RULES.get(kind)) is not None and not node.kwargs:
            real, imaginary = rule(self, *node.args)
            return Pair(self._spread(real, imaginary, node), self._spread(imaginary, real, node))
        if kind in SAME or kind in MOVES or kind in _OF_PARTS:
            return self._moved(node)
        if kind in (aten._fft_r2c, aten._fft_c2c) and self._is_of_last(node):
            matrix = self.call(node.target, self._identity(node, kind is aten._fft_c2c), [1], *node.args[2:])
            return _multiplied(self, node.args[0], matrix, self.product)
        raise Unsupported(f"no rule for {kind} of complex numbers")

    def take(self, node: fx.Node) -> None:
        """Puts what parts give in the place of a real value."""
        kind, z = packet(node), self.of(node.args[0])
        if kind is aten.view_as_real:
            for user in [*node.users]:  # .real and .imag
                dims = node.meta["val"].dim()
                if packet(user) is aten.select and cast(int, user.args[1]) % dims == dims - 1:
                    user.replace_all_uses_with(self.both(z)[cast(int, user.args[2])])
            node.replace_all_uses_with(self.call(aten.stack.default, [*self.both(z)], -1))
        elif kind is aten.abs:
            node.replace_all_uses_with(self.length(z))
        elif kind is aten._fft_c2r and self._is_of_last(node):
            identity = self._identity(node, True)
            rows = identity, self.call(aten.mul.Tensor, identity, 1j)
            matrices = (self.call(node.target, each, [1], *node.args[2:]) for each in rows)
            node.replace_all_uses_with(self.plus(*map(self.product, z, matrices)))
        else:
            raise Unsupported(f"no rule for {kind} of complex numbers")

    def _is_of_last(self, node: fx.Node) -> bool:
        """Whether a transform of Fourier's is that of rows [B, D], which is a product."""
        source, dims = cast(Any, node.args[:2])
        return bool(source.meta["val"].dim() == 2 and len(dims) == 1 and dims[0] % 2 == 1)

    def _identity(self, node: fx.Node, is_complex: bool) -> fx.Node:
        value = cast(Any, node.args[0]).meta["val"]
        real = value.real.dtype if value.is_complex() else value.dtype
        dtype = {torch.float32: torch.complex64, torch.float64: torch.complex128}[real] if is_complex else real
        return self.call(aten.eye.default, value.shape[1], dtype=dtype, device=value.device)

    def _moved(self, node: fx.Node) -> Pair:
        """What takes no account of the numbers does the same to both parts."""
        given = node.args[0]
        if packet(node) is aten._to_copy:
            return self.of(given)
        if packet(node) is aten.slice_scatter:
            whole, patch = (self.both(self.of(value)) for value in node.args[:2])
            return Pair(*(self.call(node.target, p, q, *node.args[2:]) for p, q in zip(whole, patch, strict=True)))
        sources = cast(Sequence[Any], given if isinstance(given, (list, tuple)) else [given])
        pairs = [self.both(self.of(source)) for source in sources]
        found = []
        for index in (0, 1):
            each = [pair[index] for pair in pairs]
            first = each if isinstance(given, (list, tuple)) else each[0]
            found.append(self.call(node.target, first, *node.args[1:], **node.kwargs))
        return Pair(*found)

    def _spread(self, part: Any, other: Any, node: fx.Node) -> Any:
        """A part in the form of the whole: an operand that had no such part may have been larger."""
        if part is None:
            return None
        found, shape = self.filled(part, other), [*node.meta["val"].shape]
        return found if [*found.meta["val"].shape] == shape else self.call(aten.expand.default, found, shape)

    def filled(self, part: Any, other: Any) -> fx.Node:
        """A part as a tensor; beside another."""
        return part if isinstance(part, fx.Node) else self.call(aten.full_like.default, other, part or 0.0)

    def both(self, z: Pair) -> Pair:
        return Pair(self.filled(z.real, z.imaginary), self.filled(z.imaginary, z.real))

    # --- arithmetic of parts ---

    def plus(self, a: Any, b: Any) -> Any:
        if a is None or b is None:
            return b if a is None else a
        return self._binary(aten.add, a, b)

    def minus(self, a: Any, b: Any) -> Any:
        if a is None or b is None:
            return a if b is None else self.negative(b)
        return self._binary(aten.sub, a, b)

    def times(self, a: Any, b: Any) -> Any:
        return None if a is None or b is None else self._binary(aten.mul, a, b)

    def over(self, a: Any, b: Any) -> Any:
        return None if a is None else self._binary(aten.div, a, b)

    def negative(self, a: Any) -> Any:
        if a is None:
            return None
        return self.call(aten.neg.default, a) if isinstance(a, fx.Node) else -a

    def _binary(self, operation: Any, a: Any, b: Any) -> Any:
        if not isinstance(a, fx.Node):
            if not isinstance(b, fx.Node):
                return operation(torch.tensor(a, dtype=torch.float64), torch.tensor(b, dtype=torch.float64)).item()
            a = self.call(aten.full_like.default, b, a)
        return self.call(operation.Tensor if isinstance(b, fx.Node) else operation.Scalar, a, b)

    def product(self, a: Any, b: Any) -> Any:
        return None if a is None or b is None else self.call(aten.mm.default, a, b)

    def length(self, z: Pair, at_zero: float = 0.0) -> fx.Node:
        """|z|, with a gradient of 0 where z is 0, as torch has it."""
        squares = self.plus(self.times(z.real, z.real), self.times(z.imaginary, z.imaginary))
        is_zero = self.call(aten.eq.Scalar, squares, 0)
        root = self.call(aten.sqrt.default, self.call(aten.masked_fill.Scalar, squares, is_zero, 1.0))
        return self.call(aten.masked_fill.Scalar, root, is_zero, at_zero)


def _sum(parts: _Parts, a: Any, b: Any) -> Pair:
    return Pair(*(parts.plus(p, q) for p, q in zip(parts.of(a), parts.of(b), strict=True)))


def _difference(parts: _Parts, a: Any, b: Any) -> Pair:
    return Pair(*(parts.minus(p, q) for p, q in zip(parts.of(a), parts.of(b), strict=True)))


def _multiplied(parts: _Parts, a: Any, b: Any, by: Callable[[Any, Any], Any] | None = None) -> Pair:
    by = by or parts.times
    (a_real, a_imaginary), (b_real, b_imaginary) = parts.of(a), parts.of(b)
    return Pair(
        parts.minus(by(a_real, b_real), by(a_imaginary, b_imaginary)),
        parts.plus(by(a_real, b_imaginary), by(a_imaginary, b_real)),
    )


def _quotient(parts: _Parts, a: Any, b: Any) -> Pair:
    (real, imaginary), divisor = parts.of(a), parts.of(b)
    if divisor.imaginary is None:
        return Pair(parts.over(real, divisor.real), parts.over(imaginary, divisor.real))
    squares = parts.plus(parts.times(divisor.real, divisor.real), parts.times(divisor.imaginary, divisor.imaginary))
    x = parts.plus(parts.times(real, divisor.real), parts.times(imaginary, divisor.imaginary))
    y = parts.minus(parts.times(imaginary, divisor.real), parts.times(real, divisor.imaginary))
    return Pair(parts.over(x, squares), parts.over(y, squares))


def _conjugate(parts: _Parts, z: Any) -> Pair:
    real, imaginary = parts.of(z)
    return Pair(real, parts.negative(imaginary))


def _added_product(parts: _Parts, added: Any, a: Any, b: Any) -> Pair:
    return _sum(parts, added, _multiplied(parts, a, b, parts.product))


def _power(parts: _Parts, z: Any, exponent: Any) -> Pair:
    if exponent not in range(1, 9):
        raise Unsupported("a power of complex numbers other than 1 to 8")
    found = parts.of(z)
    for _ in range(int(exponent) - 1):
        found = _multiplied(parts, found, z)
    return found


def _chosen(parts: _Parts, condition: Any, a: Any, b: Any) -> Pair:
    given = [parts.of(value) for value in (a, b)]
    like = next(part for pair in given for part in pair if isinstance(part, fx.Node))
    found = zip(*((parts.filled(pair.real, like), parts.filled(pair.imaginary, like)) for pair in given), strict=True)
    return Pair(*(parts.call(aten.where.self, condition, *each) for each in found))


def _direction(parts: _Parts, z: Any) -> Pair:
    """z / |z|; 0 where z is."""
    pair = parts.of(z)
    length = parts.length(pair, at_zero=1.0)
    return Pair(parts.over(pair.real, length), parts.over(pair.imaginary, length))


def _exponential(parts: _Parts, z: Any) -> Pair:
    real, imaginary = parts.both(parts.of(z))
    return _polar(parts, parts.call(aten.exp.default, real), imaginary)


def _polar(parts: _Parts, length: Any, angle: Any) -> Pair:
    return Pair(*(parts.times(length, parts.call(part.default, angle)) for part in (aten.cos, aten.sin)))


def _from_numbers(parts: _Parts, numbers: Any) -> Pair:
    return Pair(*(parts.call(aten.select.int, numbers, -1, index) for index in (0, 1)))


_RULES: dict[Any, Callable[..., Pair]] = {
    aten.complex: lambda parts, real, imaginary: Pair(real, imaginary),
    aten.view_as_complex: _from_numbers,
    aten.polar: _polar,
    aten.add: _sum,
    aten.sub: _difference,
    aten.rsub: lambda parts, a, b: _difference(parts, b, a),
    aten.mul: _multiplied,
    aten.div: _quotient,
    aten.reciprocal: lambda parts, z: _quotient(parts, 1.0, z),
    aten.square: lambda parts, z: _multiplied(parts, z, z),
    aten.pow: _power,
    aten.where: _chosen,
    aten.masked_fill: lambda parts, z, mask, value: _chosen(parts, mask, value, z),
    aten.sgn: _direction,
    aten.neg: lambda parts, z: Pair(*map(parts.negative, parts.of(z))),
    aten._conj: _conjugate,
    aten._conj_physical: _conjugate,
    aten.conj_physical: _conjugate,
    aten.resolve_conj: lambda parts, z: parts.of(z),
    aten.exp: _exponential,
    aten.mm: lambda parts, a, b: _multiplied(parts, a, b, parts.product),
    aten.addmm: _added_product,
}
_OF_PARTS = {aten._to_copy, aten.sum, aten.mean, aten.cumsum, aten.index, aten.index_select}
"""What does the same to both parts, beside what moves columns."""
