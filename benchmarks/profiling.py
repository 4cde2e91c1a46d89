"""Where the time of a training step goes, as Linux's perf samples it."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import fresh_process
from engine_sections import CELL, Setting, table
from measure import Shape, progress

SECONDS = 3  # of samples; the process trains twice as long
PARTS = {  # by the names of functions in generated C; the first that matches
    "products": r"(kernel|outer)_\d+_\d+",
    "gates": r"(phase|reduce)_\d",
    "tiles and packing": r"(work|outer_block|sink|add_rows|multiply_|run_|pack)",
}
REST = "torch, Python, system"


def profiled(setting: Setting) -> str:
    """The cell at every shape, in training, with one thread."""
    setting.both()
    if shutil.which("perf") is None:
        return "Not measured: Linux's perf is not installed."
    rows = []
    for shape in setting.shapes:
        progress(f"{CELL}: profile, {shape}")
        shares = _shares(setting.backend, shape)
        rows.append([str(shape), *(f"{shares[part]:.0%}" for part in (*PARTS, REST))])
    return f"Shares of the time of `{CELL}` in training, one thread:\n\n{table(['T,B,H', *PARTS, REST], rows)}"


def _shares(backend: str, shape: Shape) -> dict[str, float]:
    """The share of each part, from 0 to 1."""
    arguments = {"name": CELL, "backend": backend, "shape": shape, "seconds": 2 * SECONDS, "threads": 1}
    command = [sys.executable, fresh_process.__file__, "train_for", json.dumps(arguments)]
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        try:
            if child.stdout.readline().strip() != fresh_process.READY:
                raise RuntimeError(f"{CELL} at {shape} did not start to train")
            file = Path(folder, "samples")
            _perf("record", "-q", "-o", file, "-p", child.pid, "--", "sleep", SECONDS)
            report = _perf("report", "--stdio", "--no-children", "-F", "overhead,symbol", "-i", file)
        finally:
            child.kill()
    shares = dict.fromkeys((*PARTS, REST), 0.0)
    for percent, function in re.findall(r"^\s*([\d.]+)%\s+\[[.k]\]\s+(\S+)", report, re.MULTILINE):
        part = next((part for part, names in PARTS.items() if re.match(names, function)), REST)
        shares[part] += float(percent) / 100
    return shares


def _perf(*arguments: object) -> str:
    """What it prints.

    Raises:
        RuntimeError: If it failed, as where samples aren't allowed; its last line.
    """
    done = subprocess.run(["perf", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"perf {arguments[0]}: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
    return done.stdout
