"""The benchmark of GPUs compares what it times, on the CPU too."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "gpu.py"


def _run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-W", "ignore", str(BENCHMARK), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_a_cell_is_compared_in_every_type_and_under_both_drivers():
    pytest.importorskip("triton", reason="triton is not installed (pip install triton)")
    done = _run("--device", "cpu", "--small", "--cells", "elman")
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("| elman")]
    assert len(line.split("|")) == 9
    assert all(float(number) < 0.1 for number in line.split("|")[2:8])


def test_timings_need_a_gpu():
    done = _run("--device", "cpu")
    assert done.returncode == 2
    assert "--device cpu goes with --small" in done.stderr
