"""One direction of a loop: what is computed before the steps, at each of them, and after them."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from seqmodels.engine.cuda import graphs, module, printer
from seqmodels.engine.cuda.device import precision
from seqmodels.engine.cuda.graphs import Buffers
from seqmodels.engine.cuda.layout import Layout, Product, Slot
from seqmodels.engine.cuda.printer import Kernel
from seqmodels.engine.cuda.products import matrix, multiply
from seqmodels.engine.directions import Directions
from seqmodels.engine.schedule import Schedule

TILE, WARPS = 256, 4  # numbers of a tile, warps of a program
WIDEST, LONGEST = 128, 1024  # columns of a tile, of a reduction's


class Direction:
    """The steps of a schedule.

    Args:
        directions: What the loop does.
        schedule: One of its two schedules.
        dtype: In what is computed, torch.float32 or torch.float64.
    """

    def __init__(self, directions: Directions, schedule: Schedule, dtype: torch.dtype) -> None:
        self.schedule, self.dtype = schedule, dtype
        self.layout = Layout(directions, schedule)
        self.kernels = printer.kernels(self.layout)
        self.source = printer.source(self.kernels, str(dtype).removeprefix("torch."))
        products = self.layout.products
        self.products = [[p for p in products if p.level == level] for level in range(len(self.kernels))]
        kernels = [kernel for level in self.kernels for kernel in level]
        read = {product.slot.buffer for product in products if product.level >= 0}
        steps = graphs.Steps(
            launch=self.launch,
            is_backward=self.layout.is_backward,
            ahead={product.buffer for product in products if product.rows == "now"},
            within={product.buffer for product in products if product.level >= 0},
            read=read.union(*(kernel.buffers for kernel in kernels)),
            written=set().union(*(kernel.written for kernel in kernels)),
        )
        self._windows = graphs.Windows(steps)

    def prepare(
        self, given: Mapping[str, Tensor | None], matrices: Sequence[Tensor], like: Tensor, steps: int
    ) -> Buffers:
        """All buffers of the steps: those given, room for what only the steps need, and what is computed before them.

        Args:
            given: Buffers by name.
            matrices: Of the loop.
            like: [B, any], of the type of all that is given.
            steps: T.
        """
        buffers: Buffers = dict(given)
        batch, layout = len(like), self.layout
        for name, width in layout.widths.items():
            shape = (steps, batch, width) if name == "tape" else (batch, width)
            buffers[name] = like.new_empty(shape, dtype=self.dtype if name == "numbers" else like.dtype)
        for product in layout.products:
            whole = matrix(product.columns, matrices)
            if product.rows == "now":
                buffers[product.buffer] = like.new_empty(steps, batch, product.width)
            else:
                buffers[product.buffer] = like.new_empty(batch, product.width, dtype=self.dtype)
            if product.level < 0:
                self._multiply(product, whole, buffers)
            else:
                buffers[_matrix_of(product)] = whole
        return buffers

    def run(self, buffers: Buffers, steps: int, batch: int) -> None:
        """All steps."""
        if graphs.are_worthwhile(_tensor(buffers, "state_0").device, steps):
            self._windows.run(buffers, steps, batch, precision())
        else:
            self.launch(buffers, steps, batch)

    def launch(self, buffers: Buffers, steps: int, batch: int) -> None:
        """All steps, kernel by kernel."""
        functions = module.load(self.source)
        launches = [[_Launch(functions, kernel, buffers, batch) for kernel in level] for level in self.kernels]
        for t in reversed(range(steps)) if self.layout.is_backward else range(steps):
            for products, level in zip(self.products, launches, strict=True):
                for product in products:
                    left = columns(product.slot, product.depth, _rows(product.slot, buffers, t))
                    multiply(left, _tensor(buffers, _matrix_of(product)), _tensor(buffers, product.buffer))
                for launch in level:
                    launch(t)

    def finish(self, buffers: Buffers, matrices: Sequence[Tensor]) -> None:
        """Gradients of inputs that are products, for all steps at once."""
        for sink in self.schedule.sinks:
            out = sequence(self.layout.slot(sink.place), sink.group.products[0].width, buffers)
            adds = sink.adds
            for run in self.layout.runs(sink.group):
                left, right = sequence(run.slot, run.depth, buffers), matrix(run.columns, matrices)
                out.addmm_(left, right) if adds else multiply(left, right, out)
                adds = True

    def _multiply(self, product: Product, whole: Tensor, buffers: Buffers) -> None:
        """A product for all steps."""
        out = _tensor(buffers, product.buffer)
        multiply(sequence(product.slot, product.depth, buffers), whole, out.view(-1, product.width))


class _Launch:
    """A kernel with its buffers."""

    def __init__(self, functions: Any, kernel: Kernel, buffers: Buffers, batch: int) -> None:
        rows, wide = tile(kernel)
        across = 1 if kernel.reduces else -(-kernel.width // wide)
        self.function = getattr(functions, kernel.name)[-(-batch // rows), across]
        self.buffers, self.batch = [buffers[name] for name in kernel.buffers], batch
        self.options = {"ROWS": rows, "COLUMNS": wide, "num_warps": WARPS}

    def __call__(self, t: int) -> None:
        self.function(*self.buffers, t, self.batch, **self.options)


def tile(kernel: Kernel) -> tuple[int, int]:
    """Rows and columns that a program takes at once, powers of two; a reduction's then moves on along its rows."""
    columns = min(1 << (kernel.width - 1).bit_length(), LONGEST if kernel.reduces else WIDEST)
    return max(1, TILE // columns), columns


def columns(slot: Slot, width: int, rows: Tensor) -> Tensor:
    """The columns of a slot in rows of its buffer."""
    return rows[..., slot.low : slot.low + width]


def sequence(slot: Slot, width: int, buffers: Buffers) -> Tensor:
    """The columns of a slot of every row and step: [T * B, width], or [B, width] of what no step changes."""
    return columns(slot, width, _tensor(buffers, slot.buffer)).flatten(0, -2)


def _rows(slot: Slot, buffers: Buffers, t: int) -> Tensor:
    """Rows of a buffer at a step: [B, its width]."""
    buffer = _tensor(buffers, slot.buffer)
    if slot.rows == "batch":
        return buffer
    if slot.rows != "previous":
        return buffer[t]
    return buffer[t - 1] if t else _tensor(buffers, slot.buffer.replace("new", "state"))


def _matrix_of(product: Product) -> str:
    return product.buffer.replace("product", "matrix")


def _tensor(buffers: Buffers, name: str) -> Tensor:
    found = buffers[name]
    assert found is not None
    return found
