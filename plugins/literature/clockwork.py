"""Koutník, Greff, Gomez and Schmidhuber 2014, "A clockwork RNN"."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.cell import Cell
from seqmodels.plugins.literature._options import at_least
from seqmodels.registry import register_cell


@register_cell("clockwork")
class Clockwork(Cell):
    """Groups of units with periods 1, 2, 4, ...; a group reads itself and slower ones, and rests between its times::

        h_t of group i = tanh(W_i x_t + U_i h_{t-1} + b_i)    if t mod 2^i = 0, else that of h_{t-1}
        U_i is zero for the groups before i

    The clock t is a state; it begins at 0, when all groups read the input, and counts to the longest period.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h; the fastest group comes first.
        groups: How many, at least 1, as equal in size as can be.

    Raises:
        OptionError: If ``groups`` is less than 1.

    Source: Koutník et al. 2014, arXiv 1402.3511, section 3, with its exponential periods.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.clockwork import Clockwork
        >>> h, t = Clockwork(3, 6, groups=3)(torch.randn(2, 3))
        >>> h.shape, t.flatten()
        (torch.Size([2, 6]), tensor([1., 1.]))
    """

    state_names = ("h", "t")
    citation = "Koutník et al. 2014"
    period: Tensor
    reads: Tensor

    def __init__(self, input_size: int, hidden_size: int, groups: int = 4) -> None:
        super().__init__(input_size, hidden_size)
        at_least(1, "clockwork", groups=groups)
        self.groups = groups
        group = torch.arange(hidden_size) * groups // hidden_size
        self.register_buffer("period", 2.0**group)
        self.register_buffer("reads", (group[:, None] <= group).float())  # row: of the unit that reads
        self.W = nn.Linear(input_size, hidden_size)
        self.U = nn.Linear(hidden_size, hidden_size, bias=False)
        self.reset_parameters()

    @property
    def state_sizes(self) -> tuple[int, int]:
        return self.hidden_size, 1

    def step(self, x: Tensor, h: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        new = torch.tanh(self.W(x) + F.linear(h, self.U.weight * self.reads))
        h = torch.where(t % self.period == 0, new, h)
        return h, (t + 1) % 2 ** (self.groups - 1)
