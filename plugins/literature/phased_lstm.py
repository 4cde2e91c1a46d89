"""Neil, Pfeiffer and Liu 2016, "Phased LSTM: accelerating recurrent network training for long or event-based ..."."""

import math

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("phased_lstm")
class PhasedLSTM(Cell):
    """An LSTM with peepholes whose units open for a part of a period of their own, and keep their state between::

        p = ((t - s) mod tau) / tau
        k = 2 p / r          if p < r / 2
            2 - 2 p / r      if r / 2 <= p < r
            alpha p          else
        c~, h~ = the LSTM's next c and h, with diagonal peepholes
        c_t = k c~ + (1 - k) c_{t-1}
        h_t = k h~ + (1 - k) h_{t-1}

    The time t is a state: it counts steps, exactly up to 16 million in float32. Periods tau and shifts s are learned.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h and of c.
        open_share: r, the part of the period during which a unit is open, above 0 and at most 1.
        leak: alpha, the rate at which closed units leak.
        longest_period: Periods begin log-uniform in 1 to this many steps, shifts within the period.

    Source: Neil et al. 2016, arXiv 1610.09513, eq. 1-10, steps as times; periods as in its section 3.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.phased_lstm import PhasedLSTM
        >>> h, c, t = PhasedLSTM(3, 5)(torch.randn(2, 3))
    """

    state_names = ("h", "c", "t")
    citation = "Neil et al. 2016"

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        open_share: float = 0.05,
        leak: float = 0.001,
        longest_period: float = math.exp(3),
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.open_share, self.leak, self.longest_period = open_share, leak, longest_period
        self.W = nn.Linear(input_size, 4 * hidden_size)  # rows: i, f, c~, o
        self.U = nn.Linear(hidden_size, 4 * hidden_size, bias=False)
        self.peep_i, self.peep_f, self.peep_o = (nn.Parameter(torch.empty(hidden_size)) for _ in range(3))
        self.tau, self.s = nn.Parameter(torch.empty(hidden_size)), nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    @property
    def state_sizes(self) -> tuple[int, int, int]:
        return self.hidden_size, self.hidden_size, 1

    def reset_parameters(self, bound: float | None = None) -> None:
        super().reset_parameters(bound)
        with torch.no_grad():
            self.tau.uniform_(0, math.log(self.longest_period)).exp_()
            self.s.uniform_().mul_(self.tau)

    def step(self, x: Tensor, h: Tensor, c: Tensor, t: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        i, f, new, o = (self.W(x) + self.U(h)).chunk(4, -1)
        i, f = torch.sigmoid(i + self.peep_i * c), torch.sigmoid(f + self.peep_f * c)
        new_c = f * c + i * torch.tanh(new)
        new_h = torch.sigmoid(o + self.peep_o * new_c) * torch.tanh(new_c)
        k = self._openness(t)
        return k * new_h + (1 - k) * h, k * new_c + (1 - k) * c, t + 1

    def _openness(self, t: Tensor) -> Tensor:
        p = torch.remainder(t - self.s, self.tau) / self.tau
        rising, closed = 2 * p / self.open_share, self.leak * p
        return torch.where(p < self.open_share / 2, rising, torch.where(p < self.open_share, 2 - rising, closed))
