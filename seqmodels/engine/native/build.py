"""Compiles C source text for this machine's processor and loads it; what was compiled once is kept on the disk."""

import contextlib
import ctypes
import functools
import hashlib
import importlib.util
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from seqmodels.engine.native import cache

# Not -ffast-math: it folds (x + magic) - magic, by which numbers are rounded, into x, and assumes that there is no NaN.
FLAGS = ("-O3", "-std=gnu11", "-shared", "-fPIC", "-fno-math-errno", "-fno-trapping-math", "-w")
_LIBRARIES = ("-lm",)  # after the source: linkers look for what is missing so far
_LEVELS = {"avx512": "x86-64-v4", "avx2": "x86-64-v3"}
_SECONDS = 120.0

_loaded: dict[str, ctypes.CDLL] = {}
_lock = threading.Lock()


class NoCompiler(Exception):
    """Nothing can be compiled, or this source can't; one line says what, and the fix."""


def load(source: str) -> ctypes.CDLL:
    """Load C source text as a library, compiled now unless that was done before, by any process."""
    command, options = compiler(), [*FLAGS, *target()]
    name = _name(source, command, options)
    with _lock:
        if name not in _loaded:
            _loaded[name] = _load(source, [*command, *options], name)
        return _loaded[name]


def compiler() -> list[str]:
    """The command that compiles C: $SEQMODELS_CC, else the first that runs of cc, gcc, clang and the ziglang wheel."""
    setting = os.environ.get("SEQMODELS_CC", "").strip()
    if setting:
        try:
            command = shlex.split(setting)
            _version(*command)
        except (OSError, ValueError, subprocess.SubprocessError):
            raise NoCompiler(
                f"SEQMODELS_CC is {setting!r}, which can't be run; set it to the command of a C compiler, or unset it"
            ) from None
        return command
    for name in ("cc", "gcc", "clang"):
        path = shutil.which(name)
        with contextlib.suppress(OSError, subprocess.SubprocessError):  # such as the cc of macOS that only asks for one
            if path and _version(path) is not None:
                return [path]
    if sys.executable and importlib.util.find_spec("ziglang") is not None:
        return [sys.executable, "-m", "ziglang", "cc"]
    raise NoCompiler("no C compiler found; install gcc or clang, or pip install ziglang; or set SEQMODELS_CC")


def target() -> tuple[str, ...]:
    """The flags that choose the instruction set, by $SEQMODELS_ISA: this processor's own unless told otherwise."""
    machine = platform.machine().lower()
    is_x86 = machine in ("x86_64", "amd64")
    choices = ["native", *(_LEVELS if is_x86 else ()), "portable"]
    choice = os.environ.get("SEQMODELS_ISA") or "native"
    if choice not in choices:
        raise NoCompiler(f"SEQMODELS_ISA is {choice!r}; on {machine} it is one of {', '.join(choices)}")
    is_zig = _is_zig(compiler())
    if choice == "portable":
        return ("-march=baseline",) if is_zig else ()  # without a flag, zig takes this processor's own
    if choice != "native":
        level = _LEVELS[choice]
        return (f"-march={level.replace('-', '_') if is_zig else level}",)
    if is_x86 or machine in ("i386", "i686"):
        return ("-march=native",)
    return ("-mcpu=native",) if machine in ("arm64", "aarch64") else ()


def cache_folder() -> Path | None:
    """Where libraries are kept; None if that folder can't be made or others can write to it."""
    try:
        return cache.prepare()
    except OSError:
        return None


def _load(source: str, command: list[str], name: str) -> ctypes.CDLL:
    problem: Exception
    try:
        return _load_from(cache.prepare(), source, command, name)
    except (OSError, NoCompiler) as error:
        if isinstance(error.__cause__, subprocess.TimeoutExpired):
            raise
        problem = error
    # A compiler that fails may have met a full disk: the source is to blame only if it fails elsewhere too.
    try:
        with tempfile.TemporaryDirectory(prefix="seqmodels-", ignore_cleanup_errors=True) as folder:
            library = _load_from(Path(folder), source, command, name)  # stays loaded when its file is gone
    except OSError as error:
        raise NoCompiler(
            f"compiled code can be kept neither in {cache.location()} ({cache.reason(problem)}) nor in a temporary "
            f"folder ({cache.reason(error)}); set SEQMODELS_CACHE to a writable folder of your own"
        ) from error
    cache.warn_once(problem)
    return library


