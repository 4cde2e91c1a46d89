"""Chang, Chen, Haber and Chi 2019, "AntisymmetricRNN: a dynamical system view on recurrent neural networks"."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.cell import Cell
from seqmodels.plugins.literature._skew import Skew
from seqmodels.registry import register_cell


@register_cell("antisymmetric")
class Antisymmetric(Cell):
    """A step of Euler's method along a field without growth or decay: M has imaginary eigenvalues, less gamma::

        M = A - A^T - gamma I                       A strictly upper triangular
        z_t = sigmoid(M h_{t-1} + V_z x_t + b_z)    if gated, else 1
        h_t = h_{t-1} + epsilon z_t * tanh(M h_{t-1} + V_h x_t + b_h)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        gated: Whether there is the gate z.
        gamma: Diffusion, >= 0: how far the eigenvalues stand left of the imaginary axis.
        epsilon: Size of the step, > 0.

    Source: Chang et al. 2019, arXiv 1902.09689, section 3.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.antisymmetric import Antisymmetric
        >>> Antisymmetric(3, 5, gated=True)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Chang et al. 2019"

    def __init__(
        self, input_size: int, hidden_size: int, gated: bool = False, gamma: float = 0.01, epsilon: float = 0.1
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.gamma, self.epsilon = gamma, epsilon
        self.skew = Skew(hidden_size)
        self.V_h = nn.Linear(input_size, hidden_size)
        self.V_z = nn.Linear(input_size, hidden_size) if gated else None
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        turned = F.linear(h, self.skew()) - self.gamma * h
        change = torch.tanh(turned + self.V_h(x))
        if self.V_z is not None:
            change = torch.sigmoid(turned + self.V_z(x)) * change
        return h + self.epsilon * change
