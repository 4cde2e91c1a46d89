"""Products by torch: what multiplies one operand as one matrix, and products that sum in a wider type."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seqmodels.engine.cuda.layout import Block, Product


def multiply(left: Tensor, right: Tensor, out: Tensor) -> None:
    """``out = left @ right``; out may be float32 where both are narrower."""
    if left.dtype == out.dtype:
        torch.mm(left, right, out=out)
    elif left.is_cuda:
        torch.ops.aten.mm.dtype_out(left, right, out.dtype, out=out)
    else:
        torch.mm(left.to(out.dtype), right.to(out.dtype), out=out)


def matrix(product: Product, matrices: Sequence[Tensor]) -> Tensor:
    """Blocks side by side, in each column one below the other; a view where they lie so in one matrix."""
    if product.whole is not None:
        return part(product.whole, matrices)
    return torch.cat([torch.cat([part(block, matrices) for block in column]) for column in product.columns], 1)


def by_columns(matrix: Tensor) -> Tensor:
    """The same, columns whole in memory: tensor cores take numbers of 4 bytes so, and any others have to be moved."""
    return matrix if matrix.stride(0) == 1 else matrix.t().contiguous().t()


def part(block: Block, matrices: Sequence[Tensor]) -> Tensor:
    """[depth, width] of a matrix."""
    (index, row, column, transposed), depth, width = block
    if transposed:
        return matrices[index][row : row + width, column : column + depth].t()
    return matrices[index][row : row + depth, column : column + width]
