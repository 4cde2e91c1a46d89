"""The native backend: a loop in generated C, called on torch's memory."""

import ctypes
import functools
from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any

import torch
from torch import Tensor

from seqmodels.engine.directions import Directions
from seqmodels.engine.loop import LoopInputs
from seqmodels.engine.native import build, plan, printer, threads, workspace

FEW_ROWS = 9  # of a thread; with fewer, threads share the columns instead
Buffers = Mapping[str, Sequence[Tensor]]


class NativeLoop:
    """A loop compiled for this processor.

    Args:
        directions: What it does.
        dtype: torch.float32 or torch.float64.

    Raises:
        NoCompiler: If nothing can be compiled here.
    """

    def __init__(self, directions: Directions, dtype: torch.dtype) -> None:
        self.directions, self.loop = directions, directions.loop
        schedules = [s for s in (directions.forward, directions.backward) if s is not None]
        name = str(dtype).removeprefix("torch.")
        self.source, places = printer.source(schedules, name)
        read_after = [place for operand, gradient, _ in directions.outer for place in (operand, gradient)]
        read_after += [total for _, total in directions.sums]
        if read_after:
            places[1] += dict.fromkeys(place for place in read_after if place not in places[1])
        run, processor = runtime(name, self.loop.narrow)
        self.lanes = processor.lanes
        functions = build.load(self.source)
        self._plans, body, reducer = [], 0, 0
        for schedule, slots in zip(schedules, places, strict=True):
            self._plans.append(_Call(run, functions, plan.make_plan(schedule, slots, processor, body, reducer)))
            body += sum(len(level.phases) for level in schedule.levels)
            reducer += sum(len(level.reductions) for level in schedule.levels)
        self._outer_tables: dict[tuple[bool, ...], plan.OuterTables] = {}

    def padded(self, width: int) -> int:
        """Numbers of a row of that width in buffers of our own: whole vectors, an odd number of them.

        Rows whose distance is a power of two fall into the same few places of a cache.
        """
        return width if width == 1 else (ceil(width / self.lanes) | 1) * self.lanes

    def forward(self, inputs: LoopInputs, steps: int, save: bool) -> tuple[list[Tensor], list[Tensor]]:
        """States after every step, each [T, B, size], and what the way back needs, each [T, B, padded]."""
        schedule, like = self.directions.forward, inputs.states[0]
        batch = len(like)
        new = [like.new_empty(steps, batch, size) for size in self.loop.states]
        kept_for = (steps, batch) if save else (batch,)
        kept = [like.new_empty(*kept_for, self.padded(width)) for width in schedule.tape]
        scratch: list[tuple[int, ...]] = [(batch, self.padded(width)) for width in schedule.scratch]
        buffers = {**inputs.buffers(), "new": new, "tape": kept}
        self._plans[0](buffers, {"scratch": scratch}, inputs.matrices, steps, batch)
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
        """Gradients of the inputs; of what isn't wanted, empty tensors.

        Args:
            inputs: Those of the way forward.
            new: States after every step.
            kept: What the way forward kept.
            incoming: Gradients of the states after every step.
            final: Gradients of the states after the last step, beside those.
            wanted: As in derivative.py.
        """
        schedule = self.directions.backward
        assert schedule is not None
        like, (steps, batch, _) = new[0], new[0].shape
        none, zeros = like.new_empty(0), like.new_zeros(max(self.loop.states))
        carry = [
            _carry(size, gradient, like, steps, batch) for size, gradient in zip(self.loop.states, final, strict=True)
        ]
        of_batches = [
            like.new_zeros(batch, width) if ("batch", index) in wanted else none
            for index, width in enumerate(self.loop.batches)
        ]
        of_vectors = [
            like.new_zeros(batch if index in self._row_by_row else 1, width) if ("vector", index) in wanted else none
            for index, width in enumerate(self.loop.vectors)
        ]
        of_steps = [
            self._room_for(index, tensor) if ("step", index) in wanted else none
            for index, tensor in enumerate(inputs.steps)
        ]
        by_row = tuple(matrix.stride(0) != 1 for matrix in inputs.matrices)
        of_matrices = [
            _zeros_like(matrix, rows_first) if ("matrix", index) in wanted else none
            for index, (matrix, rows_first) in enumerate(zip(inputs.matrices, by_row, strict=True))
        ]
        buffers = {
            **inputs.buffers(),
            "new": new,
            "saved": kept,
            "carry": carry,
            "incoming": [zeros if gradient is None else gradient for gradient in incoming],
            "gradient": of_steps,
            "total batch": of_batches,
            "total vector": of_vectors,
        }
        passing: dict[str, list[tuple[int, ...]]] = {
            "tape": [(steps, batch, self.padded(width)) for width in schedule.tape],
            "scratch": [(batch, self.padded(width)) for width in schedule.scratch],
        }
        self._plans[1](buffers, passing, inputs.matrices, steps, batch, self._outer(by_row), of_matrices)
        return LoopInputs(
            of_steps,
            [buffer[1].clone() for buffer in carry],  # step 0 wrote the half that is read at step -1
            of_batches,
            [none if total is none else total[0] if len(total) == 1 else total.sum(0) for total in of_vectors],
            of_matrices,
        )

    def _room_for(self, index: int, tensor: Tensor) -> Tensor:
        """Memory for an input's gradient; zeros if some columns aren't written."""
        return torch.empty_like(tensor) if index in self._covered else torch.zeros_like(tensor)

    @functools.cached_property
    def _covered(self) -> set[int]:
        """The inputs of which the gradient of every column is written."""
        schedule = self.directions.backward
        assert schedule is not None
        stored = [s for level in schedule.levels for phase in level.phases for s in phase.stores]
        widths = {store.place: store.node.width for store in stored if store.place.kind == "gradient"}
        widths |= {sink.place: sink.group.products[0].width for sink in schedule.sinks}
        return {
            index
            for index, size in enumerate(self.loop.steps)
            if sum(width for place, width in widths.items() if place.index == index) == size
        }

    @functools.cached_property
    def _row_by_row(self) -> set[int]:
        """The vectors whose gradients are added up by the steps, for each row of the batch apart."""
        schedule = self.directions.backward
        assert schedule is not None
        places = [store.place for level in schedule.levels for phase in level.phases for store in phase.stores]
        return {place.index for place in places if place.kind == "total vector"}

    def _outer(self, by_row: tuple[bool, ...]) -> plan.OuterTables:
        if by_row not in self._outer_tables:
            outer, sums, places = self.directions.outer, self.directions.sums, self._plans[1].plan.places
            self._outer_tables[by_row] = plan.outer_tables(outer, sums, places, self.loop.matrices, by_row, self.lanes)
        return self._outer_tables[by_row]


