"""The plain loop over time: the truth that every other backend is held against."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seqmodels.cell import Cell
from seqmodels.engine.layer_pass import LayerPass, LayerResult, within_lengths
from seqmodels.engine.products import SequenceProducts
from seqmodels.errors import CellError


def run(layer: LayerPass) -> LayerResult:
    """Runs the step for t = 0 .. T-1."""
    cell, steps = layer.cell, layer.input.shape[0]
    real = None if layer.lengths is None else within_lengths(layer.lengths, steps)
    keeps = _zoneout_masks(layer)
    products = SequenceProducts(layer.input, layer.operand_masks, layer.weight_masks, layer.norms)

    state = layer.state
    history: list[tuple[Tensor, ...]] = []
    for t in range(steps):
        if layer.reset is not None:
            state = _choose(layer.reset[t], layer.initial, state)
        x = products.begin_step(t)
        with products:
            new = cell.next_state(x, state)
        if t == 0:
            _check_step(cell, new, state)
        if any(layer.zoneout):
            new = _zoneout(layer, new, state, None if keeps is None else [mask[t] for mask in keeps])
        state = new if real is None else _choose(real[t], new, state)
        history.append(state)

    # Transposed: from one tuple of states a step to one sequence a state.
    states = [torch.stack(sequence) for sequence in zip(*history, strict=True)]
    output = cell.output(*(sequence.flatten(0, 1) for sequence in states)).unflatten(0, layer.input.shape[:2])
    if real is not None:
        output = output * real[..., None]
    return LayerResult(output, state, tuple(states) if layer.every_state else None)


def _choose(rows: Tensor, yes: Sequence[Tensor], no: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Row by row of the batch, one state or the other; rows is [B] bool."""
    return tuple(torch.where(rows[:, None], a, b) for a, b in zip(yes, no, strict=True))


def _zoneout_masks(layer: LayerPass) -> list[Tensor] | None:
    """For each state [T, B, size] bool: which units keep their old value in training (Krueger et al. 2017)."""
    if not (layer.training and any(layer.zoneout)):
        return None
    shape = layer.input.shape[:2]
    sizes = zip(layer.zoneout, layer.state, strict=True)
    return [torch.rand(*shape, state.shape[-1], device=state.device) < rate for rate, state in sizes]


def _zoneout(
    layer: LayerPass, new: Sequence[Tensor], old: Sequence[Tensor], keeps: Sequence[Tensor] | None
) -> tuple[Tensor, ...]:
    """In training each unit keeps its old value or not; in evaluation it takes the expectation."""
    if keeps is not None:
        return tuple(torch.where(keep, b, a) for keep, a, b in zip(keeps, new, old, strict=True))
    return tuple(rate * b + (1 - rate) * a for rate, a, b in zip(layer.zoneout, new, old, strict=True))


def _check_step(cell: Cell, new: tuple[Tensor, ...], old: tuple[Tensor, ...]) -> None:
    name = type(cell).__name__
    if len(new) != len(cell.state_names):
        names = ", ".join(cell.state_names)
        raise CellError(f"{name}.step returned {len(new)} states; state_names has {len(cell.state_names)}: {names}")
    for key, a, b in zip(cell.state_names, new, old, strict=True):
        if a.shape != b.shape:
            raise CellError(f"{name}.step returned {key} of shape {list(a.shape)}; it must stay {list(b.shape)}")
