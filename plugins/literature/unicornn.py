"""Rusch and Mishra 2021, "UnICORNN: a recurrent model for learning very long time dependencies"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("unicornn")
class UnICORNN(Cell):
    """Undamped oscillators, each of which sees itself alone, with a learned time step of its own::

        z_t = z_{t-1} - dt sigmoid(c) * (tanh(w * y_{t-1} + V x_t + b) + alpha y_{t-1})
        y_t = y_{t-1} + dt sigmoid(c) * z_t

    Args:
        input_size: Number of features of x.
        hidden_size: Number of oscillators.
        dt: The largest time step, > 0.
        alpha: Square of the frequency, >= 0.

    Source: Rusch and Mishra 2021, arXiv 2103.05487, section 2, one layer.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.unicornn import UnICORNN
        >>> y, z = UnICORNN(3, 5)(torch.randn(2, 3))
    """

    state_names = ("y", "z")
    citation = "Rusch & Mishra 2021 (UnICORNN)"

    def __init__(self, input_size: int, hidden_size: int, dt: float = 0.1, alpha: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.dt, self.alpha = dt, alpha
        self.V = nn.Linear(input_size, hidden_size)
        self.w = nn.Parameter(torch.empty(hidden_size))
        self.c = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    def step(self, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        dt = self.dt * torch.sigmoid(self.c)
        z = z - dt * (torch.tanh(self.w * y + self.V(x)) + self.alpha * y)
        return y + dt * z, z

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw V from U(-bound, bound), w from U(0, 1) and c from U(-0.1, 0.1), as the authors do; b starts at 0."""
        super().reset_parameters(bound)
        self.w.uniform_(0, 1)
        self.c.uniform_(-0.1, 0.1)
        self.V.bias.zero_()
