"""Compiled libraries: made once, kept whole, trusted only if they are ours, with one clear line when that can't be."""

import os
import signal
import tempfile
import threading
import time
import warnings
from pathlib import Path

import pytest
from libraries import CC, SOURCE, TRAILER, in_another_process, line_of, run_alone, start_alone, wait_until
from patience import PATIENCE

from seqmodels.engine.native import build, cache
from seqmodels.engine.native.build import cache_folder, load

pytestmark = [pytest.mark.skipif(not CC, reason="no C compiler"), pytest.mark.usefixtures("folder")]


def test_the_folder_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("SEQMODELS_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert cache_folder() == tmp_path / "home" / ".cache" / "seqmodels" / "native"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # to be ignored
    assert cache_folder() == tmp_path / "home" / ".cache" / "seqmodels" / "native"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_folder() == tmp_path / "xdg" / "seqmodels" / "native"
    monkeypatch.setenv("SEQMODELS_CACHE", "~/mine")
    assert cache_folder() == tmp_path / "home" / "mine" / "native"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SEQMODELS_CACHE", "here")
    assert cache_folder() == tmp_path / "here" / "native"
    assert load(SOURCE).answer() == 42


def fallback(place: str, *reasons: str) -> None:
    """Two libraries load nevertheless, with one warning of one line, and nothing is left in temporary folders."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert load(SOURCE).answer() == 42
        assert load(SOURCE.replace("42", "43")).answer() == 43
    assert [warning.category for warning in caught] == [RuntimeWarning]
    line = str(caught[0].message)
    assert "\n" not in line
    for part in (place, "set SEQMODELS_CACHE to a writable folder", *reasons):
        assert part in line
    assert os.listdir(tempfile.gettempdir()) == []


def test_a_folder_that_cant_be_made_is_replaced_by_a_temporary_one(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEQMODELS_CACHE", str(tmp_path / "file" / "below"))
    fallback(f"{tmp_path}/file/below/native", "Not a directory")
    assert cache_folder() is None


def test_a_folder_that_cant_be_written_is_replaced_by_a_temporary_one():
    place = Path("/proc/self")  # a folder of ours in which nobody can make a file
    if not place.is_dir():
        pytest.skip("no /proc")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "location", lambda: place)
        fallback("/proc/self")


def test_the_warning_is_about_the_caller_and_comes_once(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEQMODELS_CACHE", str(tmp_path / "file"))
    done = run_alone('for answer in "123":\n    print(build.load(SOURCE.replace("42", answer)).answer())')
    assert done.stdout.split() == ["1", "2", "3"]
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("<string>:")


def test_a_library_in_a_folder_that_cant_be_written_is_used(folder, monkeypatch):
    load(SOURCE)
    build._loaded.clear()

    def read_only(lock):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(cache, "one_process", read_only)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(SOURCE).answer() == 42


def test_the_compiler_needs_no_other_folder(folder, scripted, tmp_path):
    scripted(f'echo "$TMPDIR" > "{tmp_path}/used"')
    load(SOURCE)
    assert (tmp_path / "used").read_text().startswith(f"{folder}/")


def test_no_home_folder_is_no_obstacle(monkeypatch):
    monkeypatch.delenv("SEQMODELS_CACHE")
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)  # what it does if there is none
    fallback("~/.cache/seqmodels/native", "there is no home folder")


def test_a_folder_that_others_can_write_to_is_refused(folder):
    load(SOURCE)
    (kept,) = folder.iterdir()
    build._loaded.clear()
    folder.chmod(0o770)
    fallback(str(folder), "other users may write to it")
    assert list(folder.iterdir()) == [kept]


def test_a_folder_of_another_user_is_refused(folder, monkeypatch):
    folder.mkdir(parents=True)
    if os.geteuid() == 0:
        os.chown(folder, 65534, 65534)
        fallback(str(folder), "it belongs to another user")
    else:
        monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert cache_folder() is None


def test_a_library_that_others_can_write_to_is_made_anew(folder, scripted):
    compilations = scripted()
    load(SOURCE)
    (kept,) = folder.iterdir()
    kept.chmod(0o777)
    assert in_another_process() == "42"
    assert compilations() == 2
    assert kept.stat().st_mode & 0o777 == 0o700


def test_libraries_are_ours_alone_whatever_the_umask(folder):
    code = "os.umask(0)\nprint(build.load(SOURCE).answer())"
    assert in_another_process(code) == "42"
    (kept,) = folder.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o700
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_full_disk_is_replaced_by_a_temporary_folder(folder, scripted):
    full = f'case "$*" in *{folder}*) echo "ld: final link failed: No space left on device" >&2; exit 1;; esac'
    scripted(full)
    fallback(str(folder), "No space left on device")
    assert list(folder.iterdir()) == []


def test_a_limit_on_the_size_of_files_is_one_line_and_leaves_no_half_file(folder):
    load(SOURCE)
    (kept,) = folder.iterdir()
    size = kept.stat().st_size
    kept.unlink()
    for limit in (1, 2000, size - 10):  # met by the source, by the compiler, by the trailer
        code = (
            f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
            "try:\n    build.load(SOURCE)\nexcept build.NoCompiler as error:\n    print(error)"
        )
        (line,) = in_another_process(code).splitlines()
        assert "File too large" in line or "File size limit exceeded" in line or "failed" in line
        assert "set SEQMODELS_C" in line
        assert list(folder.iterdir()) == []


def test_without_any_folder_it_is_one_line_that_names_both(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("SEQMODELS_CACHE", str(tmp_path / "file" / "below"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    line = line_of()
    assert f"{tmp_path}/file/below/native (Not a directory)" in line
    assert "temporary folder (No such file or directory)" in line


# Damage


def flip(content: bytes) -> bytes:
    middle = len(content) // 3
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@pytest.mark.parametrize(
    "damage",
    [
        flip,
        lambda content: content[:-1] + bytes([content[-1] ^ 128]),
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1],
        lambda content: content[:-TRAILER],  # without its trailer
        lambda content: content[-TRAILER:],  # nothing but
        lambda content: b"",
    ],
    ids=["bit of the code", "bit of the trailer", "half", "one byte short", "no trailer", "only a trailer", "empty"],
)
def test_a_damaged_library_is_made_anew_without_a_word(damage, folder, scripted):
    compilations = scripted()
    assert in_another_process() == "42"
    (kept,) = folder.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    assert in_another_process() == "42"
    assert kept.read_bytes() == whole
    assert compilations() == 2
    assert list(folder.iterdir()) == [kept]


def test_a_whole_library_that_this_system_cant_load_is_made_anew(folder, scripted):
    compilations = scripted()
    assert in_another_process() == "42"
    (kept,) = folder.iterdir()
    kept.write_bytes(b"for another system")
    cache.seal(kept)
    assert in_another_process() == "42"
    assert compilations() == 2


def test_what_killed_processes_left_is_removed_after_an_hour(folder):
    load(SOURCE)
    (kept,) = folder.iterdir()
    for name in (".work-old", ".work-new", "old.lock", "new.lock", "mine"):
        path = folder / name
        path.touch() if name.endswith("lock") else path.mkdir()
        if name.startswith(".work"):
            (path / "source.c").touch()
        if "new" not in name:
            os.utime(path, (0, time.time() - 3700))
    load(SOURCE.replace("42", "43"))
    left = {path.name for path in folder.iterdir() if path.suffix != ".so"}
    assert left == {".work-new", "new.lock", "mine"}
    assert kept.exists()


# Many at once


def test_processes_that_start_together_compile_once(folder, scripted):
    compilations = scripted("sleep 0.3")
    started = [start_alone("print(build.load(SOURCE).answer())") for _ in range(8)]
    assert [process.communicate(timeout=PATIENCE) for process in started] == [(b"42\n", b"")] * 8
    assert compilations() == 1
    assert [path.suffix for path in folder.iterdir()] == [".so"]


def test_processes_without_locks_are_all_correct(folder, scripted):
    scripted("sleep 0.1")
    code = "from seqmodels.engine.native import cache\ncache.fcntl = None\nprint(build.load(SOURCE).answer())"
    started = [start_alone(code) for _ in range(4)]
    assert [process.communicate(timeout=PATIENCE) for process in started] == [(b"42\n", b"")] * 4
    assert [path.suffix for path in folder.iterdir()] == [".so"]


def test_threads_compile_once_and_share_the_library(scripted):
    compilations = scripted("sleep 0.1")
    found: list = []
    threads = [threading.Thread(target=lambda: found.append(load(SOURCE))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [library.answer() for library in found] == [42] * 8
    assert len(set(map(id, found))) == 1
    assert compilations() == 1


def test_a_killed_process_blocks_nobody(folder, scripted, tmp_path):
    waiting = tmp_path / "waiting"
    compilations = scripted(f'if [ ! -e "{waiting}" ]; then echo $$ > "{waiting}"; exec sleep 600; fi')
    killed = start_alone("build.load(SOURCE)")
    wait_until(lambda: waiting.exists() and waiting.read_text())
    killed.kill()
    killed.communicate()
    os.kill(int(waiting.read_text()), signal.SIGKILL)
    begin = time.monotonic()
    assert in_another_process() == "42"
    assert time.monotonic() - begin < PATIENCE
    assert compilations() == 2


def test_a_stuck_process_is_waited_for_but_not_for_ever(folder, scripted, tmp_path, monkeypatch):
    waiting = tmp_path / "waiting"
    scripted(f'if [ ! -e "{waiting}" ]; then echo $$ > "{waiting}"; sleep 2; fi')
    stuck = start_alone("print(build.load(SOURCE).answer())")
    wait_until(waiting.exists)
    monkeypatch.setattr(cache, "_PATIENCE", 0.1)
    assert load(SOURCE).answer() == 42
    assert stuck.poll() is None
    assert stuck.communicate(timeout=PATIENCE) == (b"42\n", b"")
    assert [path.suffix for path in folder.iterdir()] == [".so"]


def test_a_forked_child_can_use_and_load_libraries():
    code = """
import signal, threading
library = build.load(SOURCE)
build._lock.acquire()  # as a thread that compiles
child = os.fork()
if not child:
    signal.alarm(10)
    again = build.load(SOURCE)
    other = build.load(SOURCE.replace("42", "43"))
    os._exit(0 if again is library and again.answer() == 42 and other.answer() == 43 else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert in_another_process(code) == "0"
