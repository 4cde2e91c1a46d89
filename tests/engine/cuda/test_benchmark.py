"""The benchmark of GPUs compares what it times, on the CPU too."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARK = Path(__file__).parents[3] / "benchmarks" / "gpu.py"


def _run(*arguments: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-W", "ignore", str(BENCHMARK), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_a_cell_is_compared_in_every_type_and_under_every_driver():
    pytest.importorskip("triton", reason="triton is not installed (pip install triton)")
    done = _run("--device", "cpu", "--small", "--cells", "elman")
    assert done.returncode == 0, done.stderr
    rows = [line.split("|")[1:-1] for line in done.stdout.splitlines() if line.startswith("| elman")]
    assert [row[1].strip() for row in rows] == ["stepwise", "persistent", "cooperative"]
    found = [cell.strip() for row in rows for cell in row[2:]]
    assert len(found) == 12
    assert found.count("-") == 1  # the cooperative kernel has no products of float32 without TF32
    assert all(float(number) < 0.1 for number in found if number != "-")


def test_timings_need_a_gpu():
    done = _run("--device", "cpu")
    assert done.returncode == 2
    assert "--device cpu goes with --small" in done.stderr
