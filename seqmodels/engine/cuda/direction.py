"""One direction of a loop: what is computed before the steps, at each of them, and after them."""

import functools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seqmodels.engine.cuda import choice
from seqmodels.engine.cuda.buffers import Buffers, present, sequence
from seqmodels.engine.cuda.cooperative import Cooperative
from seqmodels.engine.cuda.device import precision, processors
from seqmodels.engine.cuda.layout import Layout
from seqmodels.engine.cuda.persistent import Persistent
from seqmodels.engine.cuda.products import matrix, multiply
from seqmodels.engine.cuda.stepwise import Stepwise
from seqmodels.engine.cuda.tiling import Tiling
from seqmodels.engine.directions import Directions
from seqmodels.engine.once import warn_once
from seqmodels.engine.schedule import Schedule
from seqmodels.errors import OptionError


class Choice(NamedTuple):
    """A driver, and what it is expected to take for a step."""

    microseconds: float
    driver: str
    tiling: Tiling | None = None  # of the cooperative kernel


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
        self._choices: dict[tuple, list[Choice]] = {}  # by all that they depend on

    @functools.cached_property
    def stepwise(self) -> Stepwise:
        """Driver 1."""
        return Stepwise(self.layout, self.dtype)

    @functools.cached_property
    def persistent(self) -> Persistent:
        """Driver 2."""
        return Persistent(self.layout, self.dtype)

    @functools.cached_property
    def cooperative(self) -> Cooperative:
        """Driver 3."""
        return Cooperative(self.layout, self.dtype)

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
                multiply(left, matrix(product, matrices), out.view(-1, product.width))
                buffers[product.buffer] = out
        return buffers

    def run(self, buffers: Buffers, matrices: Sequence[Tensor], steps: int, batch: int) -> None:
        """All steps, by the driver that is expected to be the quickest."""
        choices = self.choices(present(buffers, "state_0"), batch)
        while True:
            quickest = choices[0]
            try:
                self.run_by(quickest, buffers, matrices, steps, batch)
                return
            except Exception as error:
                if not (_is_too_large(error) or _cant_be_compiled(error)) or choices == [quickest]:
                    raise
                if _cant_be_compiled(error):
                    what = " ".join(str(error).split())[:200]
                    warn_once(f"Triton can't compile a kernel ({what}); a slower one runs")
                if choices[0] is quickest:  # another thread may have seen it too
                    del choices[0]

    def run_by(self, chosen: Choice, buffers: Buffers, matrices: Sequence[Tensor], steps: int, batch: int) -> None:
        """All steps, by this driver."""
        if chosen.driver == "stepwise":
            self.stepwise.run(buffers, matrices, steps, batch)
        elif chosen.driver == "persistent":
            self.persistent.run(buffers, matrices, steps, batch)
        else:
            assert chosen.tiling is not None
            self.cooperative.run(buffers, matrices, steps, batch, chosen.tiling)

    def choices(self, like: Tensor, batch: int) -> list[Choice]:
        """The drivers that can run, the quickest first; of them the one that $SEQMODELS_CUDA_DRIVER names.

        Args:
            like: Of the type and on the device of all buffers.
            batch: B.

        Raises:
            OptionError: If the variable names none, or one that can't run this.
        """
        key = (like.dtype, like.device, choice.rounded(batch), precision(), choice.asked())
        if key not in self._choices:
            self._choices[key] = self._choose(*key)
        return self._choices[key]

    def _choose(
        self, dtype: torch.dtype, device: torch.device, batch: int, precision: str, asked: str | None
    ) -> list[Choice]:
        found, problems = [], {}
        products = [product for product in self.layout.products if product.level >= 0]
        stages = len({product.level for product in products})
        sizes = [(product.depth, product.width) for product in products]
        found.append(Choice(choice.stepwise(stages, sizes, batch, dtype.itemsize), "stepwise"))

        there, demands = processors(device), self.persistent.demands(dtype)
        problems["persistent"] = choice.persistent_problem(demands, there, precision)
        if not problems["persistent"]:
            found.append(Choice(choice.persistent(demands, batch, there, precision), "persistent"))

        problems["cooperative"] = self.cooperative.problem
        if choice.is_exact(dtype.itemsize, precision):
            problems["cooperative"] = "products of float32 without TF32"
        if not problems["cooperative"]:
            ways = self.cooperative.ranked(batch, dtype, there)
            found += [Choice(cost, "cooperative", tiling) for cost, tiling in ways]
            problems["cooperative"] = "no GPU of this kind can hold what it takes"
        if asked:
            found = [each for each in found if each.driver == asked]
            if not found:
                raise OptionError(f"${choice.VARIABLE}={asked}: {problems[asked]}; unset it")
        return sorted(found, key=lambda each: each.microseconds)


def _is_too_large(error: Exception) -> bool:
    """Whether Triton finds, before it launches anything, that a kernel takes more than was expected of it."""
    return type(error).__name__ == "OutOfResources" or "too many blocks in cooperative launch" in str(error)


def _cant_be_compiled(error: Exception) -> bool:
    """Whether Triton's compiler fails, which launches nothing either."""
    name, module = type(error).__name__, type(error).__module__
    return module.startswith("triton.compiler") or name == "PTXASError" or "PassManager" in str(error)
