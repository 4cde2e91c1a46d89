"""What the backend plans for a cell, and processes in which Triton interprets kernels, or compiles them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from foreign_cells import STRANGERS

from seqmodels import RNN
from seqmodels.engine import LayerPass, generated, operators
from seqmodels.engine.cuda.direction import Direction

INTERPRETED = {"TRITON_INTERPRET": "1", "SEQMODELS_TRITON_ON_CPU": "1"}


def _run(script: str, given: Any, environment: dict[str, str]) -> Any:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name(script))],
        input=json.dumps(given),
        env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def interpreted() -> Callable:
    """``interpreted("agreement", cases)``: what a function of interpreted.py returns."""
    pytest.importorskip("triton", reason="triton is not installed (pip install triton)")
    return lambda function, *arguments: _run("interpreted.py", [function, arguments], INTERPRETED)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Callable:
    """``compiled([["persistent", "lstm", 128, "float32", "tf32", {}]])``: what ptxas says of kernels; see sm90.py."""
    triton = pytest.importorskip("triton", reason="triton is not installed (pip install triton)")
    if not (Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "ptxas").exists():
        pytest.skip("this triton has no compiler for NVIDIA's GPUs")
    folder = str(tmp_path_factory.mktemp("triton"))
    return lambda cases: _run("sm90.py", cases, {"TRITON_CACHE_DIR": folder, "TRITON_INTERPRET": "0"})


@pytest.fixture
def directions() -> Callable[[str, int], list[Direction]]:
    """``directions("lstm", 5)``: forwards and backwards, of a cell that trains, with an input of 3 features."""
    return _directions


def _directions(cell: str, hidden: int) -> list[Direction]:
    source, own = STRANGERS.get(cell, (cell, {}))
    layer = RNN(source, 3, hidden, **own).layers[0]
    state = tuple(torch.zeros(2, size) for size in layer.cell.state_sizes)
    program = generated.program_of(LayerPass(layer.cell, torch.zeros(4, 2, 3), state))
    assert not isinstance(program, str), program
    loop = program.loop
    inputs = sum(len(each) for each in (loop.steps, loop.states, loop.batches, loop.vectors, loop.matrices))
    made = operators.triton_loop(program.key, "g" * inputs, torch.float32)
    return [made._forward, made._backward]
