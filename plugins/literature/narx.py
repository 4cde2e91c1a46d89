"""DiPietro, Rupprecht, Navab and Hager 2017, "Analyzing and exploiting NARX recurrent neural networks ..."."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.errors import OptionError
from seqmodels.registry import register_cell


@register_cell("narx")
class NARX(Cell):
    """Elman's network that sees several states back: gradients take a shorter way into the past::

        h_t = tanh(W x_t + U_1 h_{t-1} + ... + U_n h_{t-n} + b)

    The states before the last stand in d, the latest first.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        order: How many states back it sees, at least 2.

    Raises:
        OptionError: If ``order`` is less than 2.

    Source: DiPietro et al. 2017, arXiv 1702.07805, its simple NARX network, after Lin et al. 1996, IEEE Transactions on
    Neural Networks 7(6), whose network feeds back its outputs.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.narx import NARX
        >>> h, d = NARX(3, 5, order=3)(torch.randn(2, 3))
        >>> h.shape, d.shape
        (torch.Size([2, 5]), torch.Size([2, 10]))
    """

    state_names = ("h", "d")
    citation = "Lin et al. 1996; DiPietro et al. 2017"

    def __init__(self, input_size: int, hidden_size: int, order: int = 3) -> None:
        super().__init__(input_size, hidden_size)
        if order < 2:
            raise OptionError(f"narx: order must be at least 2, not {order}; with 1 it is elman")
        self.order = order
        self.W = nn.Linear(input_size, hidden_size)
        self.U = nn.Linear(order * hidden_size, hidden_size, bias=False)
        self.reset_parameters()

    @property
    def state_sizes(self) -> tuple[int, int]:
        return self.hidden_size, (self.order - 1) * self.hidden_size

    def step(self, x: Tensor, h: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
        past = torch.cat([h, d], -1)
        return torch.tanh(self.W(x) + self.U(past)), past[:, : -self.hidden_size]
