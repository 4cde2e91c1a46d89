"""Which cells are timed where none are named: those of the lecture, six others, and whatever is installed."""

import torch
from torch import Tensor, nn

from seqmodels import Cell, cells
from seqmodels.trees import sequence_cells

OTHERS = ("antisymmetric", "cornn", "janet", "layer_norm_lstm", "rhn")


class MGU(Cell):
    """The README's cell of one's own, Zhou et al. 2016, arXiv 1603.09420, eq. 5-7::

    f = sigmoid(W_f [x_t, h_{t-1}] + b_f)
    h~ = tanh(W_h [x_t, f * h_{t-1}] + b_h)
    h_t = (1 - f) * h_{t-1} + f * h~
    """

    citation = "Zhou et al. 2016"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.forget = nn.Linear(input_size + hidden_size, hidden_size)
        self.candidate = nn.Linear(input_size + hidden_size, hidden_size)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        f = torch.sigmoid(self.forget(torch.cat([x, h], -1)))
        new = torch.tanh(self.candidate(torch.cat([x, f * h], -1)))
        return (1 - f) * h + f * new


def cell_sources() -> dict[str, str | type[Cell]]:
    """What RNN takes for each cell that can be timed: all that have a name, and the README's."""
    return {**{name: name for name in cells()}, "mgu": MGU}


def usual_cells() -> list[str]:
    """Those that are timed where none are named."""
    return [*sequence_cells(), *OTHERS, "mgu"]
