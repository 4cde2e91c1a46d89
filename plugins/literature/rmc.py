"""Santoro, Faulkner, Raposo, Rae et al. 2018, "Relational recurrent neural networks"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.errors import OptionError
from seqmodels.plugins.literature._options import at_least
from seqmodels.registry import register_cell


@register_cell("rmc")
class RMC(Cell):
    """A relational memory: rows of the state attend to each other and to the input, then take it up by gates::

        x' = W_x x_t + b
        A = M + softmax(M W_q ([M; x'] W_k)^T / sqrt(d)) [M; x'] W_v      M = M_{t-1}, each head of d columns
        N = LayerNorm(A)
        N = LayerNorm(N + relu(N W_1 + b_1) W_2 + b_2)
        i, f = W_g x' + U_g tanh(M) + b_g
        M_t = sigmoid(i) tanh(N) + sigmoid(f + 1) M

    Zeros as a state are the start: in M, row n then has 1 in its column n. M is kept as what it differs from there,
    its rows one after the other; all of it is handed out.

    Args:
        input_size: Number of features of x.
        hidden_size: Numbers in M.
        slots: Rows of M; a divisor of hidden_size. If not given, the largest up to 4.
        heads: Of attention; a divisor of the numbers in a row.

    Raises:
        OptionError: If ``slots`` does not divide ``hidden_size``, or ``heads`` a row.

    Source: Santoro et al. 2018, arXiv 1806.01822, eq. 1-9, as in the authors' code: no output gate, forget gates biased
    by 1, a perceptron of two layers, a gate for each number.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.rmc import RMC
        >>> RMC(3, 24, slots=4, heads=2)(torch.randn(2, 3)).shape
        torch.Size([2, 24])
    """

    state_names = ("M",)
    citation = "Santoro et al. 2018"
    start: Tensor

    def __init__(self, input_size: int, hidden_size: int, slots: int | None = None, heads: int = 1) -> None:
        super().__init__(input_size, hidden_size)
        at_least(1, "rmc", slots=slots, heads=heads)
        slots = slots or next(n for n in (4, 3, 2, 1) if hidden_size % n == 0)
        if hidden_size % slots:
            raise OptionError(f"rmc: slots must divide hidden_size {hidden_size}, and {slots} does not")
        size = hidden_size // slots
        if size % heads:
            raise OptionError(f"rmc: heads must divide the {size} numbers of a row, and {heads} does not")
        self.slots, self.heads = slots, heads
        self.W_x = nn.Linear(input_size, size)
        self.W_q, self.W_k, self.W_v = (nn.Linear(size, size, bias=False) for _ in range(3))
        self.W_1, self.W_2 = nn.Linear(size, size), nn.Linear(size, size)
        self.norm_a, self.norm_n = nn.LayerNorm(size), nn.LayerNorm(size)
        self.W_g = nn.Linear(size, 2 * size)
        self.U_g = nn.Linear(size, 2 * size, bias=False)
        self.register_buffer("start", torch.eye(slots, size))
        self.reset_parameters()

    def reset_parameters(self, bound: float | None = None) -> None:
        super().reset_parameters(bound)
        self.norm_a.reset_parameters()
        self.norm_n.reset_parameters()

    def step(self, x: Tensor, M: Tensor) -> Tensor:
        M = M.view(-1, *self.start.shape) + self.start
        x = self.W_x(x)[:, None]
        seen = torch.cat([M, x], 1)
        of_all_heads = self.W_q(M), self.W_k(seen), self.W_v(seen)
        q, k, v = (each.unflatten(-1, (self.heads, -1)).transpose(1, 2) for each in of_all_heads)
        shares = torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, -1)
        new = self.norm_a(M + (shares @ v).transpose(1, 2).flatten(2))
        new = self.norm_n(new + self.W_2(torch.relu(self.W_1(new))))
        i, f = (self.W_g(x) + self.U_g(torch.tanh(M))).chunk(2, -1)
        M = torch.sigmoid(i) * torch.tanh(new) + torch.sigmoid(f + 1) * M
        return (M - self.start).flatten(1)
