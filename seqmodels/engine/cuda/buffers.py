"""The buffers of one direction of a loop, by name, and the parts of them that a slot names."""

from torch import Tensor

from seqmodels.engine.cuda.layout import Slot

Buffers = dict[str, Tensor | None]


def present(buffers: Buffers, name: str) -> Tensor:
    """A buffer that is there."""
    found = buffers[name]
    assert found is not None
    return found


def columns(slot: Slot, width: int, rows: Tensor) -> Tensor:
    """The columns of a slot in rows of its buffer."""
    return rows[..., slot.low : slot.low + width]


def sequence(slot: Slot, width: int, buffers: Buffers) -> Tensor:
    """The columns of a slot of every row and step: [T * B, width], or [B, width] of what no step changes."""
    return columns(slot, width, present(buffers, slot.buffer)).flatten(0, -2)
