"""Sources are compiled by the first compiler that serves, for this processor, or one clear line says why not."""

import ctypes
import importlib.util
import os
import platform
import sys
import time
import warnings
from pathlib import Path

import pytest
from libraries import CC, SOURCE, in_another_process, line_of, wait_until
from patience import PATIENCE

from seqmodels.engine.native import build
from seqmodels.engine.native.build import NoCompiler, cache_folder, compiler, load, target

pytestmark = [pytest.mark.skipif(not CC, reason="no C compiler"), pytest.mark.usefixtures("folder")]


def test_a_source_is_compiled_once_and_kept_for_other_processes(folder, scripted):
    compilations = scripted()
    library = load(SOURCE)
    assert library.answer() == 42
    assert load(SOURCE) is library
    assert in_another_process() == "42"
    assert compilations() == 1
    (kept,) = folder.iterdir()  # no temporary files, no locks
    assert kept.suffix == ".so"
    assert len(kept.stem) == 32
    assert folder.stat().st_mode & 0o777 == 0o700
    assert cache_folder() == folder


def test_another_source_is_another_library(folder):
    assert load(SOURCE.replace("42", "43")).answer() == 43
    assert load(SOURCE).answer() == 42
    assert len(list(folder.iterdir())) == 2


def test_rounding_by_adding_a_large_number_works_and_nan_is_seen():
    library = load(
        "float rounded(float x) { return (x + 12582912.0f) - 12582912.0f; }\nint is_nan(float x) { return x != x; }\n"
    )
    library.rounded.restype, library.rounded.argtypes = ctypes.c_float, [ctypes.c_float]
    library.is_nan.argtypes = [ctypes.c_float]
    assert library.rounded(2.3) == 2
    assert library.is_nan(float("nan")) == 1


def test_a_library_brings_the_functions_of_mathematics(folder):
    library = load("#include <math.h>\ndouble tangent(double x) { return tanh(x); }")
    library.tangent.restype, library.tangent.argtypes = ctypes.c_double, [ctypes.c_double]
    assert library.tangent(0.5) == pytest.approx(0.46211715726)
    (kept,) = folder.iterdir()
    assert b"libm.so" in kept.read_bytes() or platform.libc_ver()[0] != "glibc"


def without_compilers(tmp_path, monkeypatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "ziglang" else found(name))


def test_no_compiler_is_one_line_with_the_fix(tmp_path, monkeypatch):
    without_compilers(tmp_path, monkeypatch)
    expected = "no C compiler found; install gcc or clang, or pip install ziglang; or set SEQMODELS_CC"
    assert line_of() == expected
    with pytest.raises(NoCompiler):
        compiler()


@pytest.mark.parametrize("setting", ["no-such-compiler -m64", "/", "false", "'unbalanced"])
def test_a_compiler_that_cant_be_run_is_named(setting, monkeypatch):
    monkeypatch.setenv("SEQMODELS_CC", setting)
    line = line_of()
    assert "SEQMODELS_CC is" in line
    assert setting.strip("'") in line


def test_the_first_compiler_that_runs_is_taken(tmp_path, monkeypatch):
    for name, status in (("cc", 1), ("gcc", 0), ("clang", 0)):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {name} 1.0\nexit {status}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert compiler() == [str(tmp_path / "gcc")]
    monkeypatch.setenv("SEQMODELS_CC", f"'{tmp_path / 'clang'}' -m64")
    assert compiler() == [str(tmp_path / "clang"), "-m64"]


def test_the_wheel_of_zig_compiles_where_nothing_else_can(tmp_path, monkeypatch):
    wheel = tmp_path / "site" / "ziglang"
    wheel.mkdir(parents=True)
    (wheel / "__init__.py").touch()
    (wheel / "__main__.py").write_text(
        "import os, sys\n"
        "if sys.argv[1] == 'version': sys.exit(print('0.17'))\n"
        "assert sys.argv[1] == 'cc' and os.environ['ZIG_GLOBAL_CACHE_DIR']\n"
        f"os.environ['PATH'] = {os.environ['PATH']!r}\n"
        f"os.execv({CC!r}, [{CC!r}, *sys.argv[2:]])\n"
    )
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    monkeypatch.syspath_prepend(wheel.parent)
    monkeypatch.setenv("PYTHONPATH", str(wheel.parent))
    assert compiler() == [sys.executable, "-m", "ziglang", "cc"]
    assert load("int zig(void) { return 7; }").zig() == 7
    assert "ziglang" not in sys.modules


