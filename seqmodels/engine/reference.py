"""The plain loop over time: the truth that every other backend is held against."""

from functools import partial

import torch
from torch import Tensor

from seqmodels.cell import Cell
from seqmodels.engine.layer_pass import LayerPass, LayerResult, within_lengths
from seqmodels.engine.products import SequenceProducts
from seqmodels.engine.whole_step import Surroundings, whole_step, zoneout_masks
from seqmodels.errors import CellError


def run(layer: LayerPass) -> LayerResult:
    """Runs the step for t = 0 .. T-1."""
    cell, steps = layer.cell, layer.input.shape[0]
    real = None if layer.lengths is None else within_lengths(layer.lengths, steps)
    keeps = zoneout_masks(layer)
    products = SequenceProducts(layer.input, layer.operand_masks, layer.weight_masks, layer.norms)

    state = layer.state
    history: list[tuple[Tensor, ...]] = []
    for t in range(steps):
        around = Surroundings(
            real=None if real is None else real[t],
            reset=None if layer.reset is None else layer.reset[t],
            initial=layer.initial,
            keeps=None if keeps is None else [mask[t] for mask in keeps],
        )
        next_state = partial(_next_state, cell, products, t == 0)
        state = whole_step(next_state, products.begin_step(t), state, around, layer.zoneout)  # type: ignore[arg-type]
        history.append(state)

    # Transposed: from one tuple of states a step to one sequence a state.
    states = tuple(torch.stack(sequence) for sequence in zip(*history, strict=True))
    return LayerResult(layer.output(states), state, states if layer.every_state else None)


def _next_state(
    cell: Cell, products: SequenceProducts, is_first: bool, x: Tensor, state: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    with products:
        new = cell.next_state(x, state)
    if is_first:
        _check_step(cell, new, state)
    return new


def _check_step(cell: Cell, new: tuple[Tensor, ...], old: tuple[Tensor, ...]) -> None:
    name = type(cell).__name__
    if len(new) != len(cell.state_names):
        names = ", ".join(cell.state_names)
        raise CellError(f"{name}.step returned {len(new)} states; state_names has {len(cell.state_names)}: {names}")
    for key, a, b in zip(cell.state_names, new, old, strict=True):
        if a.shape != b.shape:
            raise CellError(f"{name}.step returned {key} of shape {list(a.shape)}; it must stay {list(b.shape)}")
