"""Random cells: a program of operations, which is plain data, drawn by hypothesis and interpreted by a step."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from hypothesis import strategies as st
from torch import Tensor, nn

from seqmodels import Cell
from seqmodels.cell import State

SIZES = (1, 2, 3, 5, 7, 8, 17)  # features of the input and of each state
WIDEST = 24  # features of a value
CHAINED = 3  # matrix products on the way from a state to the next
LARGEST = 30.0  # what an entry may reach, roughly: beyond it, rounding errors grow too


class Op(NamedTuple):
    """One operation of a step. Values are numbered: the input, the states, then the result of each operation."""

    name: str
    operands: tuple[int, ...]
    size: int  # features of the result
    numbers: tuple[int, ...] = ()  # borders of a slice; the operation whose matrix is used again; of heads or parts


@dataclass(frozen=True)
class Program:
    """A cell."""

    input_size: int
    state_sizes: tuple[int, ...]
    ops: tuple[Op, ...]
    results: tuple[int, ...]  # the values that are the next states


def _blend(gate: Tensor, old: Tensor, new: Tensor) -> Tensor:
    gate = torch.sigmoid(gate)
    return gate * old + (1 - gate) * torch.tanh(new)


# Of each operation what it computes, and how large its result may be, given how large its operands may be. Constants
# keep slopes small.
UNARY: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[float], float]]] = {
    "tanh": (torch.tanh, lambda a: 1),
    "sigmoid": (torch.sigmoid, lambda a: 1),
    "relu": (torch.relu, lambda a: a),
    "exp": (lambda a: torch.exp(a.clamp(-2, 2)), lambda a: math.exp(2)),
    "log": (lambda a: torch.log(F.softplus(a) + 0.1), lambda a: 2.4 + math.log(1 + a)),
    "sin": (torch.sin, lambda a: 1),
    "gelu": (F.gelu, lambda a: a),
    "silu": (F.silu, lambda a: a),
    "softplus": (F.softplus, lambda a: a + 1),
    "abs": (torch.abs, lambda a: a),
    "sqrt": (lambda a: torch.sqrt(a.abs() + 0.2), lambda a: 1 + a),
    "neg": (lambda a: -a, lambda a: a),
    "clamp": (lambda a: a.clamp(-0.7, 0.5), lambda a: 1),
    "affine": (lambda a: 1.5 - 0.5 * a, lambda a: 1.5 + a),
    "square": (lambda a: a**2, lambda a: a * a),
    "above": (lambda a: (a > 0.1).to(a.dtype), lambda a: 1),
    "roll": (lambda a: a.roll(1, -1), lambda a: a),
    "remainder": (lambda a: a % 0.7 + a.abs() % 1.3, lambda a: 2),
    "round": (lambda a: torch.tensor(0.25) * (4 * a).round(), lambda a: a + 1),
}
OF_ROWS: dict[str, tuple[Callable[[Tensor], Tensor], Callable[[float], float]]] = {
    "softmax": (lambda a: a.softmax(-1), lambda a: 1),
    "layer_norm": (lambda a: F.layer_norm(a, a.shape[-1:], eps=0.01), lambda a: 4),
    "rms_norm": (lambda a: F.rms_norm(a, a.shape[-1:], eps=0.01), lambda a: 4),
    "group_norm": (lambda a: torch.group_norm(a, 1 + (a.shape[-1] % 2 == 0), eps=0.01), lambda a: 4),
    "cumsum": (lambda a: a.cumsum(-1) / a.shape[-1], lambda a: a),
    "mean": (lambda a: a.mean(-1, keepdim=True), lambda a: a),
    "logsumexp": (lambda a: torch.logsumexp(a, -1, keepdim=True), lambda a: a + math.log(WIDEST)),
}
REDUCING = ("mean", "logsumexp")  # to one feature
BINARY: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[float, float], float]]] = {
    "add": (lambda a, b: a + b, lambda a, b: a + b),
    "subtract": (lambda a, b: a - b, lambda a, b: a + b),
    "multiply": (lambda a, b: a * b, lambda a, b: a * b),
    "maximum": (torch.maximum, max),
    "minimum": (torch.minimum, max),
    "divide": (lambda a, b: a / (1 + b.abs()), lambda a, b: a),
    "where greater": (lambda a, b: torch.where(a > b, a * 0.5, b), max),
    "where at most": (lambda a, b: torch.where(a <= 0.3, b, a), max),
}
WITH_VECTOR: dict[str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[float], float]]] = {  # a parameter
    "times vector": (lambda a, v: v * a, lambda a: 2 * a),
    "plus vector": (lambda a, v: a + v, lambda a: a + 2),
    "where above vector": (lambda a, v: torch.where(a > v, a, v * a), lambda a: 2 * a),
}
# Of a value [B, n] and a parameter [n, size].
WITH_MATRIX: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "matmul": lambda a, m: a @ m,
    "columns": lambda a, m: (m.T @ a.T).T,
    "einsum": lambda a, m: torch.einsum("bi,ij->bj", a, m),
}
WITH_GATES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {  # [2, n, size]
    "gates": lambda a, m: math.prod(torch.tanh(a @ m)),
    "gates by einsum": lambda a, m: torch.einsum("bi,gij->bgj", a, m).mean(1),
}
WITH_HEADS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {  # [heads, n, size]
    "heads": lambda a, m: torch.einsum("bki,kij->bkj", a.view(len(a), len(m), -1), m).flatten(1),
    "bmm": lambda a, m: torch.bmm(a.view(len(a), len(m), -1).transpose(0, 1), m).transpose(0, 1).flatten(1),
    "column of heads": lambda a, m: (m.mT @ a.view(len(a), len(m), -1, 1)).flatten(1),
}
OF_MATRICES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {  # a matrix of the batch, and a vector
    "matrix times vector": lambda a, b: (a.view(len(a), -1, b.shape[1]) @ b[..., None])[..., 0] / b.shape[1],
    "matrix and vector": lambda a, b: torch.einsum("bij,bj->bi", a.view(len(a), -1, b.shape[1]), b) / b.shape[1],
    "rows and vector": lambda a, b: torch.einsum("bij,bi->bj", a.view(len(a), b.shape[1], -1), b) / b.shape[1],
    "vector times rows": lambda a, b: (b[:, None] @ a.view(len(a), b.shape[1], -1))[:, 0] / b.shape[1],
    "turned times vector": lambda a, b: (a.view(len(a), b.shape[1], -1).mT @ b[..., None])[..., 0] / b.shape[1],
}
OF_PARTS: dict[str, Callable[[Tensor], Tensor]] = {  # [B, parts, n]
    "transpose": lambda a: a.mT,
    "attention": lambda a: F.scaled_dot_product_attention(a, torch.tanh(a), a),
    "attention by matmul": lambda a: torch.softmax(a @ torch.tanh(a.mT), -1) @ a,
    "parts below each other": lambda a: a + torch.softmax(a.reshape(-1, a.shape[2]), -1).view(a.shape),
}
PRODUCTS = ("linear", "tied", *WITH_MATRIX, *WITH_GATES, *WITH_HEADS)
KINDS = ["unary", "unary", "binary", "binary", "product", "product", "vector", "row", "shape", "matrix"]
ENDS = {"tanh": torch.tanh, "blend": _blend}  # how a next state stays between -1 and 1


class RandomCell(Cell):
    """Interprets a program; every operation with parameters has its own, but for a tied product."""

    def __init__(self, input_size: int, hidden_size: int, program: Program) -> None:
        super().__init__(input_size, hidden_size)
        self.program = program
        self.state_names = tuple(f"s{number}" for number in range(len(program.state_sizes)))  # type: ignore[misc]
        self.linears = nn.ModuleDict()
        self.matrices, self.vectors = nn.ParameterDict(), nn.ParameterDict()
        sizes = [input_size, *program.state_sizes, *(op.size for op in program.ops)]
        for index, op in enumerate(program.ops):
            columns = sizes[op.operands[0]]
            if op.name == "linear":
                self.linears[str(index)] = nn.Linear(columns, op.size)
            elif op.name in PRODUCTS and op.name != "tied":
                count = op.numbers[0] if op.numbers else 1
                shape = (columns, op.size) if op.name in WITH_MATRIX else (2, columns, op.size)
                shape = (count, columns // count, op.size // count) if op.name in WITH_HEADS else shape
                self.matrices[str(index)] = nn.Parameter(torch.randn(shape) / (2 * shape[-2] ** 0.5))
            elif op.name in WITH_VECTOR:
                self.vectors[str(index)] = nn.Parameter(torch.randn(op.size) / 2)

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return self.program.state_sizes

    @property
    def output_size(self) -> int:
        return sum(self.program.state_sizes)

    def step(self, x: Tensor, *state: Tensor) -> State:
        values = [x, *state]
        for index, op in enumerate(self.program.ops):
            values.append(self.compute(index, op, [values[operand] for operand in op.operands]))
        return self.unpack_state(tuple(values[result] for result in self.program.results))

    def output(self, *state: Tensor) -> Tensor:
        return torch.cat(state, -1)

    def compute(self, index: int, op: Op, operands: list[Tensor]) -> Tensor:
        name, a, key = op.name, operands[0], str(index)
        if name == "linear":
            return self.linears[key](a)
        if name == "tied":
            return self.linears[str(op.numbers[0])](a)
        if key in self.matrices:
            return {**WITH_MATRIX, **WITH_GATES, **WITH_HEADS}[name](a, self.matrices[key])
        if name == "slice":
            return a[:, slice(*op.numbers)]
        if name == "repeat":
            return a.repeat(1, *op.numbers)
        if name in OF_PARTS:
            return OF_PARTS[name](a.view(len(a), *op.numbers, -1)).flatten(1)
        if name == "cat":
            return torch.cat(operands, -1)
        if name in WITH_VECTOR:
            return WITH_VECTOR[name][0](a, self.vectors[key])
        if name in ENDS:
            return ENDS[name](*operands)
        if name in OF_MATRICES:
            return OF_MATRICES[name](*operands)
        return {**UNARY, **OF_ROWS, **BINARY}[name][0](*operands)


class _Builder:
    """Programs grow by it; it knows of each value how large it is and how many products lie before it."""

    def __init__(self, draw: Callable[[Any], Any]) -> None:
        self.draw = draw
        self.input_size = draw(st.sampled_from(SIZES))
        computed = draw(st.lists(st.sampled_from(SIZES), min_size=1, max_size=3))
        given = [self.input_size, *computed]
        self.handed_on = draw(st.lists(st.sampled_from(range(len(given))), max_size=1))  # by further states
        self.state_sizes = (*computed, *(given[value] for value in self.handed_on))
        self.sizes = [self.input_size, *self.state_sizes]
        self.bounds = [4.0] + [1.0] * len(computed) + [4.0 for _ in self.handed_on]
        self.products = [0] * len(self.sizes)
        self.unused = list(range(len(self.sizes)))
        self.ops: list[Op] = []

    def choose(self) -> int:
        """A value, rather one that nothing has used yet."""
        return self.draw(st.sampled_from([*range(len(self.sizes)), *self.unused, *self.unused]))

    def add(self, name: str, operands: tuple[int, ...], size: int, bound: float, numbers: tuple[int, ...] = ()) -> int:
        """The number of the new value."""
        if bound > LARGEST:
            operands = tuple(self.add("tanh", (operand,), self.sizes[operand], 1) for operand in operands)
        self.ops.append(Op(name, operands, size, numbers))
        self.sizes.append(size)
        self.bounds.append(min(bound, LARGEST))
        self.products.append(max(self.products[operand] for operand in operands) + (name in PRODUCTS))
        self.unused = [value for value in self.unused if value not in operands] + [len(self.sizes) - 1]
        return self.unused[-1]

    def grow(self) -> None:
        """One more operation."""
        a = self.choose()
        size, bound = self.sizes[a], self.bounds[a]
        kind = self.draw(st.sampled_from(KINDS))
        if kind == "product" and self.products[a] < CHAINED - 1:  # the last is for the end
            self.product(a)
        elif kind == "shape":
            self.shape(a)
        elif kind == "matrix":
            vectors = [i for i, other in enumerate(self.sizes) if size % other == 0 and 1 < other < size]
            if vectors:
                b = self.draw(st.sampled_from(vectors))
                name = self.draw(st.sampled_from(list(OF_MATRICES)))
                self.add(name, (a, b), size // self.sizes[b], bound * self.bounds[b])
        elif kind == "binary":
            others = [i for i, other in enumerate(self.sizes) if other in (size, 1) and i != a]
            others += [i for i in others if i in self.unused]
            if others:
                name, b = self.draw(st.sampled_from(list(BINARY))), self.draw(st.sampled_from(others))
                self.add(name, (a, b), size, BINARY[name][1](bound, self.bounds[b]))
        else:
            table = {"vector": WITH_VECTOR, "row": OF_ROWS}.get(kind, UNARY)
            name = self.draw(st.sampled_from(list(table)))
            self.add(name, (a,), 1 if name in REDUCING else size, table[name][1](bound))

    def product(self, a: int, size: int | None = None) -> int:
        """A matrix times a value, which may be the matrix of an earlier product unless the size is given."""
        if size is None:
            linears = [i for i, op in enumerate(self.ops) if op.name == "linear"]
            fitting = [i for i in linears if self.sizes[self.ops[i].operands[0]] == self.sizes[a]]
            if fitting and self.draw(st.booleans()):
                of = self.draw(st.sampled_from(fitting))
                return self.add("tied", (a,), self.ops[of].size, self.bounds[a] + 1, (of,))
            heads = [count for count in (2, 3, 5) if self.sizes[a] % count == 0]
            if heads and self.draw(st.booleans()):
                count, of_each = self.draw(st.sampled_from(heads)), self.draw(st.sampled_from([1, 2, 3]))
                name = self.draw(st.sampled_from(list(WITH_HEADS)))
                return self.add(name, (a,), count * of_each, self.bounds[a] + 1, (count,))
            size = self.draw(st.sampled_from(SIZES))
        name = self.draw(st.sampled_from(["linear", *WITH_MATRIX, *WITH_GATES]))
        return self.add(name, (a,), size, self.bounds[a] + 1)

    def shape(self, a: int) -> None:
        """A slice, a concatenation, or parts in another order, several times or attending to each other."""
        parts = [count for count in (2, 3) if self.sizes[a] % count == 0 and self.sizes[a] > count]
        if parts and self.draw(st.booleans()):
            name, count = self.draw(st.sampled_from(list(OF_PARTS))), self.draw(st.sampled_from(parts))
            self.add(name, (a,), self.sizes[a], self.bounds[a] + 1, (count,))
        elif 2 * self.sizes[a] <= WIDEST and self.draw(st.booleans()):
            self.add("repeat", (a,), 2 * self.sizes[a], self.bounds[a], (2,))
        elif self.sizes[a] > 1 and self.draw(st.booleans()):
            self.slice(a, self.draw(st.integers(1, self.sizes[a] - 1)))
        else:
            self.join(a, self.choose())

    def slice(self, a: int, width: int) -> int:
        start = self.draw(st.integers(0, self.sizes[a] - width))
        return self.add("slice", (a,), width, self.bounds[a], (start, start + width))

    def join(self, a: int, b: int) -> int:
        """Both one beside the other; parts of them where that would be too wide."""
        a, b = (self.slice(i, WIDEST // 2) if self.sizes[i] > WIDEST // 2 else i for i in (a, b))
        return self.add("cat", (a, b), self.sizes[a] + self.sizes[b], max(self.bounds[a], self.bounds[b]))

    def last(self, size: int) -> int:
        """A value of this size, made of what nothing has used yet."""
        made = [value for value in self.unused if value > len(self.state_sizes)]
        a = made[0] if made else self.choose()
        return a if self.sizes[a] == size else self.product(a, size)

    def end(self) -> tuple[int, ...]:
        """The next states: each squashed, into which all goes that was computed, or an input or state as it is."""
        count, computed = len(self.state_sizes), self.state_sizes[: len(self.state_sizes) - len(self.handed_on)]
        while len(made := [value for value in self.unused if value > count]) > 2 * len(computed):
            self.join(*made[:2])
        results: list[int] = []
        for number, size in enumerate(computed, 1):
            rest = [value for value in self.unused if value > count]
            new = self.last(size)
            if len(rest) > len(computed) - number + 1 or self.draw(st.booleans()):
                results.append(self.add("blend", (self.last(size), number, new), size, 1))
            else:
                results.append(self.add("tanh", (new,), size, 1))
            self.unused.remove(results[-1])
        return (*results, *self.handed_on)


@st.composite
def programs(draw: Callable[[Any], Any], most_ops: int = 16) -> Program:
    """Programs whose states stay between -4 and 4, of 6 to `most_ops` operations before those that see to it."""
    builder = _Builder(draw)
    for _ in range(draw(st.integers(6, most_ops))):
        builder.grow()
    results = builder.end()
    return Program(builder.input_size, builder.state_sizes, tuple(builder.ops), results)
