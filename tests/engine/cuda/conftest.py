"""Processes in which Triton interprets kernels, or compiles them."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
    """``compiled([["lstm", {}, "float32"]])``: of each, what ptxas says of its kernels; see sm90.py."""
    triton = pytest.importorskip("triton", reason="triton is not installed (pip install triton)")
    if not (Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "ptxas").exists():
        pytest.skip("this triton has no compiler for NVIDIA's GPUs")
    folder = str(tmp_path_factory.mktemp("triton"))
    return lambda cases: _run("sm90.py", cases, {"TRITON_CACHE_DIR": folder, "TRITON_INTERPRET": "0"})
