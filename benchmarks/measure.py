"""How the engine is measured: pairs of timings, agreement with the plain loop, and what the machine could do."""

import math
import statistics
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

import torch
from contestants import BASELINE, Make, by_name, multiply_adds
from engine_cells import cell_sources
from torch import Tensor

from seqmodels import RNN

SHORTEST = 0.02  # seconds that one timing takes at least
AGREEMENT = {torch.float64: 1e-11, torch.float32: 1e-5}
PEAK_SIZES = (512, 1024, 2048)


class Shape(NamedTuple):
    """T, B, and H of both input and state."""

    steps: int
    batch: int
    size: int

    @classmethod
    def parse(cls, text: str) -> "Shape":
        return cls(*(int(part) for part in text.split(",")))

    def __str__(self) -> str:
        return f"{self.steps},{self.batch},{self.size}"


class Workload:
    """A module and its input; :meth:`step` trains it once, or runs it forward.

    Args:
        make: Makes the module.
        shape: Of the input.
        training: Forward and backward, with the input's gradient; else forward alone, under ``torch.no_grad``.
        bf16: Forward under bfloat16 autocast.
    """

    def __init__(self, make: Make, shape: Shape, training: bool, bf16: bool = False) -> None:
        torch.manual_seed(0)
        self.module = make(shape.size)
        self.training, self.bf16 = training, bf16
        self.x = torch.randn(shape).requires_grad_(training)
        self.gradient = torch.randn(shape)
        self.leaves = [self.x, *self.module.parameters()]

    def forward(self) -> Tensor:
        with torch.set_grad_enabled(self.training), torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            return self.module(self.x)[0]

    def backward(self, output: Tensor) -> None:
        if (self.gradient.dtype, self.gradient.shape) != (output.dtype, output.shape):
            # Under autocast, and of cells with other outputs than H numbers; the first time, which warms up.
            self.gradient = torch.randn_like(output)
        output.backward(self.gradient)

    def step(self) -> None:
        for leaf in self.leaves:
            leaf.grad = None
        output = self.forward()
        if self.training:
            self.backward(output)

    def seconds(self, repeats: int = 1) -> float:
        """Of one step, as the mean of so many."""
        start = time.perf_counter()
        for _ in range(repeats):
            self.step()
        return (time.perf_counter() - start) / repeats

    def warm_up(self) -> int:
        """How many steps make a timing that is long enough."""
        self.step()
        return math.ceil(SHORTEST / min(self.seconds() for _ in range(2)))


class Timing(NamedTuple):
    """One contestant at one shape, beside the baseline."""

    ratio: float  # of times, the median over pairs
    seconds: float  # of one step
    multiply_adds: int  # of all matrix products of the forward pass
    work: float  # multiply_adds over the baseline's

    @property
    def per_multiply_add(self) -> float:
        return self.ratio / self.work


def compare(one: Workload, other: Workload, pairs: int) -> tuple[float, float]:
    """Median of the ratios of times of the two, and of the times of the first; in turns, one order and the other."""
    repeats = {workload: workload.warm_up() for workload in (one, other)}
    ratios, seconds = [], []
    for pair in range(pairs):
        order = (one, other) if pair % 2 == 0 else (other, one)
        times = {workload: workload.seconds(repeats[workload]) for workload in order}
        ratios.append(times[one] / times[other])
        seconds.append(times[one])
    return statistics.median(ratios), statistics.median(seconds)


def time_beside_baseline(make: Make, shape: Shape, training: bool, pairs: int) -> Timing:
    workload, baseline = Workload(make, shape, training), Workload(by_name(BASELINE, "auto"), shape, training)
    ratio, seconds = compare(workload, baseline, pairs)
    count, usual = multiply_adds(workload.module), multiply_adds(baseline.module)
    return Timing(ratio, seconds, count * shape.steps * shape.batch, count / usual)


def sweep(name: str, make: Make, shapes: Sequence[Shape], training: bool, pairs: int) -> dict[Shape, Timing]:
    """One contestant at every shape, with the number of threads that torch has."""
    timings = {}
    for shape in shapes:
        progress(f"{name}: {shape}, {'training' if training else 'forward'}, {torch.get_num_threads()} threads")
        timings[shape] = time_beside_baseline(make, shape, training, pairs)
    return timings


def disagreement(name: str, backend: str, steps: int = 5, batch: int = 3, size: int = 17) -> str | None:
    """How a cell's backend differs from the plain loop, in values or gradients; None if it doesn't."""
    for dtype, allowed in AGREEMENT.items():
        torch.manual_seed(0)
        plain = RNN(cell_sources()[name], size, size, backend="reference").to(dtype)
        other = RNN(cell_sources()[name], size, size, backend=backend).to(dtype)
        other.load_state_dict(plain.state_dict())
        x = torch.randn(steps, batch, size, dtype=dtype)
        states = [torch.randn(1, batch, size, dtype=dtype) for size in plain.cell.state_sizes]
        expected, found = (values_and_gradients(rnn, x, states) for rnn in (plain, other))
        worst = max(distance(a, b) for a, b in zip(found, expected, strict=True))
        if not worst <= allowed:  # nor NaN
            return f"disagrees with the plain loop by {worst:.1e} in {str(dtype).removeprefix('torch.')}"
    return None


def values_and_gradients(rnn: RNN, x: Tensor, states: list[Tensor]) -> list[Tensor]:
    """What comes out, without and with gradients, and the gradients of a random function of it to all that goes in."""
    with torch.no_grad():
        alone, _ = rnn(x, rnn.cell.unpack_state(tuple(states)))
    leaves = [tensor.clone().requires_grad_() for tensor in (x, *states)]
    output, final = rnn(leaves[0], rnn.cell.unpack_state(tuple(leaves[1:])))
    results = [output, *rnn.cell.pack_state(final)]
    source = torch.Generator().manual_seed(1)
    drawn = [torch.randn(result.shape, generator=source, dtype=torch.float64) for result in results]
    weights = [weight.to(result) for weight, result in zip(drawn, results, strict=True)]  # the same in every type
    leaves += rnn.parameters()
    gradients = torch.autograd.grad(results, leaves, weights, allow_unused=True, materialize_grads=True)
    return [tensor.detach() for tensor in (alone, *results, *gradients)]


def distance(found: Tensor, expected: Tensor) -> float:
    """Largest difference, relative to the largest of the expected values where that is above 1."""
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return math.inf
    return float((found - expected).abs().max() / expected.abs().max().clamp(min=1))


def matrix_product_peak() -> float:
    """The most multiply-adds a second of a large float32 product, with the number of threads that torch has."""
    best = 0.0
    for size in PEAK_SIZES:
        a, b, result = (torch.randn(size, size) for _ in range(3))
        for _ in range(6):
            start = time.perf_counter()
            torch.mm(a, b, out=result)
            best = max(best, size**3 / (time.perf_counter() - start))
    return best


def shown(error: Exception) -> str:
    """An error in one cell of a table."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:200].replace("|", "/")


def progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
