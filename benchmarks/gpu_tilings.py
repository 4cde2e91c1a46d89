"""How the cooperative kernel's work is best divided: every way that fits, timed, beside the one that is chosen.

What is chosen where (tiling.py and choice.py of seqmodels/engine/cuda) follows from costs that were fitted to such
timings on an H100.

    python benchmarks/gpu_tilings.py --name h100        # into benchmarks/results/gpu-tilings-h100.md
    python benchmarks/gpu_tilings.py --cells lstm --sizes 512 --batches 16 256 --types bfloat16
"""

import argparse
import functools
import math
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import torch
from engine_cells import cell_sources
from gpu_agreement import set_variable
from gpu_processes import mine, side_by_side
from gpu_timing import TYPES, milliseconds
from measure import progress, shown
from torch import Tensor

from seqmodels import RNN
from seqmodels.engine.cuda.buffers import Buffers
from seqmodels.engine.cuda.choice import VARIABLE
from seqmodels.engine.cuda.device import processors
from seqmodels.engine.cuda.direction import Direction
from seqmodels.engine.cuda.tiling import Tiling
from seqmodels.trees import sequence_cells

RESULTS = Path(__file__).parent / "results"
STEPS = 128
REPEATS = 4
AT_ONCE = 3  # runs that one timing takes, so that the device doesn't wait for the program


class Way(NamedTuple):
    """One direction of a cell, and what it is run on."""

    direction: Direction
    buffers: Buffers
    matrices: Sequence[Tensor]

    def run(self, tiling: Tiling, steps: int, batch: int) -> None:
        self.direction.cooperative.run(self.buffers, self.matrices, steps, batch, tiling)


def ways(cell: str, size: int, batch: int, steps: int, dtype: torch.dtype) -> list[Way]:
    """Forwards and backwards, in training."""
    found: list[Way] = []
    run = Direction.run

    def record(self: Direction, buffers: Buffers, matrices: Sequence[Tensor], steps: int, batch: int) -> None:
        found.append(Way(self, buffers, matrices))
        run(self, buffers, matrices, steps, batch)

    rnn = RNN(cell_sources()[cell], size, size, backend="cuda").to("cuda", dtype)
    x = torch.randn(steps, batch, size, device="cuda", dtype=dtype, requires_grad=True)
    with mock.patch.object(Direction, "run", record), set_variable(VARIABLE, "stepwise"):
        rnn(x)[0].sum().backward()
    return found


def tilings(way: Way, batch: int, dtype: torch.dtype) -> list[Tiling]:
    """Those that fit and run all rows at once, the one that is chosen first."""
    direction, there = way.direction, processors(torch.device("cuda", torch.cuda.current_device()))
    if direction.cooperative.problem:
        return []
    width = direction.cooperative.width
    return [
        tiling
        for _, tiling in direction.cooperative.ranked(batch, dtype, there)
        if math.ceil(width / tiling.columns) * math.ceil(batch / tiling.rows) <= there.number
    ]


@torch.no_grad()  # as within an operator
def microseconds(run: Callable[[], None]) -> float:
    """Of a step, the median."""

    def several() -> None:
        for _ in range(AT_ONCE):
            run()

    several()
    return 1000 * statistics.median(milliseconds(several) for _ in range(REPEATS)) / STEPS / AT_ONCE


def tasks(options: argparse.Namespace) -> list[tuple[str, int, str, int]]:
    return [
        (cell, size, kind, batch)
        for cell in options.cells
        for size in options.sizes
        for kind in options.types
        for batch in options.batches
    ]


def compile_share(options: argparse.Namespace) -> None:
    """Runs a few steps of every way, whose kernels Triton then keeps."""
    for cell, size, kind, batch in mine(tasks(options), options.share):
        for way in ways(cell, size, batch, 2, TYPES[kind]):
            for tiling in tilings(way, batch, TYPES[kind]):
                try:
                    way.run(tiling, 2, batch)
                except Exception as error:
                    progress(f"{cell} {size} {kind} {batch} {tuple(tiling)}: {shown(error)}")


def table(options: argparse.Namespace) -> list[str]:
    """A line for each direction, and how far the choice is from the best."""
    lines = ["| | chosen | best | others | stepwise driver |", "| --- | --- | --- | --- | --- |"]
    ratios = []
    for cell, size, kind, batch in tasks(options):
        progress(f"{cell} H{size} B{batch} {kind}")
        for way in ways(cell, size, batch, STEPS, TYPES[kind]):
            found = tilings(way, batch, TYPES[kind])
            times = {t: microseconds(functools.partial(way.run, t, STEPS, batch)) for t in found}
            if not times:
                continue
            stepwise = functools.partial(way.direction.stepwise.run, way.buffers, way.matrices, STEPS, batch)
            best = min(times, key=lambda tiling: times[tiling])
            ratios.append(times[found[0]] / times[best])
            others = ", ".join(f"{_name(t)} {us:.2f}" for t, us in sorted(times.items(), key=lambda item: item[1])[1:5])
            name = f"{cell} H{size} B{batch} {kind} {'backwards' if way.direction.layout.is_backward else 'forwards'}"
            shown_ways = " | ".join(f"{_name(tiling)} {times[tiling]:.2f}" for tiling in (found[0], best))
            lines.append(f"| {name} | {shown_ways} | {others} | {microseconds(stepwise):.2f} |")
    if not ratios:
        return lines
    mean = math.exp(statistics.mean(map(math.log, ratios)))
    return [*lines, "", f"What is chosen takes {mean:.3f} times the best one's time, at worst {max(ratios):.2f}."]


def _name(tiling: Tiling) -> str:
    kept = "resident" if tiling.is_resident else f"chunks of {tiling.chunk}"
    return f"{tiling.rows}x{tiling.columns} {kept} in {tiling.parts}, {tiling.warps} warps:"


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", help="of the results: benchmarks/results/gpu-tilings-NAME.md")
    parser.add_argument("--cells", nargs="+", default=["lstm", "gru", "mut3"], choices=sequence_cells(), metavar="CELL")
    parser.add_argument("--sizes", nargs="+", type=int, default=[256, 512, 1024])
    parser.add_argument("--batches", nargs="+", type=int, default=[16, 64, 256])
    parser.add_argument("--types", nargs="+", default=list(TYPES), choices=list(TYPES))
    parser.add_argument("--share", help=argparse.SUPPRESS)  # of the tasks: what a process of many does
    options = parser.parse_args()
    if not torch.cuda.is_available():
        parser.error("there is no GPU")
    return options


def main() -> None:
    options = parse()
    if options.share:
        compile_share(options)
        return
    progress("kernels are compiled")
    list(side_by_side(len(tasks(options))))
    title = f"# The cooperative kernel on {torch.cuda.get_device_name()}\n\n"
    title += (
        f"    python benchmarks/gpu_tilings.py {' '.join(sys.argv[1:])}\n\ntorch {torch.__version__}, T = {STEPS}; "
    )
    title += "microseconds of a step, each way as rows x columns of a program.\n"
    text = "\n".join([title, *table(options)]) + "\n"
    print(text)
    if options.name:
        (RESULTS / f"gpu-tilings-{options.name}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