@pytest.mark.skipif(platform.machine() != "x86_64", reason="levels of x86")
def test_each_instruction_set_has_its_flags_and_its_file(folder, monkeypatch):
    flags = {"native": "-march=native", "avx512": "-march=x86-64-v4", "avx2": "-march=x86-64-v3", "portable": None}
    for count, (choice, flag) in enumerate(flags.items(), 1):
        monkeypatch.setenv("SEQMODELS_ISA", choice)
        assert target() == ((flag,) if flag else ())
        assert load(SOURCE).answer() == 42
        assert len(list(folder.iterdir())) == count
    monkeypatch.delenv("SEQMODELS_ISA")
    assert target() == ("-march=native",)
    monkeypatch.setattr(build, "compiler", lambda: ["python", "-m", "ziglang", "cc"])
    for choice, flag in {"native": "-march=native", "avx2": "-march=x86_64_v3", "portable": "-march=baseline"}.items():
        monkeypatch.setenv("SEQMODELS_ISA", choice)
        assert target() == (flag,)


def test_other_processors_have_other_flags(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    assert target() == ("-mcpu=native",)
    monkeypatch.setenv("SEQMODELS_ISA", "avx2")
    assert line_of() == "SEQMODELS_ISA is 'avx2'; on aarch64 it is one of native, portable"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="levels of x86")
def test_an_unknown_instruction_set_is_one_line_that_names_the_known(monkeypatch):
    monkeypatch.setenv("SEQMODELS_ISA", "sse9")
    assert line_of() == "SEQMODELS_ISA is 'sse9'; on x86_64 it is one of native, avx512, avx2, portable"


def test_another_processor_has_another_file_unless_the_code_is_portable(folder, monkeypatch):
    for choice, files in (("native", 2), ("portable", 3)):
        monkeypatch.setenv("SEQMODELS_ISA", choice)
        for flags in ("flags : sse2", "flags : sse2 avx512f"):
            monkeypatch.setattr(build, "_processor", lambda flags=flags: flags)
            load(SOURCE)
        assert len(list(folder.iterdir())) == files


def test_another_version_of_the_compiler_has_another_file(folder, monkeypatch):
    load(SOURCE)
    monkeypatch.setattr(build, "_version", lambda *command: "cc 99.0")
    load(SOURCE)
    assert len(list(folder.iterdir())) == 2


def test_other_options_of_the_compiler_have_another_file(folder, monkeypatch):
    for count, options in enumerate(("", "-g", "-g -DEXTRA"), 1):
        monkeypatch.setenv("SEQMODELS_CC", f"{CC} {options}")
        load(SOURCE)
        assert len(list(folder.iterdir())) == count


def test_a_mistake_in_the_source_is_the_first_error_on_one_line(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        line = line_of("#warning first\nint answer(void) { return unknown; }\nint other(void) { return unknown; }")
    assert line.startswith(f"{CC} failed: source.c:2:")
    assert "unknown" in line
    assert "set SEQMODELS_CC" in line
    assert list(folder.iterdir()) == []


def test_a_compiler_that_takes_too_long_is_ended_with_all_it_started(folder, scripted, monkeypatch, tmp_path):
    compilations = scripted(f'sleep 600 & echo $! > "{tmp_path}/child"; wait')
    monkeypatch.setattr(build, "_SECONDS", 1.0)
    compiler()
    begin = time.monotonic()
    assert "was stopped after 1 seconds" in line_of()
    assert time.monotonic() - begin < PATIENCE
    assert compilations() == 1
    child = int((tmp_path / "child").read_text())
    wait_until(lambda: not Path(f"/proc/{child}/cmdline").exists() or not Path(f"/proc/{child}/cmdline").read_bytes())
    assert list(folder.iterdir()) == []
