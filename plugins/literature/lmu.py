"""Voelker, Kajic and Eliasmith 2019, "Legendre memory units: continuous-time representation in recurrent ..."."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.plugins.literature._options import at_least
from seqmodels.registry import register_cell


@register_cell("lmu")
class LMU(Cell):
    """Legendre memory unit: m holds one signal over the last steps as coefficients of Legendre polynomials::

        u = e_x x_t + e_h h_{t-1} + e_m m_{t-1}     one number
        m_t = A m_{t-1} + B u
        h_t = tanh(W_x x_t + W_h h_{t-1} + W_m m_t)

    A and B don't learn: they are a delay line, in steps of one, with the input held (zero-order hold).

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        memory_size: Number of polynomials, the features of m; at least 1.
        window: For how many steps m remembers, theta in the paper; > 0.

    Raises:
        OptionError: If ``memory_size`` is less than 1.

    Source: Voelker et al. 2019, NeurIPS, section 2.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.lmu import LMU
        >>> h, m = LMU(3, 5, memory_size=4)(torch.randn(2, 3))
        >>> h.shape, m.shape
        (torch.Size([2, 5]), torch.Size([2, 4]))
    """

    state_names = ("h", "m")
    A: Tensor
    B: Tensor
    citation = "Voelker et al. 2019"

    def __init__(self, input_size: int, hidden_size: int, memory_size: int = 16, window: float = 64.0) -> None:
        super().__init__(input_size, hidden_size)
        at_least(1, "lmu", memory_size=memory_size)
        self.memory_size = memory_size
        self.e_x = nn.Linear(input_size, 1, bias=False)
        self.e_h = nn.Linear(hidden_size, 1, bias=False)
        self.e_m = nn.Linear(memory_size, 1, bias=False)
        self.W_x = nn.Linear(input_size, hidden_size, bias=False)
        self.W_h = nn.Linear(hidden_size, hidden_size, bias=False)
        self.W_m = nn.Linear(memory_size, hidden_size, bias=False)
        A, B = legendre(memory_size, window)
        self.register_buffer("A", A)
        self.register_buffer("B", B)
        self.reset_parameters()

    @property
    def state_sizes(self) -> tuple[int, int]:
        return self.hidden_size, self.memory_size

    def step(self, x: Tensor, h: Tensor, m: Tensor) -> tuple[Tensor, Tensor]:
        u = self.e_x(x) + self.e_h(h) + self.e_m(m)
        m = m @ self.A.T + u * self.B
        return torch.tanh(self.W_x(x) + self.W_h(h) + self.W_m(m)), m

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then start e_m at 0, as the paper does."""
        super().reset_parameters(bound)
        self.e_m.weight.zero_()


def legendre(size: int, window: float) -> tuple[Tensor, Tensor]:
    """A [size, size] and B [size] of the delay line over ``window`` steps, made discrete with steps of one."""
    i = torch.arange(size, dtype=torch.float64)
    rise = (2 * i + 1) / window
    power = i[:, None] - i[None, :] + 1
    A = rise[:, None] * torch.where(power < 1, -1.0, (-1.0) ** power)
    B = rise * (-1.0) ** i
    both = torch.linalg.matrix_exp(torch.cat([torch.cat([A, B[:, None]], 1), A.new_zeros(1, size + 1)]))
    both = both.to(torch.get_default_dtype())
    return both[:size, :size], both[:size, size]
