"""Driver 2: all steps in one launch of one kernel, whose programs keep the recurrent weights in shared memory."""

from collections.abc import Sequence

import torch
from torch import Tensor

from seqmodels.engine.cuda import module, persistent_printer
from seqmodels.engine.cuda.buffers import Buffers, present
from seqmodels.engine.cuda.choice import ROWS, Demands, is_exact
from seqmodels.engine.cuda.device import precision, processors
from seqmodels.engine.cuda.layout import Layout
from seqmodels.engine.cuda.tiles import padded


class Persistent:
    """The persistent kernel of a layout.

    Args:
        layout: Of one direction.
        dtype: In what is computed, torch.float32 or torch.float64.
    """

    def __init__(self, layout: Layout, dtype: torch.dtype) -> None:
        self.kernel = persistent_printer.kernel(layout)
        self.source = self.kernel.source(str(dtype).removeprefix("torch."))
        self.stages = len({product.level for product in layout.products if product.level >= 0})

    def demands(self, dtype: torch.dtype) -> Demands:
        """What the kernel asks of the processor where its buffers are of this type."""
        kernel, size = self.kernel, dtype.itemsize
        weights = size * sum(padded(block.depth) * padded(block.width) for block in kernel.weights)
        deepest = max((block.depth for block in kernel.weights), default=1)
        # Operands go through shared memory on their way to a product, and a tile where its layout changes.
        passing = ROWS * (size * kernel.operands + max(size, 4) * kernel.widest)
        return Demands(weights, weights + passing, self.stages, kernel.widest, deepest, size)

    def depth(self, dtype: torch.dtype, limit: int) -> int:
        """Steps in flight: 2 if there is shared memory for what the next step reads, so that nobody waits for it."""
        ahead = ROWS * dtype.itemsize * self.kernel.loads
        return 2 if self.demands(dtype).shared + ahead <= limit else 1

    def arguments(self, buffers: Buffers, matrices: Sequence[Tensor]) -> dict[str, Tensor | int | None]:
        """The kernel's buffers, and its matrices with their strides."""
        found: dict[str, Tensor | int | None] = {name: buffers[name] for name in self.kernel.buffers}
        for index in self.kernel.matrices:
            down, across = matrices[index].stride()
            name = f"matrix_{index}"
            found |= {name: matrices[index], f"{name}_down": down, f"{name}_across": across}
        return found

    def run(self, buffers: Buffers, matrices: Sequence[Tensor], steps: int, batch: int) -> None:
        """All steps; arguments are those of Stepwise.run."""
        like = present(buffers, "state_0")
        module.load(self.source).run[(-(-batch // ROWS),)](
            *self.arguments(buffers, matrices).values(),
            steps,
            batch,
            ROWS=ROWS,
            PRECISION=precision() if like.is_cuda else "interpreted",
            STAGES=self.depth(like.dtype, processors(like.device).shared),
            num_warps=self.warps(is_exact(like.dtype.itemsize, precision())),
        )

    def warps(self, exact: bool) -> int:
        """Of a program: each has 16 columns of a tile, or more where there are many; fewer if products are exact."""
        return 4 if self.kernel.widest <= 64 and not exact else 8