class _Call:
    """One direction of a loop: calls its C on buffers."""

    def __init__(self, run: Any, functions: ctypes.CDLL, made: plan.Plan) -> None:
        self.run, self.functions, self.plan = run, functions, made
        self.recipes = made.recipes()
        tables = {name: ctypes.addressof(table) for name, table in made.tables.items()}
        for name in ("bodies", "reducers"):
            tables[name] = ctypes.addressof(ctypes.c_void_p.in_dll(functions, name))
        pool = threads.pool() or (0, 0, 0)
        self.pattern = plan.Task(
            **tables, **made.counts, early_row=made.early_row, parallel=pool[0], thread=pool[1], team=pool[2]
        )

    def __call__(
        self,
        buffers: Buffers,
        passing: Mapping[str, Sequence[tuple[int, ...]]],
        matrices: Sequence[Tensor],
        steps: int,
        batch: int,
        outer: plan.OuterTables | None = None,
        gradients: Sequence[Tensor] = (),
    ) -> None:
        if not steps or not batch:
            return
        like = buffers["initial"][0]
        team = threads.number_of_threads()
        by_column = team > 1 and batch < FEW_ROWS * team
        rows = batch if by_column else ceil(batch / team)
        chunk = min(steps, ceil(plan.ROWS_AHEAD / rows)) if self.plan.is_chunked else steps
        room = [self.plan.panel, chunk * batch * self.plan.early_row, team * outer.block_size if outer else 0]
        shapes = [(size,) for size in room] + [shape for each in passing.values() for shape in each]
        panel, early, blocks, *rest = workspace.take(shapes, like.dtype)
        following = iter(rest)
        buffers = {**buffers, **{name: [next(following) for _ in each] for name, each in passing.items()}}
        slots, of_matrices, of_gradients = self._slots(buffers), _matrices(matrices), _matrices(gradients)

        task = plan.Task.from_buffer_copy(self.pattern)
        task.slot, task.slots = ctypes.addressof(slots), len(self.recipes)
        task.matrix, task.gradient = ctypes.addressof(of_matrices), ctypes.addressof(of_gradients)
        task.panel, task.early, task.blocks = panel.data_ptr(), early.data_ptr(), blocks.data_ptr()
        task.steps, task.batch, task.chunk = steps, batch, chunk
        task.threads, task.by_column = team, by_column
        if outer is not None:
            task.backwards, task.outers, task.block_size = True, outer.outers, outer.block_size
            task.outer, task.left = ctypes.addressof(outer.outer), ctypes.addressof(outer.left)
            task.total = ctypes.addressof(outer.total)
        self.run(ctypes.addressof(task))

    def _slots(self, buffers: Buffers) -> Any:
        """The table of slots: where each value lies in contiguous [T, B, w], [B, w] or [w]."""
        where = {name: [_address(tensor) for tensor in tensors] for name, tensors in buffers.items()}
        size = buffers["initial"][0].element_size()
        numbers: list[int] = []
        for name, index, low, kind in self.recipes:
            base, time, row = where[name][index]
            first = where["initial"][index][0] + low * size if kind == plan.PREVIOUS else 0
            numbers += (base + low * size, first, time, row, kind, 0)
        return (plan.Long * max(len(numbers), 1))(*numbers)


