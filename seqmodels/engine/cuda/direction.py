"""One direction of a loop: what is computed before the steps, at each of them, and after them."""

import functools
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from seqmodels.engine.cuda import choice
from seqmodels.engine.cuda.buffers import Buffers, present, sequence
from seqmodels.engine.cuda.device import precision, processors
from seqmodels.engine.cuda.layout import Layout
from seqmodels.engine.cuda.persistent import Persistent
from seqmodels.engine.cuda.products import matrix, multiply
from seqmodels.engine.cuda.stepwise import Stepwise
from seqmodels.engine.directions import Directions
from seqmodels.engine.schedule import Schedule


class Direction:
    """The steps of a schedule, and the drivers that run them.

    Args:
        directions: What the loop does.
        schedule: One of its two schedules.
        dtype: In what is computed, torch.float32 or torch.float64.
    """

    def __init__(self, directions: Directions, schedule: Schedule, dtype: torch.dtype) -> None:
        self.schedule, self.dtype = schedule, dtype
        self.layout = Layout(directions, schedule)
        self._is_too_large = False  # the persistent kernel, for this GPU

    @functools.cached_property
    def stepwise(self) -> Stepwise:
        """Driver 1."""
        return Stepwise(self.layout, self.dtype)

    @functools.cached_property
    def persistent(self) -> Persistent:
        """Driver 2."""
        return Persistent(self.layout, self.dtype)

    def prepare(
        self, given: Mapping[str, Tensor | None], matrices: Sequence[Tensor], like: Tensor, steps: int
    ) -> Buffers:
        """The buffers that every driver needs: those given, the tape, and products that no step changes.

        Args:
            given: Buffers by name.
            matrices: Of the loop.
            like: [B, any], of the type of all that is given.
            steps: T.
        """
        buffers: Buffers = dict(given)
        batch = len(like)
        if width := self.layout.widths.get("tape"):
            buffers["tape"] = like.new_empty(steps, batch, width)
        for product in self.layout.products:
            if product.level < 0:
                is_timed = product.rows == "now"
                shape = (steps, batch, product.width) if is_timed else (batch, product.width)
                out = like.new_empty(shape, dtype=like.dtype if is_timed else self.dtype)
                left = sequence(product.slot, product.depth, buffers)
                multiply(left, matrix(product.columns, matrices), out.view(-1, product.width))
                buffers[product.buffer] = out
        return buffers

    def run(self, buffers: Buffers, matrices: Sequence[Tensor], steps: int, batch: int) -> None:
        """All steps, by the driver that is meant for them."""
        if self.is_persistent(present(buffers, "state_0"), batch):
            try:
                self.persistent.run(buffers, matrices, steps, batch)
                return
            except Exception as error:
                # Triton's, before it launches anything: the kernel takes more than was expected of it.
                if type(error).__name__ != "OutOfResources" or choice.asked():
                    raise
                self._is_too_large = True
        self.stepwise.run(buffers, matrices, steps, batch)

    def is_persistent(self, like: Tensor, batch: int) -> bool:
        """Whether driver 2 is meant for buffers of this type, on this device."""
        demands = self.persistent.demands(like.dtype)
        return not self._is_too_large and choice.is_persistent(demands, batch, processors(like.device), precision())

    def finish(self, buffers: Buffers, matrices: Sequence[Tensor]) -> None:
        """Gradients of inputs that are products, for all steps at once."""
        for sink in self.schedule.sinks:
            out = sequence(self.layout.slot(sink.place), sink.group.products[0].width, buffers)
            adds = sink.adds
            for run in self.layout.runs(sink.group):
                left, right = sequence(run.slot, run.depth, buffers), matrix(run.columns, matrices)
                out.addmm_(left, right) if adds else multiply(left, right, out)
                adds = True
