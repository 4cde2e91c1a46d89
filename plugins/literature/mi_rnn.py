"""Wu, Zhang, Zhang, Bengio and Salakhutdinov 2016, "On multiplicative integration with recurrent neural networks"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("mi_rnn")
class MIRNN(Cell):
    """Elman's network, where the two products are multiplied, not only added::

        h_t = tanh(alpha * W x_t * U h_{t-1} + beta_1 * U h_{t-1} + beta_2 * W x_t + b)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.

    Source: Wu et al. 2016, arXiv 1606.06630, section 2; the start is that of one of its experiments.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.mi_rnn import MIRNN
        >>> MIRNN(3, 5)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Wu et al. 2016"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, hidden_size, bias=False)
        self.U = nn.Linear(hidden_size, hidden_size, bias=False)
        self.alpha = nn.Parameter(torch.empty(hidden_size))
        self.beta_1 = nn.Parameter(torch.empty(hidden_size))
        self.beta_2 = nn.Parameter(torch.empty(hidden_size))
        self.b = nn.Parameter(torch.empty(hidden_size))
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        Wx, Uh = self.W(x), self.U(h)
        return torch.tanh(self.alpha * Wx * Uh + self.beta_1 * Uh + self.beta_2 * Wx + self.b)

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw W and U from U(-bound, bound); alpha starts at 1, the betas at 0.5, b at 0."""
        super().reset_parameters(bound)
        for parameter, start in ((self.alpha, 1), (self.beta_1, 0.5), (self.beta_2, 0.5), (self.b, 0)):
            parameter.fill_(start)
