"""The backend for GPUs: a loop forwards and backwards, by whichever driver is meant for it."""

import functools
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from seqmodels.engine.cuda import gradients
from seqmodels.engine.cuda.device import working_on
from seqmodels.engine.cuda.direction import Direction
from seqmodels.engine.directions import Directions
from seqmodels.engine.loop import LoopInputs


class TritonLoop:
    """A loop for GPUs; the interface is that of NativeLoop.

    Args:
        directions: What it does.
        dtype: Of all tensors that come in and go out. What is narrower than float32 is computed in float32.
    """

    def __init__(self, directions: Directions, dtype: torch.dtype) -> None:
        self.directions, self.loop = directions, directions.loop
        self.computes_in = torch.float32 if dtype.itemsize < 4 else dtype
        self._forward = Direction(directions, directions.forward, self.computes_in)

    @functools.cached_property
    def _backward(self) -> Direction:
        assert self.directions.backward is not None
        return Direction(self.directions, self.directions.backward, self.computes_in)

    def padded(self, width: int) -> int:
        """Numbers of a row of that width in buffers of our own."""
        return width

    def forward(self, inputs: LoopInputs, steps: int, save: bool) -> tuple[list[Tensor], list[Tensor]]:
        """States after every step, each [T, B, size], and what the way back needs, each [T, B, width]."""
        like = inputs.states[0]
        batch = len(like)
        new = [like.new_empty(steps, batch, size) for size in self.loop.states]
        kept = [like.new_empty(steps, batch, width) for width in self.directions.saved]
        if steps and batch:
            with torch.no_grad(), working_on(like.device):
                given = {**_named(_by_kind(inputs)), **_named({"new": new, "saved": kept})}
                buffers = self._forward.prepare(given, inputs.matrices, like, steps)
                self._forward.run(buffers, inputs.matrices, steps, batch)
        return new, kept

    def backward(
        self,
        inputs: LoopInputs,
        new: Sequence[Tensor],
        kept: Sequence[Tensor],
        incoming: Sequence[Tensor | None],
        final: Sequence[Tensor | None],
        wanted: set[tuple[str, int]],
    ) -> LoopInputs:
        """Gradients of the inputs; of what isn't wanted, empty tensors. Arguments are those of NativeLoop.backward."""
        like, (steps, batch, _) = new[0], new[0].shape
        if not (steps and batch):
            return _zeros(inputs, final, like)
        layout, real = self._backward.layout, self.computes_in
        none = like.new_empty(0)

        def each(kind: str, tensors: Sequence[Tensor], make: Callable[[int, Tensor], Tensor]) -> list[Tensor]:
            return [make(i, tensor) if (kind, i) in wanted else none for i, tensor in enumerate(tensors)]

        with torch.no_grad(), working_on(like.device):
            carry = _carries(final, new, real)
            of_steps = each("step", inputs.steps, lambda i, like: gradients.room_for_input(layout, i, like))
            of_batches = each("batch", inputs.batches, lambda i, like: torch.zeros_like(like, dtype=real))
            given = {**_named(_by_kind(inputs)), **_named({"new": new, "saved": kept, "carry": carry})}
            given |= _named({"incoming": incoming, "gradient": of_steps, "total_batch": of_batches})
            for i in layout.added:
                given[f"total_vector_{i}"] = like.new_zeros(batch, len(inputs.vectors[i]), dtype=real)
            buffers = self._backward.prepare(given, inputs.matrices, inputs.states[0], steps)
            self._backward.run(buffers, inputs.matrices, steps, batch)
            gradients.finish_inputs(layout, buffers, inputs.matrices)
            return LoopInputs(
                of_steps,
                each("state", inputs.states, lambda i, like: carry[i][1].to(like.dtype, copy=True)),
                [total.to(like.dtype) for total in of_batches],
                each("vector", inputs.vectors, lambda i, like: gradients.of_vector(layout, i, like, buffers, real)),
                each("matrix", inputs.matrices, lambda i, like: gradients.of_matrix(layout, i, like, buffers)),
            )


def _by_kind(inputs: LoopInputs) -> dict[str, Sequence[Tensor]]:
    return {"step": inputs.steps, "state": inputs.states, "batch": inputs.batches, "vector": inputs.vectors}


def _named(tensors: Mapping[str, Sequence[Tensor | None]]) -> dict[str, Tensor | None]:
    """Each tensor under its kind and number, as kernels name it."""
    return {f"{kind}_{index}": tensor for kind, each in tensors.items() for index, tensor in enumerate(each)}


def _carries(final: Sequence[Tensor | None], new: Sequence[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """Gradients of states in two halves by the parity of the step; the last step reads that of the final state.

    Step 0 writes the half that would be read at step -1, the second.
    """
    (steps, batch, _), sizes = new[0].shape, [2 * each.shape[1] * each.shape[-1] for each in new]
    # Each begins where 16 bytes begin, as kernels like it.
    padded = [-(-size // 4) * 4 for size in sizes]
    rooms = new[0].new_zeros(sum(padded), dtype=dtype).split(padded)
    carries = [room[:size].view(2, batch, -1) for room, size in zip(rooms, sizes, strict=True)]
    for carry, gradient in zip(carries, final, strict=True):
        if gradient is not None:
            carry[(steps - 1) % 2] = gradient
    return carries


def _zeros(inputs: LoopInputs, final: Sequence[Tensor | None], like: Tensor) -> LoopInputs:
    """Gradients where there are no steps, or no rows: those of the states pass through."""
    zeros = [[torch.zeros_like(tensor) for tensor in kind] for kind in vars(inputs).values()]
    states = [z if g is None else g.to(like.dtype) for z, g in zip(zeros[1], final, strict=True)]
    return LoopInputs(zeros[0], states, *zeros[2:])