def runtime(dtype: str, narrow: bool) -> tuple[Any, plan.Processor]:
    """What runs a task, and the processor that it was compiled for."""
    return _runtime(dtype, narrow, *build.compiler(), *build.target())


@functools.cache
def _runtime(dtype: str, narrow: bool, *_: str) -> tuple[Any, plan.Processor]:
    library = build.load(printer.runtime(dtype, narrow))
    library.run.argtypes, library.run.restype = [ctypes.c_void_p], None
    library.lanes.restype = library.deep.restype = ctypes.c_long
    return library.run, plan.Processor(library.lanes(), library.deep())


def _address(tensor: Tensor) -> tuple[int, int, int]:
    """Where a contiguous tensor begins, and the distances of its steps and rows."""
    shape = tensor.shape
    dims = len(shape)
    return tensor.data_ptr(), shape[1] * shape[2] if dims == 3 else 0, shape[-1] if dims > 1 else 0


def _carry(size: int, gradient: Tensor | None, like: Tensor, steps: int, batch: int) -> Tensor:
    """Two halves by the parity of the step; the last step reads the gradient of the final state."""
    buffer = like.new_empty(2, batch, size)
    half = buffer[(steps - 1) % 2]
    half.zero_() if gradient is None else half.copy_(gradient)
    return buffer


def _zeros_like(matrix: Tensor, rows_first: bool) -> Tensor:
    """Memory for a matrix's gradient, laid out as the matrix is."""
    return matrix.new_zeros(matrix.shape) if rows_first else matrix.new_zeros(matrix.shape[::-1]).t()


def _matrices(tensors: Sequence[Tensor]) -> Any:
    return plan.table([(t.data_ptr(), *t.stride()) if t.dim() == 2 else (0, 0, 0) for t in tensors])
