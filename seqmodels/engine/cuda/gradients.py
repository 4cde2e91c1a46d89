"""Gradients that are computed when all steps have been: products and sums over all rows and steps."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seqmodels.engine.cuda.buffers import Buffers, columns, present, sequence
from seqmodels.engine.cuda.layout import Layout, Outer
from seqmodels.engine.cuda.products import matrix, multiply


def room_for_input(layout: Layout, index: int, like: Tensor) -> Tensor:
    """Memory for the gradient of an input of every step; zeros, unless a product will write all of it."""
    name, width = f"gradient_{index}", like.shape[-1]
    is_product = any((e.slot.buffer, e.width, e.adds) == (name, width, False) for e in layout.sinks)
    return torch.empty_like(like) if is_product else torch.zeros_like(like)


def finish_inputs(layout: Layout, buffers: Buffers, matrices: Sequence[Tensor]) -> None:
    """Gradients of inputs that are products, into their buffers."""
    for ending in layout.sinks:
        out, adds = sequence(ending.slot, ending.width, buffers), ending.adds
        for product in ending.products:
            left, right = sequence(product.slot, product.depth, buffers), matrix(product, matrices)
            out.addmm_(left, right) if adds else multiply(left, right, out)
            adds = True


def of_matrix(layout: Layout, index: int, like: Tensor, buffers: Buffers) -> Tensor:
    """The gradient of a matrix, laid out as the matrix is."""
    outers = [outer for outer in layout.outer if outer.segment.matrix == index]
    gradient = like.new_empty(like.shape[::-1]).t() if like.stride(0) == 1 else like.new_empty(like.shape)
    is_whole = bool(outers) and (outers[0].depth, outers[0].width) == tuple(like.shape)
    if not is_whole:
        gradient.zero_()
    pairs = [(outer, *pair) for outer in outers for pair in _pairs(outer, buffers)]
    for number, (outer, left, right) in enumerate(pairs):
        (_, row, column, _), depth, width = outer.segment, outer.depth, outer.width
        part = gradient[row : row + depth, column : column + width]
        if is_whole and number == 0:
            torch.mm(left.t(), right, out=part)
        else:
            part.addmm_(left.t(), right)
    return gradient


def of_vector(layout: Layout, index: int, like: Tensor, buffers: Buffers, dtype: torch.dtype) -> Tensor:
    """The gradient of a vector: what the steps added up for each row, and what is summed of the tape.

    Args:
        layout: Of the way back.
        index: Of the vector.
        like: The vector.
        buffers: After all steps.
        dtype: In which parts are added up.
    """
    sums = [each for each in layout.sums if each.vector == index]
    if index not in layout.added and [(each.low, each.width) for each in sums] == [(0, len(like))]:
        return sequence(sums[0].gradient, len(like), buffers).sum(0)
    total = like.new_zeros(len(like), dtype=dtype)
    for _, low, gradient, width in sums:
        total[low : low + width] += sequence(gradient, width, buffers).sum(0, dtype=dtype)
    if index in layout.added:
        total += present(buffers, f"total_vector_{index}").sum(0)
    return total.to(like.dtype)


def _pairs(outer: Outer, buffers: Buffers) -> list[tuple[Tensor, Tensor]]:
    """Rows of the operand and of the gradient; those of step 0 apart, where a state before it lies elsewhere."""
    right = sequence(outer.gradient, outer.width, buffers)
    if outer.operand.rows != "previous":
        return [(sequence(outer.operand, outer.depth, buffers), right)]
    initial = present(buffers, outer.operand.buffer.replace("new", "state"))
    later = present(buffers, outer.operand.buffer)
    before = columns(outer.operand, outer.depth, later[:-1]).flatten(0, 1)
    first = columns(outer.operand, outer.depth, initial)
    return [(first, right[: len(initial)]), (before, right[len(initial) :])]
