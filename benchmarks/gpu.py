"""Speed of every cell on a GPU, beside cuDNN's LSTM and GRU, the plain loop and what torch.compile makes of a loop.

Every cell is first compared with the plain loop in float64 on the CPU, under each driver of the backend; one that
differs gets no number, and makes the exit status 1. Kernels are compiled by as many processes as there are processors.

    python benchmarks/gpu.py --name h100                # everything, into benchmarks/results/gpu-h100.md
    python benchmarks/gpu.py --cells lstm gru --batches 64 --sizes 512 --no-compile
    python benchmarks/gpu.py --device cpu --small       # does the comparison itself work? By Triton's interpreter
"""

import argparse
import itertools
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from engine_cells import cell_sources, usual_cells
from gpu_agreement import AT_SIZE, MODES, TOLERANCES, difference_at, differences, is_wrong, worst
from gpu_processes import mine, side_by_side
from gpu_timing import (
    BASELINE,
    COMPILED,
    TYPES,
    Contestant,
    Run,
    Timing,
    contestants,
    others,
    peaks,
    profile,
    slow_ones,
    timings,
)
from measure import Shape, progress, shown

RESULTS = Path(__file__).parent / "results"
STEPS, FEW_STEPS = 128, 32  # the latter where a loop of Python is unrolled
SECONDS = 480.0
INTERPRETED = {"TRITON_INTERPRET": "1", "SEQMODELS_TRITON_ON_CPU": "1"}
LIMITS = {"lstm": 1.0}  # of the time per multiply-add, in the baseline's
LIMIT = 1.2  # of other cells
SMALL, USUAL = Shape(2, 3, 5), Shape(40, 19, 40)  # where agreement is looked at

Found = dict[Shape, dict[str, Timing | Exception]]


# --- what many processes do at once ---------------------------------------------------------------------------------


def modes(options: argparse.Namespace) -> list[str]:
    """What is compared; there are no CUDA graphs on the CPU."""
    return [mode for mode, (_, graphs) in MODES.items() if options.device == "cuda" or not graphs]


def tasks(options: argparse.Namespace) -> list[list]:
    """Comparisons, in which kernels are compiled: everything but timings."""
    found: list[list] = [[cell, mode] for cell in options.cells for mode in modes(options)]
    if not options.small:
        for size in options.sizes:
            found += [[cell, AT_SIZE, size, kind] for cell in options.cells for kind in TYPES]
    return found


def work(options: argparse.Namespace) -> None:
    """One process's share of the tasks; a line of JSON for each comparison, or for what went wrong with it."""
    shape = SMALL if options.small else USUAL
    for cell, mode, *at in mine(tasks(options), options.share):
        try:
            found = at_size(options, cell, *at) if at else differences(cell, mode, shape, options.device)
            print(json.dumps([cell, mode, found]), flush=True)
        except Exception as error:
            print(json.dumps([cell, mode, shown(error)]), flush=True)


def at_size(options: argparse.Namespace, cell: str, size: int, kind: str) -> dict[str, float | None]:
    """The largest difference over the batches, once what is timed there is compiled."""
    contestant = contestants(options.cells)[cell]
    shapes = [Shape(FEW_STEPS, batch, size) for batch in options.batches]
    for shape, training in itertools.product(shapes, (False, True)):
        Run(contestant, shape, TYPES[kind], training)()
    return {kind: worst([difference_at(cell, shape, TYPES[kind]) for shape in shapes])}


