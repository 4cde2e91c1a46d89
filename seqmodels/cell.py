"""The contract of one time step.

A cell knows nothing of time, batch layout, layers or devices: it maps the input and the state of one step to the next
state. :class:`seqmodels.RNN` runs it over sequences.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqmodels.errors import CellError, InputError

State = Tensor | tuple[Tensor, ...]


class Cell(nn.Module):
    """One time step of a recurrent network, written in plain PyTorch.

    A subclass defines :meth:`step`, and names its states if there is more than one. That is the whole contract::

        >>> import torch
        >>> from torch import nn
        >>> from seqmodels import RNN, Cell
        >>> class MinimalGatedUnit(Cell):
        ...     def __init__(self, input_size, hidden_size):
        ...         super().__init__(input_size, hidden_size)
        ...         self.forget = nn.Linear(input_size + hidden_size, hidden_size)
        ...         self.candidate = nn.Linear(input_size + hidden_size, hidden_size)
        ...
        ...     def step(self, x, h):
        ...         f = torch.sigmoid(self.forget(torch.cat([x, h], -1)))
        ...         new = torch.tanh(self.candidate(torch.cat([x, f * h], -1)))
        ...         return (1 - f) * h + f * new
        >>> output, state = RNN(MinimalGatedUnit, input_size=3, hidden_size=5)(torch.zeros(7, 2, 3))
        >>> output.shape, state.shape
        (torch.Size([7, 2, 5]), torch.Size([1, 2, 5]))

    Called as a module, a cell behaves like :class:`torch.nn.LSTMCell`: ``next_state = cell(x, state)``.

    Args:
        input_size: Number of features of ``x``.
        hidden_size: Number of features of each state, unless :attr:`state_sizes` says otherwise.
    """

    state_names: ClassVar[tuple[str, ...]] = ("h",)
    """Names of the states, in the order in which :meth:`step` takes and returns them."""

    citation: ClassVar[str] = ""
    """Paper and equation, shown by ``seqmodels cells``."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        for name, size in (("input_size", input_size), ("hidden_size", hidden_size)):
            if not isinstance(size, int) or isinstance(size, bool) or size < 1:
                raise CellError(f"{type(self).__name__}: {name} must be a positive integer, not {size!r}")
        self.input_size = input_size
        self.hidden_size = hidden_size

    def __setattr__(self, name: str, value: Any) -> None:
        if isinstance(value, Tensor | nn.Module) and hasattr(Cell, name):  # Python would find the method, not this
            raise CellError(f"{type(self).__name__}.{name}: every cell has a method of this name; choose another")
        super().__setattr__(name, value)

    @property
    def state_sizes(self) -> tuple[int, ...]:
        """Number of features of each state; ``hidden_size`` each unless overridden."""
        return (self.hidden_size,) * len(self.state_names)

    @property
    def output_size(self) -> int:
        """Number of features of :meth:`output`; that of the first state unless overridden."""
        return self.state_sizes[0]

    def _no_step(self, x: Tensor, *state: Tensor) -> State:
        """The next state: a tensor, or a tuple in the order of :attr:`state_names`.

        Args:
            x: Input of this step, ``[B, input_size]``.
            state: Each state before this step, ``[B, state_sizes[i]]``.
        """
        raise CellError(f"{type(self).__name__} defines no step(x, {', '.join(self.state_names)})")

    step: Callable[..., State] = _no_step  # as Module.forward, so that a subclass may name its states

    def _first_state(self, *state: Tensor) -> Tensor:
        """What the next layer sees of a state; the first state unless overridden. It may not depend on ``x``."""
        return state[0]

    output: Callable[..., Tensor] = _first_state  # as step

    def reset_parameters(self, bound: float | None = None) -> None:
        """Draw every weight and bias from U(-bound, bound).

        Cells that start some biases elsewhere (the LSTM's forget gate) extend this.

        Args:
            bound: Half the width of the interval; 1 / sqrt(hidden_size), as torch's recurrent modules, if not given.
        """
        bound = 1 / math.sqrt(self.hidden_size) if bound is None else bound
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.uniform_(-bound, bound)

    @property
    def torch_twin(self) -> str | None:
        """Which kernel of torch computes this very cell: "RNN_TANH", "RNN_RELU", "LSTM", "GRU", or None.

        A cell that names one also defines :meth:`torch_weights` and :meth:`load_torch_weights`.
        """
        return None

    def torch_weights(self) -> list[Tensor]:
        """``[weight_ih, weight_hh, bias_ih, bias_hh]`` of the twin, as differentiable expressions of the parameters."""
        raise CellError(f"{type(self).__name__} has no twin among torch's modules")

    def load_torch_weights(self, weight_ih: Tensor, weight_hh: Tensor, bias_ih: Tensor, bias_hh: Tensor) -> None:
        """Take over the weights of the twin; the inverse of :meth:`torch_weights` up to how two biases share a sum."""
        raise CellError(f"{type(self).__name__} has no twin among torch's modules")

    def zero_state(self, like: Float[Tensor, "*batch input_size"]) -> tuple[Tensor, ...]:
        """States of zeros for inputs such as ``like``, of its batch, device and type."""
        return tuple(like.new_zeros(*like.shape[:-1], size) for size in self.state_sizes)

    def next_state(self, x: Tensor, state: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """:meth:`step` with a tuple in and a tuple out, whatever the number of states."""
        new = self.step(x, *state)
        if isinstance(new, Tensor):
            return (new,)
        if isinstance(new, tuple | list):
            return tuple(new)
        raise CellError(
            f"{type(self).__name__}: step returned {type(new).__name__}; return a tensor, or a tuple of them"
        )

    def forward(self, x: Float[Tensor, "*batch input_size"], state: State | None = None) -> State:
        """One step, as :class:`torch.nn.LSTMCell` does it.

        Args:
            x: ``[B, input_size]`` or ``[input_size]``.
            state: A tensor if the cell has one state, else a tuple; zeros if not given.

        Returns:
            The next state, in the form of ``state``.

        Raises:
            InputError: If a shape doesn't fit the cell.
        """
        name = type(self).__name__
        if x.dim() not in (1, 2) or x.shape[-1] != self.input_size:
            raise InputError(
                f"{name}: input must be [B, {self.input_size}] or [{self.input_size}], not {list(x.shape)}"
            )
        states = self.zero_state(x) if state is None else self.pack_state(state)
        for key, tensor, size in zip(self.state_names, states, self.state_sizes, strict=True):
            if tensor.shape != (*x.shape[:-1], size):
                raise InputError(f"{name}: state {key} must be {[*x.shape[:-1], size]}, not {list(tensor.shape)}")
        if x.dim() == 1:
            new = self.next_state(x[None], [tensor[None] for tensor in states])
            return self.unpack_state(tuple(tensor[0] for tensor in new))
        return self.unpack_state(self.next_state(x, states))

    def pack_state(self, state: State) -> tuple[Tensor, ...]:
        """A tuple, from a tensor or a tuple.

        Raises:
            InputError: If it is not as many tensors as the cell has states.
        """
        names = ", ".join(self.state_names)
        if not isinstance(state, Tensor | tuple | list):
            given = type(state).__name__
            raise InputError(f"{type(self).__name__}: the states ({names}) are tensors, one or a tuple, not {given}")
        states = (state,) if isinstance(state, Tensor) else tuple(state)
        if len(states) != len(self.state_names):
            raise InputError(f"{type(self).__name__} has the states ({names}), but {len(states)} were given")
        return states

    def unpack_state(self, states: tuple[Tensor, ...]) -> State:
        """The public form of a state: a tensor if there is one, else a tuple."""
        return states[0] if len(states) == 1 else states

    def extra_repr(self) -> str:
        return f"{self.input_size}, {self.hidden_size}"
