"""Joulin and Mikolov 2015, "Inferring algorithmic patterns with stack-augmented recurrent nets"."""

import torch
from torch import Tensor, nn

from seqmodels.cell import Cell
from seqmodels.plugins.literature._options import at_least
from seqmodels.registry import register_cell


@register_cell("stack_rnn")
class StackRNN(Cell):
    """A network with stacks that it pushes numbers on and pops them from, each action to a degree::

        h_t = sigmoid(W x_t + U h_{t-1} + P s_{t-1}[:2] + b)    the two on top of each stack
        push, pop, keep = softmax(A h_t)                        for each stack
        s_t[i] = push s_{t-1}[i-1] + pop s_{t-1}[i+1] + keep s_{t-1}[i],   s_{t-1}[-1] = sigmoid(D h_t)

    Args:
        input_size: Number of features of x.
        hidden_size: Number of features of h.
        stacks: How many, at least 1.
        depth: Numbers that a stack holds, at least 2; what is pushed below is lost, and what comes up from there is 0.

    Raises:
        OptionError: If ``stacks`` or ``depth`` is less.

    Source: Joulin and Mikolov 2015, arXiv 1503.01007, eq. 3-7, with the third action of its section 3.2.

    Example:
        >>> import torch
        >>> from seqmodels.plugins.literature.stack_rnn import StackRNN
        >>> h, s = StackRNN(3, 5, stacks=2, depth=4)(torch.randn(2, 3))
        >>> h.shape, s.shape
        (torch.Size([2, 5]), torch.Size([2, 8]))
    """

    state_names = ("h", "s")
    citation = "Joulin & Mikolov 2015"

    def __init__(self, input_size: int, hidden_size: int, stacks: int = 2, depth: int = 16) -> None:
        super().__init__(input_size, hidden_size)
        at_least(1, "stack_rnn", stacks=stacks)
        at_least(2, "stack_rnn", depth=depth)
        self.stacks, self.depth = stacks, depth
        self.W = nn.Linear(input_size, hidden_size)
        self.U = nn.Linear(hidden_size, hidden_size, bias=False)
        self.P = nn.Linear(2 * stacks, hidden_size, bias=False)
        self.A = nn.Linear(hidden_size, 3 * stacks, bias=False)
        self.D = nn.Linear(hidden_size, stacks, bias=False)
        self.reset_parameters()

    @property
    def state_sizes(self) -> tuple[int, int]:
        return self.hidden_size, self.stacks * self.depth

    def step(self, x: Tensor, h: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        s = s.view(-1, self.stacks, self.depth)
        h = torch.sigmoid(self.W(x) + self.U(h) + self.P(s[:, :, :2].flatten(1)))
        push, pop, keep = torch.softmax(self.A(h).view(-1, self.stacks, 3), -1).split(1, -1)
        pushed = torch.cat([torch.sigmoid(self.D(h))[:, :, None], s[:, :, :-1]], -1)
        popped = torch.cat([s[:, :, 1:], torch.zeros_like(s[:, :, :1])], -1)
        return h, (push * pushed + pop * popped + keep * s).flatten(1)
