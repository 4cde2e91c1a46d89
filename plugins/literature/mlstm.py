"""Beck et al. 2024, "xLSTM: extended long short-term memory", section 2.3."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.cell import Cell
from seqmodels.plugins.literature._options import at_least
from seqmodels.registry import register_cell


@register_cell("mlstm")
class MLSTM(Cell):
    """The mLSTM of xLSTM: a matrix C is written at keys and read at queries, with an exponential input gate::

        q, k, v = W_. x_t + b_.                             k divided by sqrt(key_size)
        i, f = w_. x_t + b_.                                one number each
        m_t = max(log sigmoid(f) + m_{t-1}, i)              keeps the exponentials finite
        i', f' = exp(i - m_t), exp(log sigmoid(f) + m_{t-1} - m_t)
        C_t = f' C_{t-1} + i' v k^T
        n_t = f' n_{t-1} + i' k
        h_t = sigmoid(W_o x_t + b_o) * C_t q / max(|n_t q|, exp(-m_t))

    Gates and keys see the input alone; h is handed out, not on.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of v and of h, the columns of C^T.
        key_size: Number of features of a key, the rows of C^T, in which order C is kept; at least 1.
        forget_bias: Where b_f starts.

    Raises:
        OptionError: If ``key_size`` is less than 1.

    Source: Beck et al. 2024, arXiv 2405.04517, eq. 19-27, with one head, stabilised as in its appendix.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.mlstm import MLSTM
        >>> h, C, n, m = MLSTM(3, 5, key_size=4)(torch.randn(2, 3))
        >>> h.shape, C.shape, n.shape, m.shape
        (torch.Size([2, 5]), torch.Size([2, 20]), torch.Size([2, 4]), torch.Size([2, 1]))
    """

    state_names = ("h", "C", "n", "m")
    citation = "Beck et al. 2024 (mLSTM)"

    def __init__(self, input_size: int, hidden_size: int, key_size: int = 8, forget_bias: float = 3.0) -> None:
        super().__init__(input_size, hidden_size)
        at_least(1, "mlstm", key_size=key_size)
        self.key_size, self.forget_bias = key_size, forget_bias
        self.W = nn.Linear(input_size, 2 * key_size + 2 * hidden_size + 2)  # rows: q, k, v, o, i, f
        self.reset_parameters()

    @property
    def state_sizes(self) -> tuple[int, int, int, int]:
        return self.hidden_size, self.hidden_size * self.key_size, self.key_size, 1

    def step(self, x: Tensor, h: Tensor, C: Tensor, n: Tensor, m: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        K, H = self.key_size, self.hidden_size
        q, k, v, o, i, f = self.W(x).split([K, K, H, H, 1, 1], -1)
        k = k / K**0.5
        kept = F.logsigmoid(f) + m
        m = torch.maximum(kept, i)
        i, f = torch.exp(i - m), torch.exp(kept - m)
        C = f[:, :, None] * C.view(-1, K, H) + torch.einsum("bk,bv->bkv", k, i * v)  # transposed: the longer rows
        n = f * n + i * k
        scale = torch.maximum((n * q).sum(-1, keepdim=True).abs(), torch.exp(-m))
        return torch.sigmoid(o) * torch.einsum("bkv,bk->bv", C, q) / scale, C.flatten(1), n, m

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then add ``forget_bias`` to b_f."""
        super().reset_parameters(bound)
        self.W.bias[-1] += self.forget_bias
