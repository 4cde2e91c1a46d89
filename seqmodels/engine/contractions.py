"""``torch.einsum``, and products of more than two dimensions, written out as products of rows with matrices.

A matrix for each head or gate is so many products: with h [B, heads, D] and R [heads, D, E],
``torch.einsum("bhd,hde->bhe", h, R)`` is ``h[:, k] @ R[k]`` for each k. The engine, and what RNN does to products, know
no others.
"""

import string
from collections.abc import Iterable
from math import prod
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

MATMULS = {torch.matmul, Tensor.matmul, Tensor.__matmul__}
MOST_PRODUCTS = 32  # each is a call in the plain loop


class Contraction(NamedTuple):
    """A sum over products of rows [B, ...] and a weight that has no B."""

    rows: Tensor
    weight: Tensor
    of_rows: str  # a letter for each dimension, as in einsum
    of_weight: str
    of_result: str

    def is_few_products(self) -> bool:
        """Whether it is what it should be, and can be written out as not too many products."""
        rows, weight, result = {*self.of_rows}, {*self.of_weight}, {*self.of_result}
        pairs = {*zip(self.of_rows, self.rows.shape, strict=True), *zip(self.of_weight, self.weight.shape, strict=True)}
        sizes, summed = dict(pairs), (rows | weight) - result
        return (
            len(rows) == len(self.of_rows)  # no diagonals
            and len(weight) == len(self.of_weight)
            and len(pairs) == len(sizes)  # nothing broadcast
            and result <= rows | weight
            and self.of_rows[0] in result - weight
            and bool(summed)
            and summed <= rows & weight
            and prod(sizes[letter] for letter in self.of_rows[1:] if letter in result) <= MOST_PRODUCTS
        )

    def written_out(self) -> Tensor:
        """The result, product by product."""
        sizes = dict(zip(self.of_rows + self.of_weight, (*self.rows.shape, *self.weight.shape), strict=True))
        batch, others = self.of_rows[0], self.of_rows[1:]
        shared = [letter for letter in others if letter in self.of_weight and letter in self.of_result]
        alone = [letter for letter in others if letter not in self.of_weight]
        summed = [letter for letter in others if letter not in self.of_result]
        new = [letter for letter in self.of_weight if letter not in others]

        def shape(letters: Iterable[str]) -> list[int]:
            return [sizes[letter] for letter in letters]

        count, terms = prod(shape(alone)), prod(shape(summed))
        rows = _arranged(self.rows, self.of_rows, [batch, *shared, *alone, *summed])
        rows = rows.reshape(sizes[batch], prod(shape(shared)) * count, terms)
        weight = _arranged(self.weight, self.of_weight, [*shared, *new, *summed])
        weight = weight.reshape(prod(shape(shared)), prod(shape(new)), terms)
        products = [F.linear(rows[:, index], weight[index // count]) for index in range(rows.shape[1])]
        kept = [batch, *shared, *alone, *new]
        return _arranged(torch.stack(products, 1).reshape(shape(kept)), kept, self.of_result)


def as_contraction(func: Any, args: tuple, batch: int | None = None) -> Contraction | None:
    """What a call of a torch function computes, if that can be written out as a few products of rows with matrices.

    Args:
        func: The function.
        args: What it is called with.
        batch: B, where it is known: by their letters alone, both operands of ``"bi,gij->gbj"`` could be the rows.
    """
    if func is F.linear and args[2:] == (None,):
        args = args[:2]
    if len(args) < 2 or not all(isinstance(each, Tensor) for each in args[-2:]):
        return None
    found: list[Contraction] = []
    if func is torch.einsum and len(args) == 3:
        found = _of_einsum(*args)
    elif func in MATMULS and len(args) == 2 and max(args[0].dim(), args[1].dim()) > 2:
        found = _of_matmul(*args)
    elif func is F.linear and len(args) == 2 and args[0].dim() > 2:
        found = _of_matmul(args[0], args[1].t())
    found = [each for each in found if each.is_few_products() and batch in (None, each.rows.shape[0])]
    # Gates have a matrix each, and where the dimensions are as many, the batch is first: "bi,ij->bj".
    return min(found, key=lambda each: (each.rows.dim(), each.of_rows[0] != each.of_result[0]), default=None)


def _of_einsum(equation: str, first: Tensor, second: Tensor) -> list[Contraction]:
    given, arrow, result = equation.replace(" ", "").partition("->")
    if not arrow:
        once = sorted(letter for letter in {*given} - {*",."} if given.count(letter) == 1)
        result = "..." * ("..." in given) + "".join(once)
    of_first, _, of_second = given.partition(",")
    hidden = [tensor.dim() - len(of.replace("...", "")) for of, tensor in ((of_first, first), (of_second, second))]
    unused = "".join(letter for letter in string.ascii_uppercase if letter not in equation)[: max(hidden)]
    of_first = of_first.replace("...", unused[len(unused) - hidden[0] :])
    of_second = of_second.replace("...", unused[len(unused) - hidden[1] :])
    result = result.replace("...", unused)
    if (len(of_first), len(of_second)) != (first.dim(), second.dim()) or not (of_first and of_second):
        return []  # an error, which torch explains
    return [
        Contraction(first, second, of_first, of_second, result),
        Contraction(second, first, of_second, of_first, result),
    ]


def _of_matmul(first: Tensor, second: Tensor) -> list[Contraction]:
    """Rows [B, ..., M, K] with a weight [..., K, N] or [B, K] with [..., K, N]; or [..., M, K] with [B, ..., K, 1]."""
    dims = first.dim(), second.dim()
    if min(dims) < 2 or dims[0] == dims[1]:
        return []
    before = string.ascii_lowercase[: max(dims) - 2]
    within = before[len(before) + 2 - min(dims) :]  # of the operand with fewer
    if dims[0] > dims[1]:
        return [Contraction(first, second, before + "yz", within + "zx", before + "yx")]
    gates = [Contraction(first, second, "yz", before + "zx", before + "yx")] if dims[0] == 2 else []
    columns = Contraction(second, first, before + "zx", within + "yz", before + "yx")
    return [*gates, columns] if second.shape[-1] == 1 else gates


def _arranged(tensor: Tensor, letters: Iterable[str], wanted: Iterable[str]) -> Tensor:
    order = [[*letters].index(letter) for letter in wanted]
    return tensor if order == sorted(order) else tensor.permute(order)
