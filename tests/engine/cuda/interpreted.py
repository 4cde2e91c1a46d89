"""The GPU backend on the CPU, by Triton's interpreter, which must be asked for before triton is imported.

Run as a process of its own: reads the name of a function below and its arguments as JSON, writes what it returns.
"""

import copy
import json
import os
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).parents[2]))

import side_by_side
import torch
from agreement import largest_difference, measure
from foreign_cells import STRANGERS
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from random_cells import RandomCell, programs
from torch import Tensor

from seqmodels import RNN
from seqmodels.engine import interpret
from seqmodels.engine.cuda import choice, graphs
from seqmodels.engine.cuda.buffers import Buffers
from seqmodels.engine.cuda.direction import Direction
from seqmodels.engine.cuda.execute import TritonLoop
from seqmodels.engine.cuda.tiling import Tiling
from seqmodels.engine.directions import plan_inference
from seqmodels.engine.graph import POINTWISE, Graph
from seqmodels.engine.loop import Loop, LoopInputs


def agreement(cases: dict[str, dict]) -> dict[str, float | str]:
    """Of each case the largest difference from the plain loop in float64, relative as in agreement.py; or an error."""
    found: dict[str, float | str] = {}
    for name, case in cases.items():
        try:
            found[name] = _difference(**case)
        except Exception:
            found[name] = traceback.format_exc()
    return found


def _difference(
    cell: str,
    sizes: tuple[int, int, int, int] = (3, 3, 4, 5),
    dtype: str = "float32",
    options: dict | None = None,
    autocast: bool = False,
    windows: int = 0,
    driver: str = "stepwise",
    **arguments: Any,
) -> float:
    """``windows``: steps of the longest window that is replayed, as CUDA graphs are."""
    (steps, batch, inputs, hidden), (source, own) = sizes, STRANGERS.get(cell, (cell, {}))
    torch.manual_seed(0)
    rnn = RNN(source, inputs, hidden, **own, **(options or {}))
    for layer in rnn.layers:
        for parameter in layer.learned_state:
            torch.nn.init.normal_(parameter, std=0.5)
    x = torch.randn(steps, batch, inputs)
    if arguments.pop("resets", False):
        arguments["reset"] = torch.tensor(
            [[t == 2 or (t + row) % 5 == 0 for row in range(batch)] for t in range(steps)]
        )
    runs = []
    for backend, kind in (("cuda", getattr(torch, dtype)), ("reference", torch.float64)):
        converted = copy.deepcopy(rnn).to(kind)
        converted.backend = backend
        torch.manual_seed(1)
        is_narrow = autocast and backend == "cuda"
        with torch.autocast("cpu", torch.bfloat16, enabled=is_narrow), _windows_of(windows), only(driver):
            runs.append(measure(converted, x.to(kind), **arguments))
    return largest_difference(*runs)


def only(driver: str) -> Any:
    """This driver runs everything."""
    return mock.patch.dict(os.environ, {choice.VARIABLE: driver})


class _Replayed:
    """What stands for a CUDA graph."""

    def __init__(self, run: Any) -> None:
        self.replay = run


def _windows_of(size: int) -> Any:
    return mock.patch.multiple(
        graphs, LONGEST=size, capture=_Replayed, are_worthwhile=lambda device, steps: size > 0 and steps > 1
    )


def cooperative(cases: dict[str, dict]) -> dict[str, list[float] | str]:
    """Of each case the largest difference of each way of the cooperative kernel from driver 1, or an error."""
    found: dict[str, list[float] | str] = {}
    for name, case in cases.items():
        try:
            found[name] = _concurrent_differences(**case)
        except Exception:
            found[name] = traceback.format_exc()
    return found


def _concurrent_differences(
    cell: str, sizes: tuple[int, int, int, int], tiling: tuple, save: bool = True, **options: Any
) -> list[float]:
    """Programs of a launch are processes side by side, since they wait for each other."""
    steps, batch, inputs, hidden = sizes
    source, own = STRANGERS.get(cell, (cell, {}))
    torch.manual_seed(0)
    rnn = RNN(source, inputs, hidden, backend="cuda", **own, **options).double()
    return _compare_drivers(rnn, torch.randn(steps, batch, inputs, dtype=torch.float64), Tiling(*tiling), save)


