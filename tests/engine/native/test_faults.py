"""Whatever the machine lacks, results are right and one line says what is slow, and how to mend it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from patience import PATIENCE

from seqmodels import RNN

RUN = """
import sys, warnings, torch
from seqmodels import RNN
warnings.simplefilter("always")
torch.manual_seed(0)
rnn, x = RNN("mut3", 3, 17), torch.randn(5, 2, 3)
results = []
for backend in sys.argv[1:]:
    rnn.backend = backend
    rnn.zero_grad()
    output = rnn(x)[0]
    output.square().sum().backward()
    results.append([output.detach(), *(p.grad.clone() for p in rnn.parameters())])
for a, b in zip(*results):
    torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-5)
print(float(results[0][0].sum()))
"""


def run(environment: dict[str, str], *backends: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-c", RUN, *backends],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=200,
    )


def said(done: subprocess.CompletedProcess) -> list[str]:
    """The warnings of ours."""
    return [line for line in done.stderr.splitlines() if "Warning: " in line and ("plain" in line or "kept" in line)]


def test_no_compiler_on_the_path(tmp_path):
    environment = {"PATH": str(tmp_path), "SEQMODELS_CC": ""}
    done = run(environment, "auto", "reference")
    assert done.returncode == 0, done.stderr
    (line,) = said(done)
    assert "no C compiler found; install gcc or clang, or pip install ziglang" in line
    refused = run(environment, "native", "reference")
    assert "OptionError: backend='native' can't run this: no C compiler found" in refused.stderr.splitlines()[-1]


@pytest.mark.parametrize("folder", ["a file/below", "/proc/seqmodels"])
def test_a_cache_folder_that_cannot_be_made(folder, tmp_path):
    (tmp_path / "a file").touch()
    done = run({"SEQMODELS_CACHE": str(tmp_path / folder)}, "native", "reference")
    assert done.returncode == 0, done.stderr
    (line,) = said(done)
    assert "set SEQMODELS_CACHE to a writable folder" in line


def test_a_full_disk(tmp_path):
    compiler, script, cache = shutil.which("cc") or shutil.which("gcc"), tmp_path / "cc", tmp_path / "cache"
    full = f'case "$*" in *{cache}*) echo "ld: final link failed: No space left on device" >&2; exit 1;; esac'
    script.write_text(f'#!/bin/sh\n{full}\nexec {compiler} "$@"\n')
    script.chmod(0o755)
    done = run({"SEQMODELS_CACHE": str(cache), "SEQMODELS_CC": str(script)}, "native", "reference")
    assert done.returncode == 0, done.stderr
    (line,) = said(done)
    assert "No space left on device" in line
    assert "set SEQMODELS_CACHE to a writable folder" in line
    assert list((cache / "native").iterdir()) == []


def test_corrupt_libraries_in_the_cache_are_made_anew(tmp_path):
    environment = {"SEQMODELS_CACHE": str(tmp_path)}
    first = run(environment, "native", "reference")
    libraries = list(Path(tmp_path).rglob("*.so"))
    assert len(libraries) >= 2
    for number, library in enumerate(libraries):
        whole = library.read_bytes()
        library.write_bytes(whole[: len(whole) // 2] if number % 2 else whole[:2000] + b"\0" * 50 + whole[2050:])
    second = run(environment, "native", "reference")
    assert (second.returncode, second.stdout) == (0, first.stdout), second.stderr
    assert said(second) == []


def test_many_processes_that_start_at_once_on_an_empty_cache(tmp_path):
    command = [sys.executable, "-c", RUN, "native", "reference"]
    environment = {**os.environ, "SEQMODELS_CACHE": str(tmp_path), "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    ended = [process.communicate(timeout=280) for process in started]
    assert [process.returncode for process in started] == [0] * 8, ended
    assert len({shown for shown, _ in ended}) == 1
    assert not any("Warning: " in line and "kept" in line for _, errors in ended for line in errors.splitlines())


@pytest.mark.parametrize("isa", ["portable", "native"])
def test_the_instruction_set_may_change_in_a_process(isa, monkeypatch):
    x, found = torch.randn(5, 3, 4), []
    RNN("gru", 4, 6, backend="native")(x)
    monkeypatch.setenv("SEQMODELS_ISA", isa)
    cell = RNN("coupled", 4, 37).cell
    for backend in ("native", "reference"):
        found.append(RNN(cell, 4, 37, backend=backend)(x)[0])
    torch.testing.assert_close(*found)


FORKED = """
import os, threading, torch
from seqmodels import RNN
from seqmodels.engine import generated
rnn, tracing, done = RNN("lstm", 32, 64, backend="native"), threading.Event(), threading.Event()
def trace():
    with generated._tracing:
        tracing.set(), done.wait()
threading.Thread(target=trace, daemon=True).start()
tracing.wait()
child = os.fork()
if child == 0:
    torch.set_num_threads(1)  # as in workers of data loaders: torch's own products would wait for its pool
    with torch.no_grad():
        os._exit(0 if rnn(torch.randn(8, 64, 32))[0].shape == (8, 64, 64) else 1)
done.set()
assert os.waitpid(child, 0)[1] == 0
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_child_may_be_the_first_to_run_a_cell_whatever_its_parent_was_doing():
    done = subprocess.run([sys.executable, "-c", FORKED], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("isa", ["avx2", "portable"])
def test_other_instruction_sets_give_the_same_values(isa):
    done = run({"SEQMODELS_ISA": isa}, "native", "reference")
    assert done.returncode == 0, done.stderr
