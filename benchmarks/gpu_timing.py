"""Microseconds of a step on a GPU: launched as programs launch it, and by the device alone."""

import contextlib
import functools
import gc
import importlib
import statistics
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

import torch
from contestants import LOOP as PLAIN
from contestants import LoopToCompile, Make, any_cell, multiply_adds, plain_loop, torch_modules
from gpu_agreement import set_variable
from measure import Shape
from torch import Tensor, nn

from seqmodels.engine.cuda.choice import VARIABLE

ROUNDS = 7
TYPES = {"float32 (TF32)": torch.float32, "bfloat16": torch.bfloat16}
BASELINE = "cuDNN LSTM"
COMPILED = "lstm, torch.compile of a loop"
PEAK_SIZE = 8192


class Contestant(NamedTuple):
    """From the size of input and state to a module, and the driver that runs it, "" for whichever is chosen."""

    make: Make
    driver: str = ""
    captures: bool = True  # whether a CUDA graph can be captured of it


class Timing(NamedTuple):
    """Microseconds of a step, medians."""

    launched: float
    alone: float | None  # replayed from a CUDA graph, so that nothing waits for the program; None: can't be captured
    multiply_adds: int


def contestants(cells: list[str]) -> dict[str, Contestant]:
    """All that is timed at every shape, by name; the baseline first."""
    theirs, ours = torch_modules(), any_cell("cuda")
    found = {BASELINE: Contestant(theirs["torch.nn.LSTM"]), "cuDNN GRU": Contestant(theirs["torch.nn.GRU"])}
    found |= {cell: Contestant(ours[cell]) for cell in cells}
    if "lstm" in cells:
        found["lstm, stepwise"] = Contestant(found["lstm"].make, "stepwise")
    return found


def slow_ones() -> dict[str, Contestant]:
    """What is timed at one shape, of few steps."""
    return {
        PLAIN: Contestant(plain_loop()[PLAIN], captures=False),
        COMPILED: Contestant(lambda size: cast(nn.Module, torch.compile(LoopToCompile(size))), captures=False),
    }


