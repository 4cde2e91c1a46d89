"""Compiled libraries in tests: a small source, processes that load it without the rest of the package, waiting."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from patience import PATIENCE

from seqmodels.engine.native import build, cache
from seqmodels.engine.native.build import NoCompiler, load

SOURCE = "int answer(void) { return 42; }\n"
TRAILER = len(cache._trailer(b""))
CC = next((path for path in map(shutil.which, ("cc", "gcc", "clang")) if path), "")

# The package without the imports of `seqmodels/__init__.py`, which take seconds.
ALONE = f"""
import os, sys, types
for name in ("seqmodels", "seqmodels.engine", "seqmodels.engine.native"):
    module = sys.modules[name] = types.ModuleType(name)
    module.__path__ = [os.path.join({str(Path(build.__file__).parents[3])!r}, *name.split("."))]
from seqmodels.engine.native import build
SOURCE = {SOURCE!r}
"""


def run_alone(code: str, check: bool = True) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", ALONE + code], capture_output=True, text=True, timeout=PATIENCE, check=check
    )


def start_alone(code: str) -> subprocess.Popen:
    return subprocess.Popen([sys.executable, "-c", ALONE + code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def in_another_process(code: str = "print(build.load(SOURCE).answer())") -> str:
    done = run_alone(code)
    assert done.stderr == ""
    return done.stdout.strip()


def line_of(source: str = SOURCE) -> str:
    """The line that says why nothing was loaded."""
    with pytest.raises(NoCompiler) as caught:
        load(source)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def wait_until(condition) -> None:
    until = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.01)
