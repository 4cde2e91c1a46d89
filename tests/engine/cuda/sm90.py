"""Compiles the kernels of cells for an H100, without one: gives what ptxas says of each. Run as a process of its own.

Reads a list of [cell, options of RNN, type] as JSON, writes a list of [kernel, spilled bytes, registers, shared bytes].
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from unittest import mock

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from seqmodels import RNN, engine
from seqmodels.engine import generated, operators
from seqmodels.engine.cuda import module
from seqmodels.engine.cuda.direction import WARPS, Direction, tile

PTXAS = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "ptxas"
POINTERS = {torch.float32: "*fp32", torch.bfloat16: "*bf16", torch.float64: "*fp64"}
HIDDEN = 320


def launches(cell: str, options: dict, dtype: torch.dtype) -> list[tuple]:
    """(direction, kernel, buffers) of all that a cell launches in training."""
    found: list[tuple] = []

    def record(self: Direction, buffers: dict, steps: object, batch: int) -> None:
        found.extend((self, kernel, buffers) for level in self.kernels for kernel in level)

    def run(layer: engine.LayerPass, backend: str) -> engine.LayerResult:
        program = generated.program_of(layer)
        assert not isinstance(program, str), program
        with mock.patch.object(operators, "_loop_for", lambda *key: operators.triton_loop(*key[:2], dtype)):
            result = generated.run(layer, program)
            result.output.sum().backward()  # the gradient of the final state is absent
        return result

    rnn = RNN(cell, 16, HIDDEN, **options).to(dtype)
    kinds = mock.patch.object(generated, "_compute_type", return_value=dtype)
    with mock.patch.object(Direction, "run", record), kinds, engine.intercept(run):
        rnn(torch.randn(2, 3, 16, dtype=dtype, requires_grad=True))
    return found


def compile_one(made: Direction, kernel, buffers: dict) -> list:
    function = getattr(module.load(made.source), kernel.name)
    missing = [name for name in kernel.buffers if buffers[name] is None]
    signature = {name: "constexpr" if name in missing else POINTERS[buffers[name].dtype] for name in kernel.buffers}
    signature |= {"t": "i32", "batch": "i32", "ROWS": "constexpr", "COLUMNS": "constexpr"}
    rows, columns = tile(kernel)
    constants = {**dict.fromkeys(missing), "ROWS": rows, "COLUMNS": columns}
    pointers = [number for number, name in enumerate(kernel.buffers) if name not in missing]
    aligned = {(number,): [["tt.divisibility", 16]] for number in pointers}
    source = ASTSource(function, signature, constants, aligned)
    compiled = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"num_warps": WARPS})
    with tempfile.NamedTemporaryFile("w", suffix=".ptx") as file:
        file.write(compiled.asm["ptx"])
        file.flush()
        command = [PTXAS, "-v", "--gpu-name=sm_90a", file.name, "-o", "/dev/null"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    spilled = sum(map(int, re.findall(r"(\d+) bytes spill", said)))
    (registers,) = re.findall(r"Used (\d+) registers", said)
    return [kernel.name, spilled, int(registers), compiled.metadata.shared]


def main() -> None:
    torch.set_num_threads(1)
    results = []
    for cell, options, dtype in json.load(sys.stdin):
        found = launches(cell, options, getattr(torch, dtype))
        results.append([compile_one(*each) for each in found])
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
