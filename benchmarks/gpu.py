"""Speed of every cell on a GPU, beside cuDNN's LSTM and GRU, the plain loop and what torch.compile makes of a loop.

Each cell runs under both drivers of the backend, whichever of them it would take by itself.

A cell that doesn't compute what the plain loop computes on the CPU gets no number, and makes the exit status 1.

    python benchmarks/gpu.py --name h100                # everything, into benchmarks/results/gpu-h100.md
    python benchmarks/gpu.py --cells lstm gru --batches 64 --sizes 512 --no-compile
    python benchmarks/gpu.py --device cpu --small       # does the comparison itself work? By Triton's interpreter
"""

import argparse
import copy
import importlib
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, cast
from unittest import mock

import torch
from contestants import LoopToCompile, multiply_adds
from measure import progress, shown
from torch import Tensor, nn

from seqmodels import RNN
from seqmodels.engine.cuda.choice import DRIVERS
from seqmodels.engine.cuda.choice import VARIABLE as DRIVER
from seqmodels.errors import OptionError
from seqmodels.trees import sequence_cells

RESULTS = Path(__file__).parent / "results"
STEPS = 64
REPEATS = 10
SECONDS = 540.0  # after which nothing new is begun
TOLERANCES = {"float32": 2e-5, "float32 (TF32)": 1e-2, "bfloat16": 6e-2}
TYPES = {"float32 (TF32)": torch.float32, "bfloat16": torch.bfloat16}
BASELINE = "cuDNN LSTM"
# Of agreement: the driver, and whether its launches are captured in CUDA graphs.
MODES = {"stepwise in graphs": ("stepwise", True), "stepwise": ("stepwise", False), "persistent": ("persistent", False)}
INTERPRETED = {"TRITON_INTERPRET": "1", "SEQMODELS_TRITON_ON_CPU": "1"}


class Shape(NamedTuple):
    """T, B, and H of both input and state."""

    steps: int
    batch: int
    size: int


class Contestant(NamedTuple):
    """From the size of input and state to a module, and the driver that runs it."""

    make: Callable[[int], nn.Module]
    driver: str = ""


# --- agreement ----------------------------------------------------------------------------------------------------


def differences(cell: str, shape: Shape, device: str, driver: str, graphs: bool) -> dict[str, float]:
    """Of each type the largest difference from the plain loop in float64 on the CPU, in values and gradients."""
    torch.manual_seed(0)
    plain = RNN(cell, shape.size, shape.size, backend="reference").double()
    x = torch.randn(shape, dtype=torch.float64)
    expected = _values_and_gradients(plain, x)
    found = {}
    for name in TOLERANCES:
        torch.backends.cudnn.allow_tf32 = name != "float32"
        dtype = torch.bfloat16 if name == "bfloat16" else torch.float32
        ours = copy.deepcopy(plain).to(device, dtype)
        ours.backend = "cuda"
        with _set(DRIVER, driver), _set("SEQMODELS_CUDA_GRAPHS", str(int(graphs))):
            results = _values_and_gradients(ours, x.to(device, dtype))
        found[name] = max(_distance(a.cpu().double(), b) for a, b in zip(results, expected, strict=True))
    torch.backends.cudnn.allow_tf32 = True
    return found


def _set(name: str, value: str) -> Any:
    """Sets a variable of the environment within a with statement."""
    return mock.patch.dict(os.environ, {name: value})