def _load_from(folder: Path, source: str, command: list[str], name: str) -> ctypes.CDLL:
    """Load a library from a folder, after making it if it isn't there as it should be; OSError: the folder's fault."""
    library = folder / f"{name}.so"
    with contextlib.suppress(OSError):
        return cache.open_library(library)
    with cache.one_process(folder / f"{name}{cache.LOCK}"):
        with contextlib.suppress(OSError):
            return cache.open_library(library)  # another process has made it meanwhile
        cache.remove_strays(folder)
        _make(library, source, command)
        return cache.open_library(library)


def _make(library: Path, source: str, command: list[str]) -> None:
    """Compile to a temporary file beside the library, which then takes its name in one step."""
    work = Path(tempfile.mkdtemp(prefix=cache.WORK, dir=library.parent))
    try:
        text, made = work / "source.c", work / "library.so"
        text.write_text(source, encoding="utf-8")
        _compile([*command, str(text), "-o", str(made), *_LIBRARIES], work)
        cache.seal(made)
        os.replace(made, library)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _compile(command: list[str], work: Path) -> None:
    # All temporary files go beside the result: no other folder need be writable. Zig hangs if its own can't be made.
    environment = {"ZIG_GLOBAL_CACHE_DIR": str(work.parent / "zig"), **os.environ, "LC_ALL": "C", "TMPDIR": str(work)}
    try:
        code, output = _run(command, environment)
    except OSError as error:
        raise NoCompiler(f"{command[0]} can't be run: {cache.reason(error)}; set SEQMODELS_CC") from error
    except subprocess.TimeoutExpired as error:
        raise NoCompiler(
            f"{command[0]} was stopped after {_SECONDS:g} seconds; set SEQMODELS_CC to another compiler"
        ) from error
    if code:
        lines = [line.strip() for line in output.replace(f"{work}{os.sep}", "").splitlines() if line.strip()]
        first = next((line for line in lines if "error" in line.lower()), (lines or [f"exit status {code}"])[0])
        raise NoCompiler(f"{command[0]} failed: {first[:300]}; set SEQMODELS_CC to another compiler")


def _run(command: list[str], environment: dict[str, str]) -> tuple[int, str]:
    """Exit status and messages of a command; if it takes too long, all processes that it has started are ended."""
    process = subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    with process:
        try:
            output, _ = process.communicate(timeout=_SECONDS)
        except BaseException:
            with contextlib.suppress(OSError):
                os.killpg(process.pid, signal.SIGKILL) if hasattr(os, "killpg") else process.kill()
            raise
    return process.returncode, output.decode(errors="replace")


def _name(source: str, command: list[str], options: list[str]) -> str:
    """A library's name: a digest of all that it depends on, since machines of many kinds may share one home folder."""
    parts = [source, *command[1:], *options, *_LIBRARIES, _version(*command), sys.platform, platform.machine()]
    if any(option.endswith("=native") for option in options):
        parts.append(_processor())
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


@functools.cache
def _version(*command: str) -> str:
    """The first line that a compiler says of itself; an error if it can't be run. Errors are not remembered."""
    asked = [*command[:-1], "version"] if _is_zig(command) else [*command, "--version"]
    done = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=True)
    return done.stdout.decode(errors="replace").partition("\n")[0]


def _is_zig(command: list[str] | tuple[str, ...]) -> bool:
    return command[-1] == "cc" and any(Path(word).name in ("zig", "zig.exe", "ziglang") for word in command)


@functools.cache
def _processor() -> str:
    """What the system says of the first processor, less what changes from moment to moment."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")[0]
    except OSError:
        return platform.processor()
    told = ("vendor_id", "cpu family", "model", "flags", "CPU implementer", "CPU part", "Features")
    lines = [line for line in first.splitlines() if line.startswith(told)]
    return "\n".join(lines) or platform.processor()


def _forget_the_lock() -> None:
    """A child that was forked while another thread held the lock would wait for ever."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_the_lock)
