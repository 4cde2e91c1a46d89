"""Rusch, Mishra, Erichson and Mahoney 2022, "Long expressive memory for sequence modeling"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("lem")
class LEM(Cell):
    """Long expressive memory: two states, each unit of which has a time step of its own that is learned::

        d = dt sigmoid(W_1 y_{t-1} + V_1 x_t + b_1)
        e = dt sigmoid(W_2 y_{t-1} + V_2 x_t + b_2)
        z_t = (1 - d) * z_{t-1} + d * tanh(W_z y_{t-1} + V_z x_t + b_z)
        y_t = (1 - e) * y_{t-1} + e * tanh(W_y z_t + V_y x_t + b_y)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of y and of z.
        dt: The largest time step, above 0 and at most 1.

    Source: Rusch et al. 2022, arXiv 2110.04744, eq. 3.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.lem import LEM
        >>> y, z = LEM(3, 5)(torch.randn(2, 3))
    """

    state_names = ("y", "z")
    citation = "Rusch et al. 2022"

    def __init__(self, input_size: int, hidden_size: int, dt: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.dt = dt
        self.V = nn.Linear(input_size, 4 * hidden_size)  # rows: 1, 2, z, y
        self.W = nn.Linear(hidden_size, 3 * hidden_size, bias=False)  # rows: 1, 2, z
        self.W_y = nn.Linear(hidden_size, hidden_size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        d_x, e_x, z_x, y_x = self.V(x).chunk(4, -1)
        d_y, e_y, z_y = self.W(y).chunk(3, -1)
        d, e = self.dt * torch.sigmoid(d_x + d_y), self.dt * torch.sigmoid(e_x + e_y)
        z = (1 - d) * z + d * torch.tanh(z_x + z_y)
        y = (1 - e) * y + e * torch.tanh(self.W_y(z) + y_x)
        return y, z
