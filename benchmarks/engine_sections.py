"""The sections of the engine's report: each measures, and gives back Markdown."""

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from contestants import BASELINE, LoopToCompile, Make, by_name
from fresh_process import KEEP_PAGES, RETURN_PAGES, call
from measure import (
    Shape,
    Timing,
    Workload,
    compare,
    matrix_product_peak,
    progress,
    shown,
    sweep,
)

CELL = "lstm"  # what the smaller sections measure beside the baseline
FEW_UNITS = 256  # fewer, and nobody trains in bfloat16


@dataclass
class Setting:
    """What was asked for, and which contestants get no number, and why."""

    backend: str
    shapes: list[Shape]
    threads: list[int]
    pairs: int
    contestants: dict[str, Make]
    cells: list[str]  # contestants that run on the backend
    compiled: Shape
    first_call: Shape
    memory: Shape
    long: list[Shape]
    failures: dict[str, str] = field(default_factory=dict)

    def both(self) -> list[str]:
        """The baseline and the cell that the smaller sections measure.

        Raises:
            RuntimeError: If the cell gets no number.
        """
        if CELL in self.failures:
            raise RuntimeError(f"{CELL} {self.failures[CELL]}")
        return [BASELINE, CELL]


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, ["---"] * len(head), *rows))


def counted(threads: int) -> str:
    return f"{threads} thread{'' if threads == 1 else 's'}"


def each_mode() -> Iterator[tuple[bool, str]]:
    """Whether it is training, and its name."""
    yield from ((True, "training"), (False, "forward"))


def speed(setting: Setting, threads: int) -> str:
    """Every contestant at every shape, in both modes, and its share of what the processor can do."""
    torch.set_num_threads(threads)
    peak = matrix_product_peak()
    tables = []
    for training, mode in each_mode():
        timings = _sweep_all(setting, training)
        tables.append(f"{mode.capitalize()}, time per multiply-add, `{BASELINE}` = 1:\n\n{_ratios(setting, timings)}")
        if training:
            tables.append(
                f"Training, share of the {peak / 1e9:.0f} GMAC/s that `torch.mm` reaches:\n\n"
                + _shares(setting, timings, peak)
            )
    return "\n\n".join(tables)


def _sweep_all(setting: Setting, training: bool) -> dict[str, dict[Shape, Timing]]:
    """Timings of all that may be timed; one that raises is noted as a failure."""
    timings = {}
    for name, make in setting.contestants.items():
        if name in setting.failures:
            continue
        try:
            timings[name] = sweep(name, make, setting.shapes, training, setting.pairs)
        except Exception as error:  # whatever a backend or another library raises
            setting.failures[name] = shown(error)
    return timings


def _ratios(setting: Setting, timings: dict[str, dict[Shape, Timing]]) -> str:
    rows = []
    for name in setting.contestants:
        if name not in timings:
            rows.append([name, "", *_no_numbers(setting, name), "", ""])
            continue
        ratios = {shape: timing.per_multiply_add for shape, timing in timings[name].items()}
        worst = max(ratios, key=lambda shape: ratios[shape])
        work = next(iter(timings[name].values())).work
        rows.append(
            [
                name,
                f"{work:.2f}",
                *(f"{ratio:.2f}" for ratio in ratios.values()),
                f"{statistics.geometric_mean(ratios.values()):.3f}",
                f"{ratios[worst]:.2f} at {worst}",
            ]
        )
    shapes = [str(shape) for shape in setting.shapes]
    return table(["T,B,H", "multiply-adds", *shapes, "geometric mean", "worst"], rows)


def _shares(setting: Setting, timings: dict[str, dict[Shape, Timing]], peak: float) -> str:
    """Training multiplies three times: forward, gradient of the operand, gradient of the matrix."""
    rows = []
    for name in setting.contestants:
        if name in timings:
            shares = [3 * timing.multiply_adds / timing.seconds / peak for timing in timings[name].values()]
            rows.append([name, *(f"{share:.0%}" for share in shares)])
        else:
            rows.append([name, *_no_numbers(setting, name)])
    return table(["T,B,H", *(str(shape) for shape in setting.shapes)], rows)


def _no_numbers(setting: Setting, name: str) -> list[str]:
    return [setting.failures[name], *[""] * (len(setting.shapes) - 1)]


def compiled(setting: Setting) -> str:
    """torch.compile of a loop in Python, whose code is as long as the sequence."""
    torch.compiler.config.force_disable_caches = True
    rows = []
    for threads in setting.threads:
        torch.set_num_threads(threads)
        for training, mode in each_mode():
            torch.compiler.reset()
            progress(f"torch.compile: {setting.compiled}, {mode}, {counted(threads)}")
            workload = Workload(lambda size: torch.compile(LoopToCompile(size)), setting.compiled, training)  # type: ignore[arg-type,return-value]
            seconds = workload.seconds()
            baseline = Workload(by_name(BASELINE, setting.backend), setting.compiled, training)
            ratio, _ = compare(workload, baseline, setting.pairs)
            rows.append([str(threads), mode, f"{seconds:.1f}", f"{ratio:.2f}"])
    head = ["threads", "mode", "first call, seconds", f"time, {BASELINE} = 1"]
    return f"An LSTM at T,B,H = {setting.compiled}:\n\n{table(head, rows)}"


