"""How the cooperative kernel divides its work, and what each way would cost.

The numbers are fitted to what an H100 took for lstm, gru and mut3 both ways (H 256 to 1024, B 16 to 256, bfloat16 and
TF32), each in every way that fits, but for WHOLE chunks: those were timed for lstm, elman and mut3, and their numbers
put them first where they were quicker. benchmarks/gpu_tilings.py times all, and says how far the choice is from the
best.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from math import ceil
from typing import NamedTuple

FLIGHT = 3  # chunks on their way where weights are read at every step
LINE = 128  # bytes of a line of the cache
THREADS = 32  # of a warp
SHORT, WHOLE = 0, -1
SHORT_ROWS = 128
LARGEST = 32768  # bytes of an operand that passes through registers as a whole
CROWDED = 64  # sums of each thread that leave too few registers for all else
SPILLING = 1.3  # times as long


class Tiling(NamedTuple):
    """One way to divide it."""

    rows: int  # of the batch that a program owns
    columns: int  # of each value that a program owns
    chunk: int  # rows of a matrix that are multiplied at once
    parts: int  # into which a chunk is divided, each for other warps; 1: all warps have all of it
    is_resident: bool  # whether weights stay in shared memory, or are read again at every step
    warps: int


class Operand(NamedTuple):
    """What one product of a step multiplies."""

    depth: int  # its columns
    shares: int  # results that lie side by side, padded to a power of two


class Costs(NamedTuple):
    """Of a way, in microseconds."""

    stage: float  # of waiting for each other, latencies, pointwise work
    operand: float  # of a KB of operands
    weight: float  # of a KB of weights
    sum: float  # of a KB of sums that are added up, or move to other threads
    chunk: float = 0.0  # of a chunk that is waited for


class Kind(NamedTuple):
    """Ways that are alike."""

    rows: tuple[int, ...]
    columns: tuple[int, ...]
    lines: int  # of the cache that a row of a chunk takes; where weights stay, SHORT or WHOLE chunks
    parts: int
    warps: int
    narrowest: int  # columns of a product
    widest: int
    costs: Costs

    def tilings(self, operands: Sequence[Operand], itemsize: int) -> Iterator[Tiling]:
        for rows, columns in product(self.rows, self.columns):
            chunk = self.lines * LINE // itemsize if self.lines > 0 else SHORT_ROWS
            if self.lines == WHOLE:
                chunk = _whole(operands)
                if chunk <= SHORT_ROWS or rows * chunk * itemsize > LARGEST:
                    continue
            yield Tiling(rows, columns, chunk, self.parts, self.lines <= 0, self.warps)


def _whole(operands: Sequence[Operand]) -> int:
    """A chunk that is all of each operand, padded to a power of two; 0 where they differ."""
    sizes = {max(SHORT_ROWS, 1 << (each.depth - 1).bit_length()) for each in operands}
    return sizes.pop() if len(sizes) == 1 else 0


FEWEST = 16  # rows of a tile: what one product of a tensor core takes
FEW, ANY = (FEWEST, 32), (8, 16, 32)
RESIDENT = [
    Kind(FEW, ANY, SHORT, 4, 4, 16, 256, Costs(1.09, 0.037, 0.0067, 0.023)),
    Kind(FEW, ANY, SHORT, 4, 8, 8, 256, Costs(1.30, 0.031, 0.0127, 0.0074)),
    Kind(FEW, ANY, WHOLE, 4, 4, 16, 256, Costs(1.90, 0.0110, 0.0065, 0.020)),
]
STREAMED = [Kind(FEW, ANY, 4, 4, 4, 16, 256, Costs(1.34, 0.0165, 0.0138, 0.059, 0.0435))]
# Tiles of 64 rows are multiplied by other instructions, of numbers of 2 bytes and of 4 or more.
TALL = {
    2: [
        Kind((64,), ANY, 1, 1, 8, 16, 256, Costs(1.74, 0.0204, 0.0096, 0.040)),
        Kind((64,), ANY, 2, 1, 8, 16, 256, Costs(1.47, 0.0170, 0.0153, 0.058)),
        Kind((64,), ANY, 4, 4, 8, 16, 32, Costs(1.22, 0.0262, 0.0148, 0.037)),
    ],
    4: [
        Kind((64,), ANY, 1, 1, 8, 16, 256, Costs(1.37, 0.0230, 0.0149, 0.0)),
        Kind((64,), ANY, 2, 1, 8, 16, 256, Costs(1.31, 0.0201, 0.0155, 0.0)),
        Kind((64,), ANY, 4, 4, 8, 16, 32, Costs(1.36, 0.0144, 0.0390, 0.0255)),
    ],
}


def ranked(
    operands: Sequence[Operand], width: int, stages: int, batch: int, itemsize: int, number: int, shared: int
) -> list[tuple[float, Tiling]]:
    """The ways that a GPU can go, the quickest first, each with its microseconds a step.

    Args:
        operands: Of a step's products.
        width: Columns of all its values.
        stages: How often programs wait for each other at a step.
        batch: B.
        itemsize: Bytes of a number in memory.
        number: Of processors.
        shared: Bytes of shared memory that one program may have.
    """
    found = []
    for kind in [*RESIDENT, *STREAMED, *TALL[min(itemsize, 4)]]:
        for tiling in kind.tilings(operands, itemsize):
            across, is_empty = ceil(width / tiling.columns), tiling.rows > max(FEWEST, batch)
            sizes = [each.shares * tiling.columns for each in operands]
            fits = not is_empty and across <= number and shared_bytes(tiling, operands, itemsize) <= shared
            if fits and all(kind.narrowest <= size <= kind.widest for size in sizes):
                # Rows for which there is no room at once take turns.
                turns = ceil(ceil(batch / tiling.rows) / (number // across))
                found.append((turns * _microseconds(tiling, kind.costs, operands, stages, itemsize), tiling))
    return sorted(found)


def _microseconds(tiling: Tiling, costs: Costs, operands: Sequence[Operand], stages: int, itemsize: int) -> float:
    total = costs.stage * stages
    for depth, shares in operands:
        total += costs.operand * tiling.rows * depth * itemsize / 1024
        total += costs.weight * shares * tiling.columns * depth * itemsize / 1024
        total += costs.sum * tiling.parts * tiling.rows * shares * tiling.columns * 4 / 1024
        total += costs.chunk * ceil(depth / tiling.chunk)
    return total * (SPILLING if _spills(tiling, operands, itemsize) else 1)


def _spills(tiling: Tiling, operands: Sequence[Operand], itemsize: int) -> bool:
    """Whether the loop that reads weights at every step needs more registers than there are, as far as is known."""
    sums = max((tiling.parts * tiling.rows * each.shares * tiling.columns for each in operands), default=0)
    each = sums / (THREADS * tiling.warps)
    # Long chunks of which the last is not whole are told apart, which takes registers too.
    is_masked = tiling.chunk * itemsize > LINE and any(operand.depth % tiling.chunk for operand in operands)
    is_tight = tiling.parts == 1 and is_masked and each >= CROWDED / 2
    return not tiling.is_resident and (each >= CROWDED or is_tight)


def shared_bytes(tiling: Tiling, operands: Sequence[Operand], itemsize: int) -> int:
    """How much shared memory a kernel takes."""
    weights = passing = 0
    for each in operands:
        depth, across = ceil(each.depth / tiling.chunk) * tiling.chunk, each.shares * tiling.columns
        moved = tiling.parts * tiling.rows * across * 4
        if tiling.is_resident:
            weights += depth * across * itemsize
            passing = max(passing, tiling.rows * depth * itemsize, moved)
        else:
            passing = max(passing, FLIGHT * tiling.chunk * (across + tiling.rows) * itemsize, moved)
    return weights + passing