def _values_and_gradients(rnn: RNN, x: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    output, final = rnn(x)
    results = [output, *rnn.cell.pack_state(final)]
    source = torch.Generator().manual_seed(1)
    weights = [torch.randn(result.shape, generator=source, dtype=torch.float64).to(result) for result in results]
    return [*results, *torch.autograd.grad(results, [x, *rnn.parameters()], weights)]


def _distance(found: Tensor, expected: Tensor) -> float:
    """Relative to the largest entry where that is above 1; NaN counts as infinitely far."""
    difference = float((found - expected).abs().max() / expected.abs().max().clamp(min=1))
    return difference if difference == difference else float("inf")


def agreement(cells: list[str], shape: Shape, device: str) -> tuple[list[str], list[str]]:
    """Lines of a table, and the cells that are wrong."""
    modes = {name: mode for name, mode in MODES.items() if device == "cuda" or not mode[1]}
    lines, wrong = _header(["cell", *(f"{mode}: {kind}" for mode in modes for kind in TOLERANCES)]), []
    for cell in cells:
        progress(f"agreement: {cell}")
        row, allowed = [cell], [*TOLERANCES.values()]
        try:
            for mode in modes.values():
                found = [*differences(cell, shape, device, *mode).values()]
                row += [f"{each:.1e}" for each in found]
                if not all(a <= b for a, b in zip(found, allowed, strict=True)):
                    wrong.append(cell)
        except Exception as error:
            row.append(shown(error))
            wrong.append(cell)
        lines.append(_row(row))
    return lines, list(dict.fromkeys(wrong))


# --- speed --------------------------------------------------------------------------------------------------------


def contestants(cells: list[str], compiled: bool) -> dict[str, Contestant]:
    """All that is timed, by name."""
    found = {
        BASELINE: Contestant(lambda size: nn.LSTM(size, size)),
        "cuDNN GRU": Contestant(lambda size: nn.GRU(size, size)),
        "lstm, plain loop": Contestant(lambda size: RNN("lstm", size, size, backend="reference")),
    }
    if compiled:
        found["lstm, torch.compile of a loop"] = Contestant(
            lambda size: cast(nn.Module, torch.compile(LoopToCompile(size)))
        )
    for cell in cells:
        for driver in DRIVERS:
            ours = Contestant(lambda size, cell=cell: RNN(cell, size, size, backend="cuda"), driver)  # type: ignore[misc]
            found[f"{cell}, {driver}"] = ours
    return found | _others()


def _others() -> dict[str, Contestant]:
    """Libraries that take a GPU and are no part of what is tested; only those that are installed."""
    found: dict[str, Contestant] = {}
    if haste := _imported("haste_pytorch"):
        found["haste LSTM"] = Contestant(lambda size: haste.LSTM(input_size=size, hidden_size=size))
    if flashrnn := _imported("flashrnn"):
        for backend in ("cuda_fused", "cuda"):
            found[f"FlashRNN LSTM, {backend}"] = Contestant(
                lambda size, backend=backend: _FlashRNN(flashrnn.flashrnn, size, backend)  # type: ignore[misc]
            )
    return found


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except Exception:  # not installed, or built for another torch
        return None


class _FlashRNN(nn.Module):
    """One head of all features; its shapes are those of FlashRNN's README."""

    def __init__(self, function: Callable, size: int, backend: str) -> None:
        super().__init__()
        self.function, self.size, self.backend = function, size, backend
        self.W = nn.Linear(size, 4 * size)
        self.R = nn.Parameter(torch.randn(4 * size, size) / size**0.5)
        self.b = nn.Parameter(torch.zeros(4, 1, size))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        gates = self.W(x).view(*x.shape[:2], 4, 1, self.size).transpose(0, 1)
        R = self.R.view(4, 1, self.size, self.size)
        states, last = self.function(gates, R, self.b, states=None, function="lstm", backend=self.backend)
        return states[0].squeeze(-2).transpose(0, 1), last


def microseconds(module: nn.Module, shape: Shape, dtype: torch.dtype, training: bool) -> float:
    """Of a step: the median over repeated runs."""
    x = torch.randn(shape, device="cuda", dtype=dtype).requires_grad_(training)
    gradient = torch.randn(shape, device="cuda", dtype=dtype)
    leaves = [x, *module.parameters()]

    def run() -> None:
        for leaf in leaves:
            leaf.grad = None
        with torch.set_grad_enabled(training):
            output = module(x)[0]
        if training:
            output.backward(gradient.to(output.dtype))

    for _ in range(3):
        run()
    torch.cuda.synchronize()
    times = []
    for _ in range(REPEATS):
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        run()
        end.record()
        end.synchronize()
        times.append(start.elapsed_time(end))
    return 1000 * statistics.median(times) / shape.steps


def speed(made: dict[str, Contestant], shapes: list[Shape], kind: str, training: bool, until: float) -> list[str]:
    """Lines of a table: microseconds a step, and in parentheses per multiply-add, in those of the baseline."""
    lines = _header(["", *(f"B{shape.batch} H{shape.size}" for shape in shapes)])
    usual: dict[Shape, float] = {}
    for name, (make, driver) in made.items():
        progress(f"{kind}, {'training' if training else 'forward'}: {name}")
        row = [name]
        for shape in shapes:
            if time.monotonic() > until:
                row.append("no time left")
                continue
            if "compile" in name and shape != shapes[len(shapes) // 2]:
                row.append("")  # it takes a minute or more for each
                continue
            try:
                module = make(shape.size).to("cuda", TYPES[kind])
                with _set(DRIVER, driver):
                    per_step = microseconds(module, shape, TYPES[kind], training)
            except OptionError:
                row.append("-")
                continue
            except Exception as error:
                row.append(shown(error)[:60])
                continue
            work = per_step / multiply_adds(module)
            usual.setdefault(shape, work) if name == BASELINE else None
            row.append(f"{per_step:.1f} ({work / usual[shape]:.2f})" if shape in usual else f"{per_step:.1f}")
        lines.append(_row(row))
    return lines


# --- report -------------------------------------------------------------------------------------------------------


def _row(items: list[str]) -> str:
    return f"| {' | '.join(items)} |"


def _header(items: list[str]) -> list[str]:
    return [_row(items), _row(["---"] * len(items))]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", help="of the results: benchmarks/results/gpu-NAME.md")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--small", action="store_true", help="tiny sizes; the comparison alone")
    parser.add_argument("--cells", nargs="+", default=sequence_cells(), choices=sequence_cells(), metavar="CELL")
    parser.add_argument("--batches", nargs="+", type=int, default=[16, 64, 256])
    parser.add_argument("--sizes", nargs="+", type=int, default=[64, 128, 256, 512, 1024])
    parser.add_argument("--no-compile", action="store_true", help="without torch.compile, which takes minutes")
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
    device = torch.cuda.get_device_name() if options.device == "cuda" else "the CPU, interpreted"
    title = f"# Speed on {device}\n\n    python benchmarks/gpu.py {' '.join(sys.argv[1:])}\n"
    said = f"torch {torch.__version__}, T = {STEPS}, input size = H; microseconds of a step, in parentheses per "
    said += f"multiply-add of the step's products, {BASELINE} = 1. A dash: no processor can hold the weights."
    small = Shape(2, 3, 5) if options.small else Shape(40, 19, 40)
    lines, wrong = agreement(options.cells, small, options.device)
    about = f"T = {small.steps}, B = {small.batch}, H = {small.size}; the largest difference in values and gradients."
    report = [title, said, f"\n## Agreement with the plain loop in float64\n\n{about}\n", *lines]
    if not options.small:
        made = contestants([cell for cell in options.cells if cell not in wrong], not options.no_compile)
        shapes = [Shape(STEPS, batch, size) for batch in options.batches for size in options.sizes]
        for kind in TYPES:
            for training in (False, True):
                report += [f"\n## {kind}, {'forward and backward' if training else 'forward'}\n"]
                report += speed(made, shapes, kind, training, begun + SECONDS)
    text = "\n".join(report) + "\n"
    print(text)
    if options.name:
        (RESULTS / f"gpu-{options.name}.md").write_text(text, encoding="utf-8")
    if wrong:
        print(f"wrong: {', '.join(wrong)}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