def others() -> dict[str, Contestant]:
    """Libraries that are timed at one shape, since some are compiled for each; only those that are installed.

    None is captured: each waits for the device within a pass, FlashRNN's fused kernels on the way back alone.
    """
    found: dict[str, Contestant] = {}
    if haste := _imported("haste_pytorch"):
        found["haste LSTM"] = Contestant(lambda size: haste.LSTM(input_size=size, hidden_size=size), captures=False)
    if flashrnn := _imported("flashrnn"):
        for backend in ("cuda_fused", "cuda"):
            found[f"FlashRNN LSTM, {backend}"] = Contestant(
                lambda size, backend=backend: _FlashRNN(flashrnn.flashrnn, size, backend),  # type: ignore[misc]
                captures=False,
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
        dtype = str(x.dtype).removeprefix("torch.")  # computes in bfloat16, whatever x is, unless it is told
        states, last = self.function(gates, R, self.b, function="lstm", backend=self.backend, dtype=dtype)
        return states[0].squeeze(-2).transpose(0, 1), last


@functools.cache
def module_of(contestant: Contestant, size: int, dtype: torch.dtype) -> nn.Module:
    """The same at every batch: its step is traced once."""
    torch.manual_seed(0)
    return contestant.make(size).to("cuda", dtype)


class Run:
    """A contestant at a shape, ready to be timed: forward under no_grad, or forward and backward."""

    def __init__(self, contestant: Contestant, shape: Shape, dtype: torch.dtype, training: bool) -> None:
        self.driver, self.training = contestant.driver, training
        self.module = module_of(contestant, shape.size, dtype)
        self.x = torch.randn(shape, device="cuda", dtype=dtype).requires_grad_(training)
        self.gradient = torch.randn(shape, device="cuda", dtype=dtype)
        self.leaves = [self.x, *self.module.parameters()]
        self.graph: torch.cuda.CUDAGraph | None = None

    def __call__(self) -> None:
        for leaf in self.leaves:
            leaf.grad = None
        with torch.set_grad_enabled(self.training):
            output = self.module(self.x)[0]
        if self.training:
            output.backward(self.gradient)

    def warm_up(self, captures: bool) -> None:
        """Compiles what must be, and captures a graph if that is possible."""
        with set_variable(VARIABLE, self.driver):
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                for _ in range(3):
                    self()
            torch.cuda.current_stream().wait_stream(stream)
            if captures:
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                    self()
                self.graph = graph

    def launched(self) -> float:
        if not self.driver:
            return milliseconds(self)
        with set_variable(VARIABLE, self.driver):
            return milliseconds(self)

    def alone(self) -> float:
        assert self.graph is not None
        return milliseconds(self.graph.replay)


def milliseconds(run: Callable[[], None]) -> float:
    """Of the device."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()  # type: ignore[no-untyped-call]
    run()
    end.record()  # type: ignore[no-untyped-call]
    end.synchronize()
    return start.elapsed_time(end)  # type: ignore[no-any-return]


@contextlib.contextmanager
def tf32_products() -> Iterator[None]:
    """Products of float32 in TF32 outside of cuDNN too, for those that don't ask for it themselves."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = True
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


@tf32_products()
def timings(made: dict[str, Contestant], shape: Shape, kind: str, training: bool) -> dict[str, Timing | Exception]:
    """Of all contestants at one shape, in turns."""
    runs: dict[str, Run] = {}
    found: dict[str, Timing | Exception] = {}
    for name, contestant in made.items():
        try:
            run = Run(contestant, shape, TYPES[kind], training)
            run.warm_up(contestant.captures)
            runs[name] = run
        except Exception as error:
            found[name] = error
    torch.cuda.synchronize()
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in runs}
    for number in range(ROUNDS):
        for name in list(runs) if number % 2 == 0 else reversed(runs):
            run = runs[name]
            times[name].append((run.launched(), run.alone() if run.graph else 0.0))
    for name, run in runs.items():
        launched, alone = (1000 * statistics.median(each) / shape.steps for each in zip(*times[name], strict=True))
        found[name] = Timing(launched, alone if run.graph else None, multiply_adds(run.module))
    del runs, run
    gc.collect()
    return {name: found[name] for name in made}


@tf32_products()
def peaks() -> dict[str, float]:
    """Multiply-adds a microsecond of a large product, of each type."""
    found = {}
    for kind, dtype in TYPES.items():
        a, b = (torch.randn(PEAK_SIZE, PEAK_SIZE, device="cuda", dtype=dtype) for _ in range(2))
        best = min(milliseconds(lambda a=a, b=b: torch.mm(a, b)) for _ in range(6))  # type: ignore[arg-type, misc]
        found[kind] = PEAK_SIZE**3 / best / 1000
    return found


def profile(contestant: Contestant, shape: Shape, kind: str, training: bool) -> dict[str, float]:
    """Where the device's time goes: microseconds a step by kind of kernel."""
    run = Run(contestant, shape, TYPES[kind], training)
    run.warm_up(captures=False)
    torch.cuda.synchronize()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CUDA]) as profiler:
        run()
        torch.cuda.synchronize()
    found: dict[str, float] = {"the steps": 0.0, "products of all steps at once": 0.0, "all else": 0.0}
    for event in profiler.key_averages():
        name = event.key.lower()
        ours = name == "run" or name.startswith(("phase_", "reduce_"))
        is_product = any(word in name for word in ("gemm", "cutlass", "cublas", "nvjet", "splitk"))
        # The stepwise driver's products are torch's own, launched in every step.
        part = "the steps" if ours or event.count >= shape.steps else "all else"
        if is_product and part == "all else":
            part = "products of all steps at once"
        found[part] += event.self_device_time_total / shape.steps
    return found
