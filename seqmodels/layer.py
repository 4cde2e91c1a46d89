"""One layer of an RNN in one direction: a cell, its regularisation, and the parameters that surround it."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqmodels import engine
from seqmodels.cell import Cell
from seqmodels.dropout import dropout_mask
from seqmodels.engine import LayerPass, LayerResult
from seqmodels.errors import CellError


@dataclass(frozen=True)
class Regularisation:
    """What is done to the step of a layer; probabilities in [0, 1)."""

    recurrent_dropout: float = 0.0
    weight_dropout: float = 0.0
    zoneout: tuple[float, ...] = ()
    layer_norm: bool = False
    learn_initial_state: bool = False


class Layer(nn.Module):
    """Runs a cell over a sequence in one direction.

    Args:
        cell: The cell.
        options: What is done to its step.
        backwards: Run from each row's last real step to its first.
    """

    def __init__(self, cell: Cell, options: Regularisation, backwards: bool = False) -> None:
        super().__init__()
        self.cell = cell
        self.options = options
        self.backwards = backwards
        needs_products = options.layer_norm or options.recurrent_dropout or options.weight_dropout
        self.products = engine.find_products(cell) if needs_products else []
        self.recurrent_products = [product for product in self.products if product.is_recurrent]
        if needs_products and not self.recurrent_products:
            raise CellError(
                f"{type(cell).__name__}: layer_norm, recurrent_dropout and weight_dropout act on products of the state "
                "with a matrix; write the step's as nn.Linear, F.linear or @"
            )
        # Keys of a ModuleDict are strings.
        norms = {str(product.index): nn.LayerNorm(product.rows) for product in self.products}
        self.norms = nn.ModuleDict(norms if options.layer_norm else {})
        self.step_modules = engine.StepModules(cell, {int(index): norm for index, norm in self.norms.items()})  # type: ignore[misc]
        sizes = cell.state_sizes if options.learn_initial_state else ()
        self.learned_state = nn.ParameterList(torch.zeros(size) for size in sizes)

    def __setattr__(self, name: str, value: Tensor | nn.Module) -> None:
        super().__setattr__(name, value)
        if name == "cell" and "step_modules" in vars(self):  # another one
            self.step_modules = engine.StepModules(self.cell, self.step_modules.norms)

    def initial_state(self, like: Tensor) -> tuple[Tensor, ...]:
        """States [B, size] before the first step, for an input like [B, input_size]: zeros, or what was learned."""
        if self.options.learn_initial_state:
            return tuple(state.to(like.dtype).expand(like.shape[0], -1) for state in self.learned_state)
        return self.cell.zero_state(like)

    def forward(
        self,
        input: Tensor,  # [T, B, input_size]
        state: tuple[Tensor, ...] | None,  # each [B, state_size]
        lengths: Tensor | None,  # [B]
        reset: Tensor | None,  # [T, B] bool
        every_state: bool,
        backend: str,
    ) -> LayerResult:
        if self.backwards:
            input, reset = reverse(input, lengths), _reversed_reset(reset, lengths)
        initial = self.initial_state(input[0])
        result = engine.run(
            LayerPass(
                cell=self.cell,
                input=input,
                state=initial if state is None else state,
                lengths=lengths,
                reset=reset,
                initial=initial,
                zoneout=self.options.zoneout,
                training=self.training,
                operand_masks=self._operand_masks(input),
                weight_masks=self._weight_masks(input),
                norms=self.step_modules.norms,
                every_state=every_state,
                number=self.step_modules.number,
            ),
            backend,
        )
        if not self.backwards:
            return result
        states = None if result.states is None else tuple(reverse(states, lengths) for states in result.states)
        return LayerResult(reverse(result.output, lengths), result.state, states)

    def _operand_masks(self, input: Tensor) -> dict[int, Tensor]:
        """One mask a sequence for the part of each product's operand that comes from the state (Gal & Ghahramani)."""
        rate = self.options.recurrent_dropout
        if not (self.training and rate):
            return {}
        return {
            product.index: _mask((input.shape[1], len(product.state_columns)), rate, product.state_columns, input)
            for product in self.recurrent_products
        }

    def _weight_masks(self, input: Tensor) -> dict[int, Tensor]:
        """One mask a sequence for the columns of each matrix that multiply the state (DropConnect, Wan et al. 2013)."""
        rate = self.options.weight_dropout
        if not (self.training and rate):
            return {}
        return {
            product.index: _mask((product.rows, len(product.state_columns)), rate, product.state_columns, input)
            for product in self.recurrent_products
        }


def _mask(shape: tuple[int, int], rate: float, columns: Tensor, like: Tensor) -> Tensor:
    """A dropout mask in the given columns, 1 in the others."""
    mask = dropout_mask(shape, rate, like)
    return torch.where(columns.to(like.device), mask, torch.ones_like(mask))


def reverse(sequence: Tensor, lengths: Tensor | None) -> Tensor:
    """Each row's real steps in reverse order; steps past its length stay where they are. [T, B, ...]."""
    if lengths is None:
        return sequence.flip(0)
    steps = torch.arange(sequence.shape[0], device=sequence.device)[:, None]
    order = torch.where(steps < lengths, lengths - 1 - steps, steps)
    return sequence.gather(0, order.reshape(order.shape + (1,) * (sequence.dim() - 2)).expand_as(sequence))


def _reversed_reset(reset: Tensor | None, lengths: Tensor | None) -> Tensor | None:
    """A border lies between t - 1 and t; walking backwards one crosses it before step t - 1."""
    if reset is None:
        return None
    if lengths is not None:
        reset = reset & engine.within_lengths(lengths, reset.shape[0])
    border = torch.cat([reset[1:], torch.zeros_like(reset[:1])])
    return reverse(border, lengths)
