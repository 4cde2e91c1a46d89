"""What a backend is asked to compute, and what it gives back."""

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook

from seqmodels.cell import Cell


@dataclass(frozen=True)
class LayerPass:
    """One layer in one direction over a whole sequence.

    Products are the matrix products of the step, counted in the order in which it computes them (products.py).
    """

    cell: Cell
    input: Tensor  # [T, B, input_size]
    state: tuple[Tensor, ...]  # each [B, state_size]
    lengths: Tensor | None = None  # [B]: steps past a row's length change nothing
    reset: Tensor | None = None  # [T, B] bool: the state returns to `initial` before that step
    initial: tuple[Tensor, ...] = ()  # each [B, state_size]
    zoneout: tuple[float, ...] = ()  # a probability a state
    training: bool = True
    operand_masks: dict[int, Tensor] = field(default_factory=dict)  # product -> [B, columns]
    weight_masks: dict[int, Tensor] = field(default_factory=dict)  # product -> [rows, columns]
    norms: dict[int, nn.LayerNorm] = field(default_factory=dict)  # product -> what normalises it
    every_state: bool = False
    number: int = -1  # of the layer's modules, for compiled calls (step_modules.py)

    @property
    def is_plain(self) -> bool:
        """Whether the step itself is all there is: nothing that changes it is asked for, but for lengths."""
        changes = (self.operand_masks, self.weight_masks, self.norms, any(self.zoneout), self.every_state)
        return self.reset is None and not any(changes)

    @property
    def has_narrow_products(self) -> bool:
        """Whether products take bfloat16: by their own type, or by autocast."""
        device = self.input.device.type
        if torch.is_autocast_enabled(device):
            return torch.get_autocast_dtype(device) is torch.bfloat16
        return self.input.dtype is torch.bfloat16

    @functools.cached_property
    def has_hooks(self) -> bool:
        """Whether a module of the step, or every module, has hooks, which only the step itself calls."""
        return _has_any_global_hook() or any(_has_hooks(module) for module in (self.cell, *self.norms.values()))

    @functools.cached_property
    def parameters(self) -> dict[str, Tensor]:
        """Parameters and buffers of the cell and of its norms, by names of "cell." and "norms."."""
        found = {f"cell.{name}": tensor for name, tensor in _tensors_of(self.cell)}
        for index, norm in self.norms.items():
            found |= {f"norms.{index}.{name}": tensor for name, tensor in _tensors_of(norm)}
        return found

    def output(self, states: Sequence[Tensor]) -> Tensor:
        """What the next layer sees of the states at every step, each [T, B, size]; 0 past a row's length."""
        if type(self.cell).output is Cell.output:
            output = states[0]
        else:
            output = self.cell.output(*(sequence.flatten(0, 1) for sequence in states)).unflatten(
                0, self.input.shape[:2]
            )
        return output if self.lengths is None else output * within_lengths(self.lengths, self.input.shape[0])[..., None]

    def without_padding(self) -> "LayerPass":
        """The same with nothing past a row's length: a NaN there would reach gradients, a reset the final state."""
        if self.lengths is None:
            return self
        real = within_lengths(self.lengths, self.input.shape[0])
        reset = None if self.reset is None else self.reset & real
        return replace(self, input=torch.where(real[..., None], self.input, 0.0), reset=reset)


def _has_hooks(module: nn.Module) -> bool:
    if module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks:
        return True
    return any(child is not None and _has_hooks(child) for child in module._modules.values())


def _tensors_of(module: nn.Module, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """As named_parameters and named_buffers; like modules(), these take longer than a step of a small cell."""
    for tensors in (module._parameters, module._buffers):
        for name, tensor in tensors.items():
            if tensor is not None:
                yield prefix + name, tensor
    for name, child in module._modules.items():
        if child is not None:
            yield from _tensors_of(child, f"{prefix}{name}.")


class LayerResult(NamedTuple):
    """What a backend gives back; outputs past a row's length are 0."""

    output: Tensor  # [T, B, output_size]
    state: tuple[Tensor, ...]  # each [B, state_size], after the last real step
    states: tuple[Tensor, ...] | None  # each [T, B, state_size], if every state was asked for


def within_lengths(lengths: Tensor, steps: int) -> Tensor:
    """[T, B] bool: which steps are real."""
    return torch.arange(steps, device=lengths.device)[:, None] < lengths
