"""What each driver would take for a step, in microseconds: the quickest runs.

Driver 1 launches products and kernels step after step, for any cell and size. Driver 2 needs no launch a step and no
synchronisation, but all recurrent weights in the shared memory of every processor that works; 16 rows of the batch are
a processor's, however many processors stand idle. Driver 3 (tiling.py) has processors share rows, and wait for each
other. The numbers of drivers 1 and 3 are fitted to what an H100 took, by benchmarks/gpu_tilings.py; those of driver 2
are estimates that fit the one cell timed there (elman of 256 units). Another GPU has other numbers, in like ratios.
"""

import os
from collections.abc import Sequence
from typing import NamedTuple

from seqmodels.errors import OptionError

ROWS = 16  # of the batch that a program of the persistent kernel owns: what one product of a tensor core takes
WIDEST = 256  # columns of a tile; wider ones don't fit into registers together
# Products of float32 without tensor cores read their operands into registers whole, which spill where there are more:
DEEPEST_EXACT, MOST_EXACT = 64, 65536  # rows of a matrix, bytes of all
DRIVERS = ("stepwise", "persistent", "cooperative")
VARIABLE = "SEQMODELS_CUDA_DRIVER"  # names a driver for benchmarks and tests

# Microseconds on an H100. Of driver 1, whose launches are captured in a CUDA graph:
LAUNCHES = 6.0  # of a stage: a product and its kernels
PRODUCT = 0.46  # of a product
MATRICES, VALUES = 0.30, 3.7  # of a MB of matrices, of operands and results
# Of driver 2:
STAGE = 1.0  # of a stage: barriers, latencies, pointwise work
BYTES = 100_000  # that a processor's products read of shared memory in a microsecond
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


def rounded(batch: int) -> int:
    """The next of 16, 24, 32, 48, 64, 96 and so on: batches of like sizes have one choice, so that few are compiled."""
    power = max(ROWS, 1 << (batch - 1).bit_length())
    return power * 3 // 4 if power > ROWS and batch <= power * 3 // 4 else power


def stepwise(stages: int, products: Sequence[tuple[int, int]], batch: int, itemsize: int) -> float:
    """Microseconds of driver 1.

    Args:
        stages: Products of a step that wait for each other.
        products: Rows and columns of the matrix of each.
        batch: B.
        itemsize: Bytes of a number.
    """
    matrices = sum(rows * columns for rows, columns in products) * itemsize / 1e6
    values = batch * sum(rows + columns for rows, columns in products) * itemsize / 1e6
    return max(stages, 1) * LAUNCHES + len(products) * PRODUCT + matrices * MATRICES + values * VALUES


def persistent(demands: Demands, batch: int, processors: Processors, precision: str) -> float:
    """Microseconds of driver 2, where it can run.

    Args:
        demands: Of its kernel.
        batch: B.
        processors: Of the GPU.
        precision: Of products of float32, "tf32" or "ieee".
    """
    # A processor has one program at a time: beyond 16 rows for each, programs take turns.
    turns = -(-batch // (ROWS * processors.number))
    products = demands.weights / (EXACT_BYTES if is_exact(demands.itemsize, precision) else BYTES)
    return turns * (demands.stages * STAGE + products)


def persistent_problem(demands: Demands, processors: Processors, precision: str) -> str | None:
    """Why there can be no persistent kernel, or None."""
    if demands.shared > processors.shared:
        return f"the kernel takes {demands.shared} bytes of shared memory, of which there are {processors.shared}"
    if demands.widest > WIDEST:
        return f"rows of {demands.widest} columns are too wide for registers (at most {WIDEST})"
    is_large = demands.deepest > DEEPEST_EXACT or demands.weights > MOST_EXACT
    if is_exact(demands.itemsize, precision) and is_large:
        return "products of float32 without TF32 take too many registers at this size"
    return None


def is_exact(itemsize: int, precision: str) -> bool:
    """Whether products are of float32 and not for tensor cores, which know float64 and narrower types than float32."""
    return itemsize == 4 and precision == "ieee"


def asked() -> str | None:
    """The driver that $SEQMODELS_CUDA_DRIVER names."""
    driver = os.environ.get(VARIABLE) or None
    if driver not in (None, *DRIVERS):
        raise OptionError(f"${VARIABLE} must be one of {', '.join(DRIVERS)}, not {driver!r}")
    return driver
