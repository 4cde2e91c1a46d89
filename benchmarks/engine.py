"""Speed, memory and first calls of every cell on the native backend, beside torch.nn.LSTM.

A cell that doesn't compute what the plain loop computes gets no number, and makes the exit status 1.

    python benchmarks/engine.py --all                                   # everything, into benchmarks/results/engine.md
    python benchmarks/engine.py --threads 1 --shapes 64,32,256 --only lstm gru mgu
    python benchmarks/engine.py --no-speed --memory --long --first-call
    python benchmarks/engine.py --quick --all                           # does the benchmark itself work?
"""

import argparse
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from contestants import any_cell, plain_loop, torch_modules, torchrecurrent
from engine_cells import usual_cells
from engine_sections import (
    CELL,
    Setting,
    bf16,
    compiled,
    counted,
    first_call,
    long_sequences,
    memory,
    pages_kept,
    speed,
)
from measure import Shape, disagreement, progress, shown
from profiling import profiled

from seqmodels.engine import check_backend
from seqmodels.engine.native import build
from seqmodels.errors import OptionError

SHAPES = [
    Shape(64, 32, 128),
    Shape(64, 32, 256),
    Shape(64, 32, 512),
    Shape(35, 20, 650),
    Shape(128, 64, 256),
    Shape(64, 1, 256),
    Shape(512, 16, 256),
]
EXTRAS = {  # an option of its own for each
    "compile": "torch.compile of a loop in Python, which takes minutes",
    "kept": f"{CELL} again with an allocator that keeps its pages",
    "bf16": f"{CELL} under bfloat16 autocast",
    "first_call": "what the first call of each cell costs",
    "memory": f"memory of a training step of {CELL}",
    "profile": f"where the time of {CELL} goes (Linux's perf)",
    "long": f"sequences of 10,000 and 100,000 steps of {CELL}",
}
RESULTS = Path(__file__).parent / "results" / "engine.md"


class Report:
    """Sections, printed and written as soon as each is there."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.text = ""
        self.failed = False

    def add(self, title: str, section: Callable[[], str]) -> None:
        """A section that raises says so, and takes no other with it."""
        try:
            body = section()
        except Exception as error:  # whatever a backend, a compiler or a lack of memory raises
            self.failed, body = True, f"Failed: {shown(error)}"
        text = f"{title}\n\n{body}\n\n"
        print(text, end="", flush=True)
        self.text += text
        if self.path is not None:
            self.path.write_text(self.text.rstrip() + "\n", encoding="utf-8")


def processor(key: str) -> str:
    """A field of /proc/cpuinfo; empty where there is none."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key), "")


def has_bf16() -> bool:
    return bool({"avx512_bf16", "amx_bf16"} & set(processor("flags").split()))


def compiler() -> str:
    """What the engine compiles with."""
    try:
        command = build.compiler()
    except build.NoCompiler:
        return "no C compiler"
    return subprocess.run([*command, "--version"], capture_output=True, text=True).stdout.partition("\n")[0]


METHOD = """float32, one layer, input size = H; cells run with `backend="{backend}"`. Training is forward and backward
with the gradient of the input; forward is under `torch.no_grad()`. Each contestant alternates with `torch.nn.LSTM` in
one process; a ratio is the median over {pairs} pairs. In the tables over shapes it is divided by the multiply-adds of
the step's matrix products, which stand in a column of their own, in those of the LSTM."""


def command() -> str:
    """The one that runs, but for where its report goes."""
    given = sys.argv[1:]
    words = [word for word, before in zip(given, ["", *given], strict=False) if "--write" not in (word, before)]
    return shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *words])


def place() -> str:
    """Versions and the machine."""
    versions = f"seqmodels {version('seqmodels')}, torch {torch.__version__}, Python {platform.python_version()}"
    machine = f"{os.cpu_count()} cores of {processor('model name') or platform.processor()}"
    return f"{versions}, {compiler()}; {machine}."


def header(setting: Setting) -> str:
    parts = [
        f"    {command()}",
        place(),
        METHOD.format(backend=setting.backend, pairs=setting.pairs),
    ]
    return "\n\n".join(parts)


