"""Zilly, Srivastava, Koutnik and Schmidhuber 2017, "Recurrent highway networks"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.plugins.literature._options import at_least
from seqmodels.registry import register_cell


@register_cell("rhn")
class RHN(Cell):
    """Recurrent highway network with coupled gates: ``depth`` highway layers within a step. With s_0 = h_{t-1}::

        new = tanh(W_H x_t [l = 1] + R_H s_{l-1} + b_H)             l = 1 .. depth, each with R and b of its own
        g = sigmoid(W_T x_t [l = 1] + R_T s_{l-1} + b_T)
        s_l = new * g + s_{l-1} * (1 - g)
        h_t = s_depth

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        depth: Number of layers in a step, at least 1.
        transform_bias: Where b_T starts; below 0, the state is carried on at first.

    Raises:
        OptionError: If ``depth`` is less than 1.

    Source: Zilly et al. 2017, arXiv 1607.03474, eq. 6-9 with c = 1 - t.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.rhn import RHN
        >>> RHN(3, 5, depth=4)(torch.randn(2, 3)).shape
        torch.Size([2, 5])
    """

    citation = "Zilly et al. 2017"

    def __init__(self, input_size: int, hidden_size: int, depth: int = 3, transform_bias: float = -2.0) -> None:
        super().__init__(input_size, hidden_size)
        at_least(1, "rhn", depth=depth)
        self.transform_bias = transform_bias
        self.W = nn.Linear(input_size, 2 * hidden_size, bias=False)  # rows: H, T
        self.R = nn.ModuleList(nn.Linear(hidden_size, 2 * hidden_size) for _ in range(depth))
        self.reset_parameters()

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        of_input = self.W(x)
        for depth, layer in enumerate(self.R):
            new, g = (layer(h) + of_input if depth == 0 else layer(h)).chunk(2, -1)
            g = torch.sigmoid(g)
            h = torch.tanh(new) * g + h * (1 - g)
        return h

    @torch.no_grad()
    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw all from U(-bound, bound), then add ``transform_bias`` to b_T."""
        super().reset_parameters(bound)
        for layer in self.R:
            layer.get_parameter("bias")[self.hidden_size :] += self.transform_bias
