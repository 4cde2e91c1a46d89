"""Compiles the kernels of cells for an H100, without one: gives what ptxas says of each. Run as a process of its own.

Reads a list of [driver, cell, hidden size, type, precision, options of RNN] as JSON, for the cooperative kernel
with a size of the batch behind the driver's name, writes for each a list of
[kernel, spilled bytes, registers, shared bytes, bytes of weights, shared bytes that the choice of drivers expects].
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import torch
import triton
from torch import Tensor
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from seqmodels import RNN, engine
from seqmodels.engine import generated, operators
from seqmodels.engine.cuda import module, stepwise
from seqmodels.engine.cuda.buffers import Buffers
from seqmodels.engine.cuda.choice import ROWS, is_exact
from seqmodels.engine.cuda.cooperative import MANY_STEPS
from seqmodels.engine.cuda.device import H100
from seqmodels.engine.cuda.direction import Direction
from seqmodels.engine.cuda.tiling import shared_bytes

PTXAS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "ptxas"
POINTERS = {
    torch.int32: "*i32",
    torch.float32: "*fp32",
    torch.bfloat16: "*bf16",
    torch.float16: "*fp16",
    torch.float64: "*fp64",
}


class Way(NamedTuple):
    """A direction and what it is to run on."""

    made: Direction
    buffers: Buffers
    matrices: list[Tensor]


def ways(cell: str, hidden: int, dtype: torch.dtype, options: dict) -> list[Way]:
    """The directions that a cell runs in training."""
    found: list[Way] = []

    def record(self: Direction, buffers: Buffers, matrices: list[Tensor], steps: int, batch: int) -> None:
        found.append(Way(self, buffers, matrices))

    def run(layer: engine.LayerPass, backend: str) -> engine.LayerResult:
        program = generated.program_of(layer)
        assert not isinstance(program, str), program
        with mock.patch.object(operators, "_loop_for", lambda *key: operators.triton_loop(*key[:2], dtype)):
            result = generated.run(layer, program)
            result.output.sum().backward()  # the gradient of the final state is absent
        return result

    rnn = RNN(cell, 16, hidden, **options).to(dtype)
    kinds = mock.patch.object(generated, "_compute_type", return_value=dtype)
    with mock.patch.object(Direction, "run", record), kinds, engine.intercept(run):
        rnn(torch.randn(2, 3, 16, dtype=dtype, requires_grad=True))
    return found


def stepwise_reports(way: Way) -> Iterator[list]:
    driver = way.made.stepwise
    buffers = driver.prepare(way.buffers, way.matrices, 3)
    for kernel in [kernel for level in driver.kernels for kernel in level]:
        rows, columns = stepwise.tile(kernel)
        given = {name: buffers[name] for name in kernel.buffers} | {"ROWS": rows, "COLUMNS": columns}
        function = getattr(module.load(driver.source), kernel.name)
        yield [kernel.name, *compile_one(function, given, stepwise.WARPS), 0, H100.shared]


def persistent_report(way: Way, dtype: torch.dtype, precision: str) -> list:
    driver = way.made.persistent
    stages, demands = driver.depth(dtype, H100.shared), driver.demands(dtype)
    given = driver.arguments(way.buffers, way.matrices) | {"ROWS": ROWS, "PRECISION": precision, "STAGES": stages}
    said = compile_one(module.load(driver.source).run, given, driver.warps(is_exact(dtype.itemsize, precision)))
    ahead = (stages - 1) * ROWS * dtype.itemsize * driver.kernel.loads
    return ["run", *said, demands.weights, demands.shared + ahead]


def cooperative_report(way: Way, dtype: torch.dtype, precision: str, batch: int) -> list:
    """Of the kernel that is expected to be the quickest for a batch of this size."""
    driver = way.made.cooperative
    tiling = driver.ranked(batch, dtype, H100)[0][1]
    counters = {"counters": torch.zeros(1, dtype=torch.int32)}
    given = driver.arguments(driver.kernel(tiling), way.buffers, way.matrices, MANY_STEPS, 3, 8) | counters
    given |= {"ROWS": tiling.rows, "COLUMNS": tiling.columns, "PRECISION": precision}
    said = compile_one(module.load(driver.source(tiling)).run, given, tiling.warps, cooperates=True)
    kept = sum(each.depth * each.shares * tiling.columns for each in driver.operands) if tiling.is_resident else 0
    return ["run", *said, kept * dtype.itemsize, shared_bytes(tiling, driver.operands, dtype.itemsize)]


def compile_one(function: Any, given: dict, warps: int, cooperates: bool = False) -> list[int]:
    """Spilled bytes, registers and shared bytes. What is not given is a whole number that is known when it runs."""
    signature, constants, aligned = {}, {}, {}
    for number, name in enumerate(function.arg_names):
        value = given.get(name, 3)
        if name in given and not isinstance(value, Tensor) and not (name.startswith("matrix") and value != 1):
            signature[name], constants[name] = "constexpr", value
            continue
        signature[name] = POINTERS[value.dtype] if isinstance(value, Tensor) else "i32"
        if isinstance(value, Tensor) or value % 16 == 0:
            aligned[(number,)] = [["tt.divisibility", 16]]
    source = ASTSource(function, signature, constants, aligned)
    options = {"num_warps": warps, "launch_cooperative_grid": cooperates}
    compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options)
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as file:
        file.write(compiled.asm["ptx"])
        file.flush()
        command = [PTXAS, "-v", "--gpu-name=sm_90a", file.name, "-o", "/dev/null"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    spilled = sum(map(int, re.findall(r"(\d+) bytes spill", said)))
    (registers,) = re.findall(r"Used (\d+) registers", said)
    return [spilled, int(registers), compiled.metadata.shared]


def main() -> None:
    torch.set_num_threads(1)
    results = []
    for driver, cell, hidden, name, precision, options in json.load(sys.stdin):
        dtype = getattr(torch, name)
        found = ways(cell, hidden, dtype, options)
        if driver == "persistent":
            results.append([persistent_report(way, dtype, precision) for way in found])
        elif driver.startswith("cooperative"):
            batch = int(driver.split()[-1])
            results.append([cooperative_report(way, dtype, precision, batch) for way in found])
        else:
            results.append([report for way in found for report in stepwise_reports(way)])
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