def pages_kept(setting: Setting) -> str:
    """The cell again in processes whose allocator asks the system for memory once only."""
    setting.both()
    allocators = {"default": {}, "pages kept": KEEP_PAGES}
    rows = []
    for threads in setting.threads:
        for training, mode in each_mode():
            for allocator, environment in allocators.items():
                progress(f"{CELL}, {allocator}: {mode}, {counted(threads)}")
                arguments = {"training": training, "pairs": setting.pairs, "threads": threads}
                found = call(
                    "time_all",
                    environment,
                    name=CELL,
                    backend=setting.backend,
                    shapes=setting.shapes,
                    **arguments,
                )
                ratios = [Timing(*timing).per_multiply_add for timing in found]
                mean = f"{statistics.geometric_mean(ratios):.3f}"
                rows.append([str(threads), mode, allocator, *(f"{ratio:.2f}" for ratio in ratios), mean])
    settings = " ".join(f"{name}={value}" for name, value in KEEP_PAGES.items())
    head = ["threads", "mode", "allocator", *(str(shape) for shape in setting.shapes), "geometric mean"]
    return (
        f"`{CELL}` with the allocator as it is and with `{settings}`; `{BASELINE}` = 1 in the same process:\n\n"
        + table(head, rows)
    )


def bf16(setting: Setting, has_bf16: bool) -> str:
    """Training under bfloat16 autocast, beside the same in float32."""
    if not has_bf16:
        return "Not measured: this processor has neither avx512_bf16 nor amx_bf16."
    shapes = [shape for shape in setting.shapes if shape.size >= FEW_UNITS]
    if not shapes:
        return f"Not measured: no shape has {FEW_UNITS} units."
    rows = []
    for threads in setting.threads:
        torch.set_num_threads(threads)
        for name in setting.both():
            make = by_name(name, setting.backend)
            ratios, differences = [], []
            for shape in shapes:
                progress(f"{name}, bfloat16: {shape}, {counted(threads)}")
                short, full = Workload(make, shape, True, bf16=True), Workload(make, shape, True)
                ratios.append(compare(short, full, setting.pairs)[0])
                expected = full.forward().detach()
                difference = (short.forward().detach().float() - expected).abs().max()
                differences.append(float(difference / expected.abs().max()))
            rows.append([str(threads), name, *(f"{ratio:.2f}" for ratio in ratios), f"{max(differences):.1e}"])
    head = ["threads", "", *(str(shape) for shape in shapes), "largest difference of the output"]
    return "Time under `torch.autocast` over that in float32, training:\n\n" + table(head, rows)


def first_call(setting: Setting) -> str:
    """What the first training step of a process costs more than the second, without and with a filled cache."""
    rows = []
    for name in (BASELINE, *setting.cells):
        if name in setting.failures:
            rows.append([name, setting.failures[name], ""])
            continue
        costs = []
        with tempfile.TemporaryDirectory() as cache:
            for filled in ("empty", "filled"):
                progress(f"{name}: first call, cache {filled}")
                first, second = call(
                    "times",
                    {"SEQMODELS_CACHE": cache},
                    name=name,
                    backend=setting.backend,
                    shape=setting.first_call,
                    calls=2,
                    threads=max(setting.threads),
                )
                costs.append(f"{first - second:.2f}")
        rows.append([name, *costs])
    return (
        f"Seconds of the first training step less those of the second, at T,B,H = {setting.first_call}, in a new "
        "process:\n\n" + table(["", "empty cache", "filled cache"], rows)
    )


def memory(setting: Setting) -> str:
    """Memory of one training step."""
    rows = []
    for name in setting.both():
        found = _memory(setting, name, setting.memory)
        rows.append([name, f"{found['held'] / 1e6:.1f}", f"{found['peak'] / 1e6:.1f}"])
    head = ["", "held between forward and backward, MB", "peak, MB"]
    return (
        f"Growth of the resident memory of a process in a training step at T,B,H = {setting.memory}; parameters, input "
        f"and the output's gradient are there before:\n\n{table(head, rows)}"
    )


def long_sequences(setting: Setting) -> str:
    """Time and memory per time step, which must not grow with the sequence."""
    rows = []
    for name in setting.both():
        for shape in setting.long:
            found = _memory(setting, name, shape)
            progress(f"{name}: times, {shape}")
            seconds = call("times", name=name, backend=setting.backend, shape=shape, calls=3, threads=1)
            per_step = min(seconds[1:]) / shape.steps
            rows.append(
                [
                    name,
                    f"{shape.steps:,}",
                    f"{per_step * 1e6:.2f}",
                    f"{found['held'] / shape.steps:,.0f}",
                    f"{found['peak'] / shape.steps:,.0f}",
                ]
            )
    head = ["", "T", "microseconds", "bytes held", "bytes at peak"]
    sizes = f"B = {setting.long[0].batch}, H = {setting.long[0].size}"
    return f"Training, one thread, {sizes}; everything per time step:\n\n{table(head, rows)}"


def _memory(setting: Setting, name: str, shape: Shape) -> dict[str, int]:
    progress(f"{name}: memory, {shape}")
    return call("memory", RETURN_PAGES, name=name, backend=setting.backend, shape=shape, threads=1)
