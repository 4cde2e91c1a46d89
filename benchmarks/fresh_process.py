"""Measurements that need a process of their own: first calls, memory, settings of the allocator."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from contestants import by_name
from measure import Shape, Timing, Workload, sweep

# Freed pages are kept, so that none is asked of the system twice; or given back at once, so that what is held is seen.
KEEP_PAGES = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "268435456",
}
RETURN_PAGES = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536", "MALLOC_TOP_PAD_": "0"}
READY = "trains"  # what train_for says when it is about to


def call(job: str, environment: Mapping[str, str] | None = None, **arguments: Any) -> Any:
    """The result of a function of JOBS in a new process with these environment variables.

    Raises:
        RuntimeError: If it failed; the last line that it printed.
    """
    usual = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, __file__, job, json.dumps(arguments)],
        env={**usual, **(environment or {})},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise RuntimeError(f"{job}({arguments}): {lines[-1]}")
    return json.loads(done.stdout.splitlines()[-1])  # a compiler may print, too


def times(name: str, backend: str, shape: Shape, calls: int) -> list[float]:
    """Seconds of each training step from the very first on."""
    workload = Workload(by_name(name, backend), shape, training=True)
    return [workload.seconds() for _ in range(calls)]


def train_for(name: str, backend: str, shape: Shape, seconds: float) -> None:
    """Trains so long, once it has said that all is compiled and warm."""
    workload = Workload(by_name(name, backend), shape, training=True)
    workload.warm_up()
    print(READY, flush=True)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        workload.step()


def memory(name: str, backend: str, shape: Shape) -> dict[str, int]:
    """Bytes of the process held between forward and backward, and the most of a training step."""
    make = by_name(name, backend)
    Workload(make, shape._replace(steps=2), training=True).step()  # code is compiled and loaded, threads are started
    workload = Workload(make, shape, training=True)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _resident("VmRSS")
    output = workload.forward()
    held = _resident("VmRSS") - before
    workload.backward(output)
    return {"held": held, "peak": _resident("VmHWM") - before}


def _resident(key: str) -> int:
    """Bytes of memory of this process, now ("VmRSS") or at most ("VmHWM")."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[key].split()[0]) * 1024


def time_all(name: str, backend: str, shapes: list[Shape], training: bool, pairs: int) -> list[Timing]:
    """A sweep over shapes."""
    return list(sweep(name, by_name(name, backend), shapes, training, pairs).values())


JOBS = {"times": times, "train_for": train_for, "memory": memory, "time_all": time_all}


def main() -> None:
    job, arguments = sys.argv[1], json.loads(sys.argv[2])
    torch.set_num_threads(arguments.pop("threads"))
    if "shape" in arguments:
        arguments["shape"] = Shape(*arguments["shape"])
    if "shapes" in arguments:
        arguments["shapes"] = [Shape(*shape) for shape in arguments["shapes"]]
    print(json.dumps(JOBS[job](**arguments)))  # type: ignore[operator]


if __name__ == "__main__":
    main()