def agreement(setting: Setting) -> str:
    """Holds every cell against the plain loop; the ones that differ get no number."""
    for name in setting.cells:
        progress(f"{name}: agreement with the plain loop")
        try:
            reason = disagreement(name, setting.backend)
        except Exception as error:  # whatever a backend, a compiler or a cell raises
            reason = shown(error)
        if reason is not None:
            setting.failures[name] = reason
    count = f"{len(setting.cells) - len(setting.failures)} of {len(setting.cells)} cells"
    lines = "".join(f"\n- {name}: {reason}" for name, reason in setting.failures.items())
    return f"{count}, in values with and without gradients, and in all gradients.\n{lines}".rstrip()


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", type=Shape.parse, nargs="+", default=SHAPES, metavar="T,B,H")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--pairs", type=int, default=7, help="pairs of timings that a ratio is the median of")
    parser.add_argument("--backend", default="native", help="what cells run on; reference tries out the benchmark")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="contestants, by the names in the tables")
    parser.add_argument("--no-speed", action="store_true", help="leave out the tables over contestants and shapes")
    for name, text in EXTRAS.items():
        parser.add_argument(f"--{name.replace('_', '-')}", action="store_true", help=text)
    parser.add_argument("--all", action="store_true", help=f"all of these, into {RESULTS.parent.name}/{RESULTS.name}")
    parser.add_argument("--write", type=Path, metavar="FILE", help="where the report goes, beside the screen")
    parser.add_argument("--quick", action="store_true", help="one small shape and 3 pairs; writes only where asked")
    options = parser.parse_args()
    try:
        check_backend(options.backend)
    except OptionError as error:
        parser.error(str(error))
    if options.all:
        vars(options).update(dict.fromkeys(EXTRAS, True))
        options.write = options.write or (None if options.quick else RESULTS)
    return options


def make_setting(options: argparse.Namespace) -> Setting:
    cells = any_cell(options.backend)
    others = torchrecurrent()
    if not others:
        print("torchrecurrent is not installed (pip install 'seqmodels[benchmark]'): its cells are skipped\n")
    contestants = {**torch_modules(), **plain_loop(), **others, **cells}
    unknown = set(options.only or ()) - set(contestants)
    if unknown:
        raise SystemExit(f"no contestant {', '.join(sorted(unknown))}; there are: {', '.join(contestants)}")
    wanted = options.only or [*torch_modules(), *plain_loop(), *others, *usual_cells()]
    chosen = {name: make for name, make in contestants.items() if name in wanted}
    setting = Setting(
        backend=options.backend,
        shapes=options.shapes,
        threads=options.threads,
        pairs=options.pairs,
        contestants=chosen,
        cells=[name for name in cells if name in chosen or name == CELL],
        compiled=SHAPES[0],
        first_call=SHAPES[0],
        memory=SHAPES[-1],
        long=[Shape(10_000, 1, 64), Shape(100_000, 1, 64)],
    )
    if options.quick:
        small = Shape(16, 4, 32)
        setting.shapes, setting.compiled, setting.first_call, setting.pairs = [small], Shape(4, 2, 8), small, 3
        setting.memory, setting.long = Shape(64, 4, 32), [Shape(100, 1, 64), Shape(1_000, 1, 64)]
    return setting


def main() -> int:
    options = parse()
    setting = make_setting(options)
    report = Report(options.write)
    report.add("# Speed of the engine", partial(header, setting))
    report.add("## Agreement with the plain loop", partial(agreement, setting))
    if not options.no_speed:
        for threads in setting.threads:
            report.add(f"## {counted(threads).capitalize()}", partial(speed, setting, threads))
    sections: dict[str, tuple[str, Callable[[], str]]] = {
        "compile": ("torch.compile", partial(compiled, setting)),
        "kept": ("Pages kept", partial(pages_kept, setting)),
        "bf16": ("bfloat16", partial(bf16, setting, has_bf16())),
        "first_call": ("First call", partial(first_call, setting)),
        "memory": ("Memory", partial(memory, setting)),
        "profile": ("Profile", partial(profiled, setting)),
        "long": ("Long sequences", partial(long_sequences, setting)),
    }
    for name, (title, section) in sections.items():
        if getattr(options, name):
            report.add(f"## {title}", section)
    return 1 if report.failed or setting.failures else 0


if __name__ == "__main__":
    sys.exit(main())