def agreement(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Lines of a table, and the cells that are wrong."""
    progress("agreement, and kernels compiled")
    todo = tasks(options)
    results: dict[tuple[str, str], list[dict | str]] = {(cell, mode): [] for cell, mode, *_ in todo}
    for line in side_by_side(len(todo)):
        cell, mode, result = json.loads(line)
        results[cell, mode].append(result)
    lines, wrong = _header(["cell", "driver", *TOLERANCES]), []
    for cell, mode in sorted(results, key=lambda both: options.cells.index(both[0])):
        found = results[cell, mode]
        said = [each for each in found if isinstance(each, str)]
        compared = [each for each in found if not isinstance(each, str)]
        if len(found) < sum(task[:2] == [cell, mode] for task in todo):
            said.append("no result: its process ended")
        largest = {kind: worst([each[kind] for each in compared if kind in each]) for kind in TOLERANCES}
        if said or is_wrong(largest, mode):
            wrong.append(cell)
        if said:
            lines.append(_row([cell, mode, said[0]]))
        elif any(value is not None for value in largest.values()):
            lines.append(_row([cell, mode, *("-" if v is None else f"{v:.1e}" for v in largest.values())]))
    return lines, list(dict.fromkeys(wrong))


# --- tables ---------------------------------------------------------------------------------------------------------


def speed(found: Found, field: str, names: Iterable[str]) -> list[str]:
    """Lines of a table: microseconds a step, and in parentheses per multiply-add, in those of the baseline."""
    lines = _header(["", *(f"B{shape.batch} H{shape.size}" for shape in found), "mean"])
    for name in names:
        row, ratios = [name], []
        for results in found.values():
            timing, usual = results[name], results[BASELINE]
            if isinstance(timing, Exception):
                row.append(shown(timing)[:60])
                continue
            value = getattr(timing, field)
            if value is None or isinstance(usual, Exception):
                row.append("" if value is None else f"{value:.1f}")
                continue
            ratio = relative(timing, usual, field)
            ratios.append(ratio)
            row.append(f"{value:.1f} ({ratio:.2f})")
        mean = math.exp(statistics.mean(map(math.log, ratios))) if ratios else math.nan
        lines.append(_row([*row, f"{mean:.2f}"]))
    return lines


def relative(timing: Timing, usual: Timing, field: str) -> float:
    """Time per multiply-add, in that of the baseline."""
    return float(getattr(timing, field) / timing.multiply_adds / (getattr(usual, field) / usual.multiply_adds))


def misses(found: Found, cells: list[str], field: str) -> list[tuple[str, Shape, float]]:
    """Cells at shapes that take longer than they should, per multiply-add."""
    beyond = []
    for shape, results in found.items():
        for cell in cells:
            timing, usual = results[cell], results[BASELINE]
            if isinstance(timing, Timing) and isinstance(usual, Timing):
                ratio = relative(timing, usual, field)
                if ratio > LIMITS.get(cell, LIMIT):
                    beyond.append((cell, shape, ratio))
    return beyond


def _row(items: Iterable[str]) -> str:
    return f"| {' | '.join(items)} |"


def _header(items: list[str]) -> list[str]:
    return [_row(items), _row(["---"] * len(items))]


# --- report ---------------------------------------------------------------------------------------------------------


def measure_all(options: argparse.Namespace, cells: list[str], until: float) -> Iterator[list[str]]:
    """The sections of the report with timings, one after another."""
    made, slow, best = contestants(cells), slow_ones(), peaks()
    if options.no_compile:
        del slow[COMPILED]
    shapes = [Shape(STEPS, batch, size) for size in options.sizes for batch in options.batches]
    beyond: list[tuple] = []
    for training in (False, True):
        for kind in TYPES:
            title = f"{kind}, {'forward and backward' if training else 'forward'}"
            found, report = {}, []
            for shape in shapes:
                if time.monotonic() < until:
                    progress(f"{title}: B{shape.batch} H{shape.size}")
                    found[shape] = timings(made, shape, kind, training)
            for field, how in (("alone", "the device alone"), ("launched", "as launched")):
                report += [f"\n## {title}: {how}\n", *speed(found, field, made)]
                beyond += [(kind, training, how, *miss) for miss in misses(found, cells, field)]
            if "lstm" in cells:
                shares = _shares(found, best[kind], training)
                report.append(f"\nShare of the products' peak, lstm, the device alone: {shares}")
            middle = shapes[len(shapes) // 2]
            # What torch.compile makes of an unrolled loop takes a minute each: of the longer pass alone.
            loops = {name: each for name, each in slow.items() if training or name != COMPILED}
            ours = {name: made[name] for name in ("lstm",) if name in made}
            for these, shape in ((ours | others(), middle), (loops, middle._replace(steps=FEW_STEPS))):
                if these and time.monotonic() < until:
                    progress(f"{title}: {', '.join(these)}")
                    late = timings({BASELINE: made[BASELINE]} | these, shape, kind, training)
                    texts = [f"{name} {_beside(late[name], late[BASELINE])}" for name in these]
                    where = f"T{shape.steps} B{shape.batch} H{shape.size}"
                    report.append(f"\nAs launched, at {where}: {'; '.join(texts)}.")
            yield report
    yield _profiles(made, beyond)


def _shares(found: Found, best: float, training: bool) -> str:
    texts = []
    for shape, results in found.items():
        timing = results["lstm"]
        if isinstance(timing, Timing) and timing.alone:
            done = (3 if training else 1) * timing.multiply_adds * shape.batch / timing.alone
            texts.append(f"B{shape.batch} H{shape.size} {done / best:.0%}")
    return f"{', '.join(texts)}; the peak is {2 * best / 1e6:.0f} TFLOP/s."


def _beside(timing: Timing | Exception, usual: Timing | Exception) -> str:
    if isinstance(timing, Exception):
        return shown(timing)[:80]
    if isinstance(usual, Exception):
        return f"{timing.launched:.1f}"
    return f"{timing.launched:.1f} ({relative(timing, usual, 'launched'):.2f})"


def _profiles(made: dict[str, Contestant], beyond: list[tuple]) -> list[str]:
    """Where the time of each miss goes."""
    lines = ["\n## Misses\n"]
    lines.append(f"Beyond {LIMITS['lstm']} for lstm and {LIMIT} for others, per multiply-add of {BASELINE}'s.\n")
    if not beyond:
        return [*lines, "None."]
    parts: dict[tuple, str] = {}
    for kind, training, how, cell, shape, ratio in beyond:
        key = (kind, training, cell, shape)
        if key not in parts:
            found = profile(made[cell], shape, kind, training)
            parts[key] = ", ".join(f"{part} {value:.1f}" for part, value in found.items())
        what = "forward and backward" if training else "forward"
        where = f"B{shape.batch} H{shape.size}"
        lines.append(f"- {cell}, {kind}, {what}, {where}, {how}: {ratio:.2f}. {parts[key]}")
    return lines


def _keep(options: argparse.Namespace, report: list[str]) -> None:
    """Writes what there is: a run that is ended leaves its first sections."""
    if options.name:
        (RESULTS / f"gpu-{options.name}.md").write_text("\n".join(report) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", help="of the results: benchmarks/results/gpu-NAME.md")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--small", action="store_true", help="tiny sizes; the comparison alone")
    parser.add_argument("--cells", nargs="+", default=usual_cells(), choices=[*cell_sources()], metavar="CELL")
    parser.add_argument("--batches", nargs="+", type=int, default=[16, 64, 256])
    parser.add_argument("--sizes", nargs="+", type=int, default=[128, 256, 512, 1024])
    parser.add_argument("--no-compile", action="store_true", help="without torch.compile, which takes a minute or more")
    parser.add_argument("--share", help=argparse.SUPPRESS)  # of the tasks: what a process of many does
    options = parser.parse_args()
    if options.device == "cpu":
        if not options.small:
            parser.error("the interpreter is slow: --device cpu goes with --small")
        if not INTERPRETED.items() <= os.environ.items():  # triton, which torch imports, must find them set
            os.execve(sys.executable, sys.orig_argv, {**os.environ, **INTERPRETED})
    elif not torch.cuda.is_available():
        parser.error("there is no GPU; --device cpu --small compares by Triton's interpreter")
    return options


def main() -> int:
    options, begun = parse(), time.monotonic()
    if options.share:
        work(options)
        return 0
    device = torch.cuda.get_device_name() if options.device == "cuda" else "the CPU, interpreted"
    title = f"# Speed on {device}\n\n    python benchmarks/gpu.py {' '.join(sys.argv[1:])}\n"
    said = f"torch {torch.__version__}, T = {STEPS}, input size = H; microseconds of a step, in parentheses per "
    said += f"multiply-add of the step's products, {BASELINE} = 1; medians of rounds in which all take turns. The last "
    said += "column is the geometric mean of what is in parentheses. The device alone: replayed from a CUDA graph."
    small = SMALL if options.small else USUAL
    lines, wrong = agreement(options)
    about = f"T = {small.steps}, B = {small.batch}, H = {small.size}; the largest difference in values and gradients. "
    about += "A dash: the driver can't run the cell in this type."
    if not options.small:
        about += f" {AT_SIZE.capitalize()}: from the step-by-step driver, at all sizes timed below, T = {FEW_STEPS}."
    report = [title, said, f"\n## Agreement with the plain loop in float64\n\n{about}\n", *lines]
    _keep(options, report)
    if not options.small:
        for section in measure_all(options, [cell for cell in options.cells if cell not in wrong], begun + SECONDS):
            report += section
            _keep(options, report)
        report.append(f"\nAll of it took {time.monotonic() - begun:.0f} s.")
        _keep(options, report)
    print("\n".join(report))
    if wrong:
        print(f"wrong: {', '.join(wrong)}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
