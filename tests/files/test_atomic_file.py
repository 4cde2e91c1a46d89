import os
import subprocess
import sys

import pytest

from seqmodels.files import atomic_file
from seqmodels.files.atomic_file import remove_litter, write_atomically

HOLD_A_TEMPORARY_FILE = """
import runpy, sys
write_atomically = runpy.run_path(sys.argv[2])["write_atomically"]  # without importing torch
with write_atomically(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("writing", flush=True)
    sys.stdin.read()
"""


def test_folders_are_made_and_old_content_replaced(tmp_path):
    path = tmp_path / "a" / "b" / "file"
    for content in (b"old", b"new"):
        with write_atomically(path) as file:
            file.write(content)
            assert not path.exists() or path.read_bytes() == b"old"
        assert path.read_bytes() == content
    assert os.listdir(path.parent) == ["file"]


def test_a_new_file_has_the_usual_permissions(tmp_path):
    usual = tmp_path / "usual"
    usual.touch()
    with write_atomically(tmp_path / "ours"):
        pass
    assert (tmp_path / "ours").stat().st_mode == usual.stat().st_mode


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(TypeError), write_atomically(path) as file:
        file.writelines([b"half of the new", 3])
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_link_is_replaced_and_its_target_kept(tmp_path):
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    with write_atomically(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "target").read_bytes() == b"old"
    assert (tmp_path / "link").read_bytes() == b"new"


def test_only_the_litter_of_dead_writers_is_removed(tmp_path):
    command = [sys.executable, "-c", HOLD_A_TEMPORARY_FILE, str(tmp_path / "file"), atomic_file.__file__]
    writers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    try:
        for writer in writers:
            assert writer.stdout.readline() == b"writing\n"
        assert len(os.listdir(tmp_path)) == 2
        assert remove_litter(tmp_path) == []
        writers[0].kill()
        writers[0].wait()
        assert len(remove_litter(tmp_path)) == 1
        writers[1].communicate(b"")
        assert writers[1].returncode == 0
        assert (tmp_path / "file").read_bytes() == b"half"  # the live writer was not disturbed
        assert os.listdir(tmp_path) == ["file"]
    finally:
        for writer in writers:
            writer.kill()
            writer.communicate()
