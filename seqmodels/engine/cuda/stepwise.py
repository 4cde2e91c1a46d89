"""Driver 1: each step's products by torch and the rest by kernels, one launch after another, in CUDA graphs."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from seqmodels.engine.cuda import graphs, module, printer
from seqmodels.engine.cuda.buffers import Buffers, columns, present
from seqmodels.engine.cuda.device import precision
from seqmodels.engine.cuda.layout import Layout, Product, Slot
from seqmodels.engine.cuda.printer import Kernel
from seqmodels.engine.cuda.products import matrix, multiply

TILE, WARPS = 256, 4  # numbers of a tile, warps of a program
WIDEST, LONGEST = 128, 1024  # columns of a tile, of a reduction's


class Stepwise:
    """The steps of a layout.

    Args:
        layout: Of one direction.
        dtype: In what is computed, torch.float32 or torch.float64.
    """

    def __init__(self, layout: Layout, dtype: torch.dtype) -> None:
        self.layout, self.dtype = layout, dtype
        self.kernels = printer.kernels(layout)
        self.source = printer.source(self.kernels, str(dtype).removeprefix("torch."))
        self.products = [[p for p in layout.products if p.level == level] for level in range(len(self.kernels))]
        kernels = [kernel for level in self.kernels for kernel in level]
        within = [product for level in self.products for product in level]
        steps = graphs.Steps(
            launch=self.launch,
            is_backward=layout.is_backward,
            ahead={product.buffer for product in layout.products if product.rows == "now"},
            within={product.buffer for product in within},
            read={product.slot.buffer for product in within}.union(*(kernel.buffers for kernel in kernels)),
            written=set().union(*(kernel.written for kernel in kernels)),
        )
        self._windows = graphs.Windows(steps)

    def run(self, buffers: Buffers, matrices: Sequence[Tensor], steps: int, batch: int) -> None:
        """All steps.

        Args:
            buffers: Those that a direction prepares.
            matrices: Of the loop.
            steps: T.
            batch: B.
        """
        buffers = self.prepare(buffers, matrices, batch)
        if graphs.are_worthwhile(present(buffers, "state_0").device, steps):
            self._windows.run(buffers, steps, batch, precision())
        else:
            self.launch(buffers, steps, batch)

    def prepare(self, buffers: Buffers, matrices: Sequence[Tensor], batch: int) -> Buffers:
        """These buffers, and room for what only a step needs."""
        like, room = present(buffers, "state_0"), dict(buffers)
        for name in ("scratch", "numbers"):
            if width := self.layout.widths.get(name):
                room[name] = like.new_empty(batch, width, dtype=self.dtype if name == "numbers" else like.dtype)
        for product in (product for level in self.products for product in level):
            room[product.buffer] = like.new_empty(batch, product.width, dtype=self.dtype)
            room[_matrix_of(product)] = matrix(product, matrices)
        return room

    def launch(self, buffers: Buffers, steps: int, batch: int) -> None:
        """All steps, kernel by kernel."""
        functions = module.load(self.source)
        launches = [[_Launch(functions, kernel, buffers, batch) for kernel in level] for level in self.kernels]
        for t in reversed(range(steps)) if self.layout.is_backward else range(steps):
            for products, level in zip(self.products, launches, strict=True):
                for product in products:
                    left = columns(product.slot, product.depth, _rows(product.slot, buffers, t))
                    multiply(left, present(buffers, _matrix_of(product)), present(buffers, product.buffer))
                for launch in level:
                    launch(t)


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


def _rows(slot: Slot, buffers: Buffers, t: int) -> Tensor:
    """Rows of a buffer at a step: [B, its width]."""
    buffer = present(buffers, slot.buffer)
    if slot.rows == "batch":
        return buffer
    if slot.rows == "vector":
        return buffer.expand(len(present(buffers, "state_0")), -1)
    if slot.rows != "previous":
        return buffer[t]
    return buffer[t - 1] if t else present(buffers, slot.buffer.replace("new", "state"))


def _matrix_of(product: Product) -> str:
    return product.buffer.replace("product", "matrix")
