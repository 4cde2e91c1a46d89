"""Rusch and Mishra 2021, "Coupled oscillatory recurrent neural network (coRNN) ..."."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("cornn")
class CoRNN(Cell):
    """Coupled, damped and driven oscillators with the places y and the velocities z; y moves with the new velocity::

        z_t = z_{t-1} + dt (tanh(W [y_{t-1}, z_{t-1}] + V x_t + b) - gamma y_{t-1} - epsilon z_{t-1})
        y_t = y_{t-1} + dt z_t

    Args:
        input_size: Number of features of x.
        hidden_size: Number of oscillators.
        dt: Size of the time step, > 0.
        gamma: Square of the frequency, > 0.
        epsilon: Damping, > 0.

    Source: Rusch and Mishra 2021, arXiv 2010.00951, eq. 3, damped by the old velocity; defaults of its sequential
    MNIST.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.cornn import CoRNN
        >>> y, z = CoRNN(3, 5)(torch.randn(2, 3))
    """

    state_names = ("y", "z")
    citation = "Rusch & Mishra 2021 (coRNN)"

    def __init__(
        self, input_size: int, hidden_size: int, dt: float = 0.042, gamma: float = 2.7, epsilon: float = 4.7
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.dt, self.gamma, self.epsilon = dt, gamma, epsilon
        self.W = nn.Linear(2 * hidden_size, hidden_size, bias=False)
        self.V = nn.Linear(input_size, hidden_size)
        self.reset_parameters()

    def step(self, x: Tensor, y: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        force = torch.tanh(self.W(torch.cat([y, z], -1)) + self.V(x))
        z = z + self.dt * (force - self.gamma * y - self.epsilon * z)
        return y + self.dt * z, z
