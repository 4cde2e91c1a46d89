"""Driver 3: all steps in one launch of one kernel, whose programs share rows and wait for each other at every step."""

import functools
import threading
from collections.abc import Sequence
from math import ceil

import torch
from torch import Tensor

from seqmodels.engine.cuda import cooperation, cooperative_printer, module, tiling
from seqmodels.engine.cuda.buffers import Buffers, present
from seqmodels.engine.cuda.choice import Processors
from seqmodels.engine.cuda.cooperation import Step, within
from seqmodels.engine.cuda.cooperative_printer import APART, Kernel
from seqmodels.engine.cuda.cooperative_products import shares
from seqmodels.engine.cuda.device import precision, processors
from seqmodels.engine.cuda.layout import Layout
from seqmodels.engine.cuda.products import by_columns, matrix
from seqmodels.engine.cuda.tiling import Operand, Tiling

MANY_STEPS = 16  # from which on a copy of the matrices is soon made up for


class Cooperative:
    """The cooperative kernels of a layout.

    Args:
        layout: Of one direction.
        dtype: In what is computed, torch.float32 or torch.float64.
    """

    def __init__(self, layout: Layout, dtype: torch.dtype) -> None:
        self.layout, self.dtype = layout, dtype
        self.problem = cooperative_printer.problem(layout)
        self.products = within(layout)
        self.width = 0 if self.problem else cooperative_printer.widest(layout)
        self.operands = [Operand(product.depth, shares(product)) for product in self.products]
        self._kernels: dict[Tiling, Kernel] = {}
        self._sources: dict[Tiling, str] = {}
        self._lock = threading.Lock()

    def ranked(self, batch: int, dtype: torch.dtype, there: Processors) -> list[tuple[float, Tiling]]:
        """The ways to divide the work, the quickest first, each with its microseconds a step."""
        size, stages = dtype.itemsize, max(1, self.plan.arrivals)
        return tiling.ranked(self.operands, self.width, stages, batch, size, there.number, there.shared)

    @functools.cached_property
    def plan(self) -> Step:
        """The order of a step, however the work is divided."""
        return cooperation.plan(self.layout)

    def kernel(self, way: Tiling) -> Kernel:
        """The kernel that divides its work so."""
        with self._lock:
            if way not in self._kernels:
                self._kernels[way] = cooperative_printer.kernel(self.layout, way, self.plan)
            return self._kernels[way]

    def source(self, way: Tiling) -> str:
        """The text of the module of a kernel."""
        if way not in self._sources:
            self._sources[way] = self.kernel(way).source(str(self.dtype).removeprefix("torch."))
        return self._sources[way]

    def arguments(
        self, kernel: Kernel, buffers: Buffers, matrices: Sequence[Tensor], steps: int, batch: int, across: int
    ) -> dict[str, Tensor | int | None]:
        """The kernel's buffers, and the matrices of its products with their strides."""
        like, room = present(buffers, "state_0"), dict(buffers)
        is_worth_copying = like.dtype.itemsize == 4 and steps >= MANY_STEPS
        for name, width in kernel.rooms.items():  # operands of one step: two halves
            room[name] = like.new_empty(2, batch, width)
        if reductions := self.plan.reductions:
            room["parts"] = like.new_empty(2, len(reductions), across, batch, dtype=self.dtype)
        found: dict[str, Tensor | int | None] = {name: room[name] for name in kernel.buffers}
        for product in self.products:
            side_by_side = matrix(product, matrices)
            side_by_side = by_columns(side_by_side) if is_worth_copying else side_by_side
            strides = side_by_side.stride()
            name = product.buffer.replace("product", "matrix")
            found |= {name: side_by_side, f"{name}_down": strides[0], f"{name}_across": strides[1]}
        return found

    def run(self, buffers: Buffers, matrices: Sequence[Tensor], steps: int, batch: int, way: Tiling) -> None:
        """All steps; other arguments are those of Stepwise.run."""
        like = present(buffers, "state_0")
        across, down = ceil(self.width / way.columns), ceil(batch / way.rows)
        counters = torch.zeros(down * APART, dtype=torch.int32, device=like.device)
        kernel = self.kernel(way)
        arguments = self.arguments(kernel, buffers, matrices, steps, batch, across).values()
        function = module.load(self.source(way)).run
        at_once = max(1, processors(like.device).number // across)  # all programs of a launch must run side by side
        for first in range(0, down, at_once):
            function[(across, min(at_once, down - first))](
                *arguments,
                counters[first * APART :],
                steps,
                batch,
                first * way.rows,
                ROWS=way.rows,
                COLUMNS=way.columns,
                PRECISION=precision() if like.is_cuda else "interpreted",
                num_warps=way.warps,
                launch_cooperative_grid=True,
            )
