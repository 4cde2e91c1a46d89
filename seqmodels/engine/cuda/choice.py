"""Which driver runs the steps: products by torch, step after step, or one persistent kernel.

The persistent kernel needs no launch a step and no synchronisation, but all recurrent weights in the shared memory of
every processor that works; 16 rows of the batch are a processor's, however many processors stand idle. The numbers are
estimates for an H100 that no measurement has confirmed yet.
"""

import os
from typing import NamedTuple

from seqmodels.errors import OptionError

ROWS = 16  # of the batch that a program of the persistent kernel owns: what one product of a tensor core takes
WIDEST = 256  # columns of a tile; wider ones don't fit into registers together
# Products of float32 without tensor cores read their operands into registers whole, which spill where there are more:
DEEPEST_EXACT, MOST_EXACT = 64, 65536  # rows of a matrix, bytes of all
DRIVERS = ("stepwise", "persistent")
VARIABLE = "SEQMODELS_CUDA_DRIVER"  # names a driver for benchmarks and tests

# Microseconds on an H100.
LAUNCHES = 7.2  # of a stage in a CUDA graph: a product and its kernels
STAGE = 0.8  # of a stage within the persistent kernel: barriers, latencies, pointwise work
BYTES = 218_000  # that a processor's products read of shared memory in a microsecond
EXACT_BYTES = 56_000  # the same for float32 without tensor cores: 16 multiply-adds a number, 128 a clock


class Demands(NamedTuple):
    """What the persistent kernel of a direction asks for."""

    weights: int  # bytes, padded to what products take
    shared: int  # bytes of shared memory, weights included
    stages: int  # products of a step that wait for each other
    widest: int  # columns of its widest tile
    deepest: int  # rows of its deepest matrix
    itemsize: int  # bytes of a number in its buffers


class Processors(NamedTuple):
    """What there is of a GPU."""

    number: int
    shared: int  # bytes of shared memory that one program may have


def is_persistent(demands: Demands, batch: int, processors: Processors, precision: str) -> bool:
    """Whether the persistent kernel runs a direction.

    Args:
        demands: Of its kernel.
        batch: B.
        processors: Of the GPU.
        precision: Of products of float32, "tf32" or "ieee".

    Raises:
        OptionError: If $SEQMODELS_CUDA_DRIVER asks for what there isn't, or for a kernel that can't be.
    """
    exact = is_exact(demands.itemsize, precision)
    driver, problem = asked(), _problem(demands, processors, exact)
    if driver == "persistent" and problem:
        raise OptionError(f"${VARIABLE}=persistent: {problem}; unset it")
    if driver or problem:
        return driver == "persistent"
    # A processor has one program at a time: beyond 16 rows for each, programs take turns.
    turns = -(-batch // (ROWS * processors.number))
    products = demands.weights / (EXACT_BYTES if exact else BYTES)
    return turns * (demands.stages * STAGE + products) < max(demands.stages, 1) * LAUNCHES


def is_exact(itemsize: int, precision: str) -> bool:
    """Whether products are of float32 and not for tensor cores, which know float64 and narrower types than float32."""
    return itemsize == 4 and precision == "ieee"


def asked() -> str | None:
    """The driver that $SEQMODELS_CUDA_DRIVER names."""
    driver = os.environ.get(VARIABLE) or None
    if driver not in (None, *DRIVERS):
        raise OptionError(f"${VARIABLE} must be one of {', '.join(DRIVERS)}, not {driver!r}")
    return driver


def _problem(demands: Demands, processors: Processors, exact: bool) -> str | None:
    """Why there can be no persistent kernel, or None."""
    if demands.shared > processors.shared:
        return f"the kernel takes {demands.shared} bytes of shared memory, of which there are {processors.shared}"
    if demands.widest > WIDEST:
        return f"rows of {demands.widest} columns are too wide for registers (at most {WIDEST})"
    if exact and (demands.deepest > DEEPEST_EXACT or demands.weights > MOST_EXACT):
        return "products of float32 without TF32 take too many registers at this size"
    return None
