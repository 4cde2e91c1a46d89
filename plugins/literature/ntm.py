"""Graves, Wayne and Danihelka 2014, "Neural Turing machines"."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.cell import Cell
from seqmodels.plugins.literature._options import at_least
from seqmodels.registry import register_cell

SHIFTS = 3  # by one row up, by none, by one down


@register_cell("ntm")
class NTM(Cell):
    """An LSTM with a memory M of rows, a head that reads them and one that writes; h_t of the LSTM is handed out::

        h_t, c_t = LSTM([x_t, r_{t-1}], h_{t-1}, c_{t-1})
        of each head, by its rows of W h_t + b: a key k, and beta, g, s, gamma
        w' = g softmax(softplus(beta) cos(k, M_{t-1}[n])) + (1 - g) w_{t-1}           g = sigmoid(...)
        w'' = w' shifted along the rows by s = softmax(...)
        w_t = w''^(1 + softplus(gamma)), divided by its sum
        M_t = M_{t-1} (1 - w_write e^T) + w_write a^T,   e = sigmoid(...), of the writing head
        r_t = sum over n of w_read[n] M_t[n]

    Zeros as states are the start: M at rows that are learned, both heads at the first. M and both w are kept as what
    they differ from there.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h and of c.
        rows: Of the memory, at least 1.
        width: Of a row, at least 1.

    Raises:
        OptionError: If ``rows`` or ``width`` is less than 1.

    Source: Graves et al. 2014, arXiv 1410.5401, eq. 1-9.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.ntm import NTM
        >>> h, *others = NTM(3, 5, rows=4, width=6)(torch.randn(2, 3))
        >>> [other.shape[1] for other in others]
        [5, 6, 4, 4, 24]
    """

    state_names = ("h", "c", "r", "w_read", "w_write", "M")
    citation = "Graves et al. 2014"
    start: Tensor

    def __init__(self, input_size: int, hidden_size: int, rows: int = 8, width: int = 16) -> None:
        super().__init__(input_size, hidden_size)
        at_least(1, "ntm", rows=rows, width=width)
        self.rows, self.width = rows, width
        self.lstm = nn.LSTMCell(input_size + width, hidden_size)
        self.head = width + 3 + SHIFTS  # rows of W for one: k, beta, g, gamma, s
        self.W = nn.Linear(hidden_size, 2 * self.head + 2 * width)  # rows: reading, writing, e, a
        self.M = nn.Parameter(torch.empty(rows, width))
        self.register_buffer("start", torch.eye(rows)[0])
        self.reset_parameters()

    @property
    def state_sizes(self) -> tuple[int, ...]:
        return self.hidden_size, self.hidden_size, self.width, self.rows, self.rows, self.rows * self.width

    def step(self, x: Tensor, h: Tensor, c: Tensor, r: Tensor, *memory: Tensor) -> tuple[Tensor, ...]:
        w_read, w_write, M = memory
        M = M.view(-1, self.rows, self.width) + self.M
        h, c = self.lstm(torch.cat([x, r], -1), (h, c))
        reads, writes, e, a = self.W(h).split([self.head, self.head, self.width, self.width], -1)
        w_read = self._address(reads, w_read + self.start, M)
        w_write = self._address(writes, w_write + self.start, M)
        M = M * (1 - w_write[:, :, None] * torch.sigmoid(e)[:, None]) + w_write[:, :, None] * a[:, None]
        r = torch.einsum("bn,bnm->bm", w_read, M)
        return h, c, r, w_read - self.start, w_write - self.start, (M - self.M).flatten(1)

    def _address(self, head: Tensor, w: Tensor, M: Tensor) -> Tensor:
        k, beta, g, gamma, s = head.split([self.width, 1, 1, 1, SHIFTS], -1)
        by_content = torch.softmax(F.softplus(beta) * F.cosine_similarity(k[:, None], M, -1), -1)
        g = torch.sigmoid(g)
        w = g * by_content + (1 - g) * w
        up, none, down = torch.softmax(s, -1).split(1, -1)
        w = up * w.roll(-1, 1) + none * w + down * w.roll(1, 1)
        w = w.clamp(min=1e-12) ** (1 + F.softplus(gamma))
        return w / w.sum(-1, keepdim=True)
