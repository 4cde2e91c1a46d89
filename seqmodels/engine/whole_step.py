"""One step of a layer with all that RNN does around a cell's own: the plain loop repeats it, the compiler traces it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqmodels.engine.layer_pass import LayerPass

NextState = Callable[[Tensor, Sequence[Tensor]], tuple[Tensor, ...]]


@dataclass
class Surroundings:
    """What surrounds the step at one time; None where it isn't asked for."""

    real: Tensor | None = None  # [B] bool: within the row's length
    reset: Tensor | None = None  # [B] bool: the state returns to `initial` first
    initial: Sequence[Tensor] = ()  # each [B, size]
    keeps: Sequence[Tensor] | None = None  # each [B, size] bool: units that keep their old value (zoneout in training)


def whole_step(
    next_state: NextState, x: Tensor, state: tuple[Tensor, ...], around: Surroundings, zoneout: Sequence[float]
) -> tuple[Tensor, ...]:
    """The state after a step.

    Args:
        next_state: The cell's own step, ``(x, state) -> state``.
        x: [B, input_size].
        state: Each [B, size].
        around: What surrounds it now.
        zoneout: A probability a state, or none; without masks, units take the expectation (Krueger et al. 2017).
    """
    if around.reset is not None:
        state = _choose(around.reset, around.initial, state)
    new = next_state(x, state)
    if around.keeps is not None:
        new = tuple(torch.where(keep, b, a) for keep, a, b in zip(around.keeps, new, state, strict=True))
    elif any(zoneout):
        new = tuple(rate * b + (1 - rate) * a for rate, a, b in zip(zoneout, new, state, strict=True))
    return new if around.real is None else _choose(around.real, new, state)


def zoneout_masks(layer: LayerPass) -> list[Tensor] | None:
    """For each state [T, B, size] bool: which units keep their old value; None outside training."""
    if not (layer.training and any(layer.zoneout)):
        return None
    shape = layer.input.shape[:2]
    sizes = zip(layer.zoneout, layer.state, strict=True)
    return [torch.rand(*shape, state.shape[-1], device=state.device) < rate for rate, state in sizes]


def _choose(rows: Tensor, yes: Sequence[Tensor], no: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Row by row of the batch, one state or the other; rows is [B] bool."""
    return tuple(torch.where(rows[:, None], a, b) for a, b in zip(yes, no, strict=True))
