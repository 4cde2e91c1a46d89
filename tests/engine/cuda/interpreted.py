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

import torch
from agreement import measure
from foreign_cells import STRANGERS
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from random_cells import RandomCell, programs

from seqmodels import RNN
from seqmodels.engine import interpret
from seqmodels.engine.cuda import choice, graphs
from seqmodels.engine.cuda.execute import TritonLoop
from seqmodels.engine.directions import plan_inference
from seqmodels.engine.graph import POINTWISE, Graph
from seqmodels.engine.loop import Loop
from seqmodels.engine.native.execute import Inputs


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
    return _worst(*runs)


def _worst(found: dict, expected: dict) -> float:
    differences = [0.0]
    for name, tensor in expected.items():
        assert found[name].shape == tensor.shape, name
        assert found[name].isfinite().all(), name
        if tensor.numel():
            largest = tensor.abs().max().clamp(min=1)
            differences.append(float((found[name].to(tensor) - tensor).abs().max() / largest))
    return max(differences)


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


def random_cells(count: int, driver: str) -> str:
    """Compares cells that hypothesis draws; "" or what went wrong."""

    @settings(
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(program=programs(most_ops=8), seed=st.integers(0, 1000))
    def check(program: Any, seed: int) -> None:
        torch.manual_seed(seed)
        rnn = RNN(RandomCell, program.input_size, program.state_sizes[0], program=program).double()
        x = torch.randn(2, 3, program.input_size, dtype=torch.float64)
        state = [torch.rand(1, 3, size, dtype=torch.float64) * 2 - 1 for size in program.state_sizes]
        runs = []
        for rnn.backend in ("cuda", "reference"):
            runs.append(measure(rnn, x, state))
        assert _worst(*runs) <= 1e-11

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
    found, _ = TritonLoop(plan_inference(loop), kind).forward(Inputs(given, zeros, [], [], []), 1, save=False)
    expected, _ = interpret.run(loop, [tensor.double() for tensor in (*given, *zeros)], 1)
    return {
        name: [a.flatten().tolist(), b.flatten().tolist()] for name, a, b in zip(names, found, expected, strict=True)
    }


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # numpy's, of what lies outside a tile
    torch.set_num_threads(1)
    name, arguments = json.load(sys.stdin)
    json.dump(globals()[name](*arguments), sys.stdout)
