"""Shen, Tan, Sordoni and Courville 2019, "Ordered neurons: integrating tree structures into recurrent ..."."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.errors import OptionError
from seqmodels.registry import register_cell


@register_cell("on_lstm")
class ONLSTM(Cell):
    """Ordered neurons: two master gates rise along the units, so that high ones are kept longer than low ones::

        F = cumax(W_F x_t + U_F h_{t-1} + b_F)      cumax = the running sum of a softmax
        I = 1 - cumax(W_I x_t + U_I h_{t-1} + b_I)
        f^ = f * (F * I) + (F - F * I)              f, i, o, c~ are those of an LSTM
        i^ = i * (F * I) + (I - F * I)
        c_t = f^ * c_{t-1} + i^ * c~
        h_t = o * tanh(c_t)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h and of c.
        chunk_size: So many neighbours share an entry of F and of I; a divisor of hidden_size.

    Raises:
        OptionError: If ``chunk_size`` does not divide ``hidden_size``.

    Source: Shen et al. 2019, arXiv 1810.09536, eq. 9-14.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.on_lstm import ONLSTM
        >>> h, c = ONLSTM(3, 6, chunk_size=2)(torch.randn(2, 3))
    """

    state_names = ("h", "c")
    citation = "Shen et al. 2019"

    def __init__(self, input_size: int, hidden_size: int, chunk_size: int = 1) -> None:
        super().__init__(input_size, hidden_size)
        if chunk_size < 1 or hidden_size % chunk_size:
            raise OptionError(f"on_lstm: chunk_size must divide hidden_size {hidden_size}, and {chunk_size} does not")
        self.chunk_size = chunk_size
        size = 4 * hidden_size + 2 * (hidden_size // chunk_size)  # rows: f, i, o, c~, F, I
        self.W = nn.Linear(input_size, size)
        self.U = nn.Linear(hidden_size, size, bias=False)
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        H = self.hidden_size
        chunks = H // self.chunk_size
        f, i, o, new, F, I = (self.W(x) + self.U(h)).split([H, H, H, H, chunks, chunks], -1)  # noqa: E741
        F, I = self._cumax(F), 1 - self._cumax(I)  # noqa: E741
        f = torch.sigmoid(f) * (F * I) + (F - F * I)
        i = torch.sigmoid(i) * (F * I) + (I - F * I)
        c = f * c + i * torch.tanh(new)
        return torch.sigmoid(o) * torch.tanh(c), c

    def _cumax(self, a: Tensor) -> Tensor:
        rising = torch.softmax(a, -1).cumsum(-1)
        return rising[:, :, None].expand(-1, -1, self.chunk_size).flatten(1)
