"""Products by torch: what multiplies one operand as one matrix, and products that sum in a wider type."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seqmodels.engine.cuda.layout import Block


def multiply(left: Tensor, right: Tensor, out: Tensor) -> None:
    """``out = left @ right``; out may be float32 where both are narrower."""
    if left.dtype == out.dtype:
        torch.mm(left, right, out=out)
    elif left.is_cuda:
        torch.ops.aten.mm.dtype_out(left, right, out.dtype, out=out)
    else:
        torch.mm(left.to(out.dtype), right.to(out.dtype), out=out)


def matrix(columns: Sequence[Sequence[Block]], matrices: Sequence[Tensor]) -> Tensor:
    """Blocks side by side, in each column one below the other; a view where they lie so in one matrix."""
    whole = _whole(columns)
    if whole is not None:
        return part(whole, matrices)
    return torch.cat([torch.cat([part(block, matrices) for block in column]) for column in columns], 1)


def part(block: Block, matrices: Sequence[Tensor]) -> Tensor:
    """[depth, width] of a matrix."""
    (index, row, column, transposed), depth, width = block
    if transposed:
        return matrices[index][row : row + width, column : column + depth].t()
    return matrices[index][row : row + depth, column : column + width]


def _whole(columns: Sequence[Sequence[Block]]) -> Block | None:
    """One block that is all of these, if there is one."""
    first = columns[0][0]
    across = 0
    for column in columns:
        down = 0
        for block in column:
            if block.segment != _moved(first, down, across).segment:
                return None
            down += block.depth
        across += column[0].width
    return Block(first.segment, down, across)


def _moved(block: Block, down: int, across: int) -> Block:
    """The block that lies so far away in the product's matrix."""
    segment = block.segment
    row, column = (across, down) if segment.transposed else (down, across)
    return block._replace(segment=segment._replace(row=segment.row + row, column=segment.column + column))