def _compare_drivers(rnn: RNN, x: Tensor, way: Tiling, save: bool = True) -> list[float]:
    differences = []

    def compare(self: Direction, buffers: Buffers, matrices: list[Tensor], steps: int, batch: int) -> None:
        assume(self.cooperative.problem is None)
        shared = {name: None if each is None else each.clone().share_memory_() for name, each in buffers.items()}
        self.stepwise.run(buffers, matrices, steps, batch)
        with side_by_side.programs():
            self.cooperative.run(shared, matrices, steps, batch, way)
        for name, expected in buffers.items():
            if expected is not None and expected.numel():
                # Step 0 writes the half of a carry that is read at step -1.
                half = slice(1, None) if name.startswith("carry") else slice(None)
                differences.append(float((shared[name][half] - expected[half]).abs().max()))

    with mock.patch.object(Direction, "run", compare), torch.set_grad_enabled(save):
        output, _ = rnn(x.requires_grad_(save))
        if output.requires_grad:
            (output * torch.randn_like(output)).sum().backward()
    return differences


def compiled(cells: list[str]) -> dict[str, float | str]:
    """Of each cell the largest difference of torch.compile's one graph from the plain loop."""
    found: dict[str, float | str] = {}
    for cell in cells:
        torch.manual_seed(0)
        rnn = RNN(cell, 3, 5, bidirectional=True).double()
        x = torch.randn(3, 2, 3, dtype=torch.float64)
        expected = measure(rnn, x, lengths=torch.tensor([3, 1]))
        rnn.backend = "cuda"
        try:
            rnn.forward = torch.compile(rnn.forward, fullgraph=True, backend="aot_eager")  # type: ignore[method-assign]
            found[cell] = largest_difference(measure(rnn, x, lengths=torch.tensor([3, 1])), expected)
        except Exception:
            found[cell] = traceback.format_exc()
    return found


def random_cooperative(count: int) -> str:
    """Compares ways of the cooperative kernel with driver 1, for cells that hypothesis draws; "" or what went wrong."""
    # Values have up to 24 columns: up to three programs.
    ways = [Tiling(16, 8, 64, 4, True, 4), Tiling(16, 16, 32, 2, False, 4), Tiling(16, 8, 32, 1, False, 4)]

    @_drawn(count)
    @given(program=programs(most_ops=10), seed=st.integers(0, 1000), way=st.sampled_from(ways))
    def check(program: Any, seed: int, way: Tiling) -> None:
        torch.manual_seed(seed)
        rnn = RNN(RandomCell, program.input_size, program.state_sizes[0], backend="cuda", program=program).double()
        found = _compare_drivers(rnn, torch.randn(4, 3, program.input_size, dtype=torch.float64), way)
        assert max(found) <= 1e-10, found

    try:
        check()
    except Exception:
        return traceback.format_exc()
    return ""


def _drawn(count: int) -> Any:
    return settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


def random_cells(count: int, driver: str) -> str:
    """Compares cells that hypothesis draws; "" or what went wrong."""

    @_drawn(count)
    @given(program=programs(most_ops=8), seed=st.integers(0, 1000))
    def check(program: Any, seed: int) -> None:
        torch.manual_seed(seed)
        rnn = RNN(RandomCell, program.input_size, program.state_sizes[0], program=program).double()
        x = torch.randn(2, 3, program.input_size, dtype=torch.float64)
        state = [torch.rand(1, 3, size, dtype=torch.float64) * 2 - 1 for size in program.state_sizes]
        runs = []
        for rnn.backend in ("cuda", "reference"):
            runs.append(measure(rnn, x, state))
        assert largest_difference(*runs) <= 1e-11

    try:
        with only(driver):
            check()
    except Exception:
        return traceback.format_exc()
    return ""


def functions(dtype: str, first: list[float], second: list[float]) -> dict[str, list[list[float]]]:
    """Of each operation its results on these operands, and torch's in float64."""
    kind, width = getattr(torch, dtype), len(first)
    operands = [torch.tensor([each], dtype=kind) for each in (first, second)]
    graph = Graph()
    leaves = [graph.leaf("step", index, 0, width) for index in range(2)]
    names = [name for name in POINTWISE if name not in ("spread", "stop")]
    loop = Loop(graph, steps=[width, width], states=[width] * len(names))
    for name in names:
        count = POINTWISE[name]
        args = [graph.less(*leaves), *leaves] if name == "select" else leaves[:count]
        loop.new_state.append([graph.pointwise(name, *args)])
    zeros = [torch.zeros(1, width, dtype=kind) for _ in names]
    given = [operand[None] for operand in operands]
    found, _ = TritonLoop(plan_inference(loop), kind).forward(LoopInputs(given, zeros, [], [], []), 1, save=False)
    expected, _ = interpret.run(loop, [tensor.double() for tensor in (*given, *zeros)], 1)
    return {
        name: [a.flatten().tolist(), b.flatten().tolist()] for name, a, b in zip(names, found, expected, strict=True)
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # numpy's, of what lies outside a tile
    torch.set_num_threads(1)
    name, arguments = json.load(sys.stdin)
    json.dump(globals()[name](*arguments), sys.stdout)
