"""The backend for GPUs: a loop forwards and backwards, by whichever driver is meant for it."""

import functools
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from seqmodels.engine.cuda.buffers import Buffers, columns, sequence
from seqmodels.engine.cuda.device import working_on
from seqmodels.engine.cuda.direction import Direction
from seqmodels.engine.cuda.layout import Outer
from seqmodels.engine.directions import Directions
from seqmodels.engine.native.execute import Inputs


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

    @property
    def source(self) -> str:
        """The text of its modules."""
        ways = [self._forward, *([self._backward] if self.directions.backward else [])]
        return "\n\n".join(driver.source for way in ways for driver in (way.stepwise, way.persistent))

    def padded(self, width: int) -> int:
        """Numbers of a row of that width in buffers of our own."""
        return width

    def forward(self, inputs: Inputs, steps: int, save: bool) -> tuple[list[Tensor], list[Tensor]]:
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
        inputs: Inputs,
        new: Sequence[Tensor],
        kept: Sequence[Tensor],
        incoming: Sequence[Tensor | None],
        final: Sequence[Tensor | None],
        wanted: set[tuple[str, int]],
    ) -> Inputs:
        """Gradients of the inputs; of what isn't wanted, empty tensors. Arguments are those of NativeLoop.backward."""
        like, (steps, batch, _) = new[0], new[0].shape
        none, real = like.new_empty(0), self.computes_in

        def room(kind: str, tensors: Sequence[Tensor], *rows: int, dtype: torch.dtype | None = None) -> list[Tensor]:
            return [
                tensor.new_zeros(*(rows or tensor.shape[:-1]), tensor.shape[-1], dtype=dtype or like.dtype)
                if (kind, index) in wanted
                else none
                for index, tensor in enumerate(tensors)
            ]

        of_steps = room("step", inputs.steps)
        of_matrices = [
            _zeros_like(matrix) if ("matrix", index) in wanted else none for index, matrix in enumerate(inputs.matrices)
        ]
        of_batches = room("batch", inputs.batches, dtype=real)
        of_vectors = room("vector", inputs.vectors, batch, dtype=real)
        carry = [_carry(size, g, like, steps, batch, real) for size, g in zip(self.loop.states, final, strict=True)]
        if steps and batch:
            with torch.no_grad(), working_on(like.device):
                given = {**_named(_by_kind(inputs)), **_named({"new": new, "saved": kept, "carry": carry})}
                given |= _named({"incoming": incoming, "gradient": of_steps})
                given |= _named({"total_batch": of_batches, "total_vector": of_vectors})
                buffers = self._backward.prepare(given, inputs.matrices, inputs.states[0], steps)
                self._backward.run(buffers, inputs.matrices, steps, batch)
                self._backward.finish(buffers, inputs.matrices)
                for outer in self._backward.layout.outer:
                    _add_outer(outer, buffers, of_matrices)
                of_vectors = [self._total(index, total, buffers) for index, total in enumerate(of_vectors)]
        return Inputs(
            of_steps,
            [buffer[1].to(like.dtype, copy=True) for buffer in carry],  # step 0 wrote the half that is read at step -1
            [total.to(like.dtype) for total in of_batches],
            [(total.sum(0) if total.dim() > 1 else total).to(like.dtype) for total in of_vectors],
            of_matrices,
        )

    def _total(self, index: int, rows: Tensor, buffers: Buffers) -> Tensor:
        """A vector's gradient: what the steps added up for each row, and what is summed of the tape."""
        if not rows.numel():
            return rows
        total = rows.sum(0)
        for place, where in self.directions.sums:
            if where.index == index:
                width = self.directions.backward.tape[place.index]  # type: ignore[union-attr]
                summed = sequence(self._backward.layout.slot(place), width, buffers).sum(0, dtype=self.computes_in)
                total[where.low : where.low + width] += summed
        return total


def _by_kind(inputs: Inputs) -> dict[str, Sequence[Tensor]]:
    return {"step": inputs.steps, "state": inputs.states, "batch": inputs.batches, "vector": inputs.vectors}


def _named(tensors: Mapping[str, Sequence[Tensor | None]]) -> dict[str, Tensor | None]:
    """Each tensor under its kind and number, as kernels name it."""
    return {f"{kind}_{index}": tensor for kind, each in tensors.items() for index, tensor in enumerate(each)}


def _carry(size: int, gradient: Tensor | None, like: Tensor, steps: int, batch: int, dtype: torch.dtype) -> Tensor:
    """Two halves by the parity of the step; the last step reads the gradient of the final state."""
    buffer = like.new_zeros(2, batch, size, dtype=dtype)
    if gradient is not None:
        buffer[(steps - 1) % 2] = gradient
    return buffer


def _zeros_like(matrix: Tensor) -> Tensor:
    """Memory for a matrix's gradient, laid out as the matrix is."""
    return matrix.new_zeros(matrix.shape[::-1]).t() if matrix.stride(0) == 1 else matrix.new_zeros(matrix.shape)


def _add_outer(outer: Outer, buffers: Buffers, gradients: Sequence[Tensor]) -> None:
    """Adds the gradient of a part of a matrix; the rows of step 0 apart, where a state before it lies elsewhere."""
    segment, depth = outer.segment, outer.depth
    gradient = gradients[segment.matrix][
        segment.row : segment.row + depth, segment.column : segment.column + outer.width
    ]
    right = sequence(outer.gradient, outer.width, buffers)
    if outer.operand.rows != "previous":
        gradient.addmm_(sequence(outer.operand, depth, buffers).t(), right)
        return
    initial = buffers[outer.operand.buffer.replace("new", "state")]
    later = buffers[outer.operand.buffer]
    assert initial is not None
    assert later is not None
    batch = len(initial)
    gradient.addmm_(columns(outer.operand, depth, initial).t(), right[:batch])
    gradient.addmm_(columns(outer.operand, depth, later[:-1]).flatten(0, 1).t(), right[batch:])
