"""Skew-symmetric matrices, from which orthogonal ones are made."""

import torch
from torch import Tensor, nn


class Skew(nn.Module):
    """A - A^T, where A is zero but for its upper triangle, which alone is stored and counted as parameters.

    Args:
        size: Number of rows and columns.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.upper = nn.Parameter(torch.empty(size * (size - 1) // 2))  # row by row

    def forward(self) -> Tensor:
        rows, columns = torch.triu_indices(self.size, self.size, 1, device=self.upper.device)
        A = self.upper.new_zeros(self.size, self.size).index_put((rows, columns), self.upper)
        return A - A.T
