"""Jaeger, Lukosevicius, Popovici and Siewert 2007, "Optimization and applications of echo state networks ..."."""

import torch
from torch import Tensor

from seqmodels.cell import Cell
from seqmodels.registry import register_cell


@register_cell("echo_state")
class EchoState(Cell):
    """A fixed random reservoir: nothing in it learns, only what reads it::

        h_t = (1 - leak) h_{t-1} + leak tanh(W_in x_t + W h_{t-1})

    W has entries from N(0, spectral_radius^2 / hidden_size), so that its spectral radius is about that number in large
    reservoirs (the circular law); W_in has entries from U(-input_scale, input_scale). Both are buffers: they are saved,
    and stay as they were drawn. No output is fed back.

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        leak: How much of the state a step replaces, above 0 and at most 1.
        spectral_radius: >= 0; below 1, the past usually fades.
        input_scale: > 0, half the width of the interval of W_in.

    Source: Jaeger et al. 2007, Neural Networks 20(3), section 2.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.echo_state import EchoState
        >>> cell = EchoState(3, 5)
        >>> cell(torch.randn(2, 3)).shape, len(list(cell.parameters()))
        (torch.Size([2, 5]), 0)
    """

    citation = "Jaeger et al. 2007"
    W: Tensor
    W_in: Tensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        leak: float = 1.0,
        spectral_radius: float = 0.9,
        input_scale: float = 0.5,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.leak = leak
        self.register_buffer("W_in", input_scale * (2 * torch.rand(hidden_size, input_size) - 1))
        self.register_buffer("W", torch.randn(hidden_size, hidden_size) * spectral_radius / hidden_size**0.5)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return (1 - self.leak) * h + self.leak * torch.tanh(x @ self.W_in.T + h @ self.W.T)
