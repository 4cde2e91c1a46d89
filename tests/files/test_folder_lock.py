import errno
import multiprocessing
import pickle
import threading

import pytest
from patience import PATIENCE

from seqmodels.errors import DataError
from seqmodels.files import folder_lock
from seqmodels.files.folder_lock import FolderLock

context = multiprocessing.get_context("fork")


def hold(folder, ready):
    with FolderLock(folder, "works here"):
        ready.set()
        context.Event().wait(PATIENCE)


def wait_without(lock, ready):
    lock.let_go()
    ready.set()
    context.Event().wait(PATIENCE)


def test_another_process_is_refused_until_the_holder_dies(tmp_path):
    ready = context.Event()
    holder = context.Process(target=hold, args=(tmp_path, ready))
    holder.start()
    assert ready.wait(PATIENCE)
    with pytest.raises(DataError) as caught, FolderLock(tmp_path, "works here"):
        pass
    assert str(caught.value) == f"{tmp_path}: another process works here; wait for it, or end it"
    holder.kill()
    holder.join()
    with FolderLock(tmp_path, "works here"):
        pass


def test_one_that_waits_has_it_when_the_holder_has_died(tmp_path, capsys):
    ready = context.Event()
    holder = context.Process(target=hold, args=(tmp_path, ready))
    holder.start()
    assert ready.wait(PATIENCE)
    threading.Timer(0.1, holder.kill).start()
    lock = FolderLock(tmp_path, "works here")
    with lock.waiting():
        assert lock.held
    assert not lock.held
    holder.join()
    assert capsys.readouterr().err == f"{tmp_path}: another process works here; waiting for it\n"


def test_one_object_holds_it_until_it_has_left_as_often_as_it_entered(tmp_path, one_line):
    lock = FolderLock(tmp_path, "works here")
    with lock:
        with lock:
            assert lock.held
        assert lock.held
        with one_line(DataError, "another process works here"), FolderLock(tmp_path, "works here"):
            pass
    assert not lock.held
    with FolderLock(tmp_path, "works here"):
        pass


def test_an_error_frees_it(tmp_path):
    with pytest.raises(KeyError), FolderLock(tmp_path, "works here"):
        raise KeyError
    with FolderLock(tmp_path, "works here"):
        pass


def test_a_fork_that_let_go_does_not_hold_it_longer_than_its_parent(tmp_path):
    lock, ready = FolderLock(tmp_path, "works here"), context.Event()
    with lock:
        fork = context.Process(target=wait_without, args=(lock, ready))
        fork.start()
        assert ready.wait(PATIENCE)
    with FolderLock(tmp_path, "works here"):
        assert fork.is_alive()
    fork.kill()
    fork.join()


def test_a_copy_does_not_hold_it(tmp_path, one_line):
    lock = FolderLock(tmp_path, "works here")
    with lock:
        copy = pickle.loads(pickle.dumps(lock))
        assert not copy.held
        with one_line(DataError, "another process works here"), copy:
            pass


def test_the_folder_is_made_or_the_error_is_one_line(tmp_path, one_line):
    with FolderLock(tmp_path / "a" / "b", "works here"):
        assert (tmp_path / "a" / "b").is_dir()
    (tmp_path / "file").touch()
    with one_line(DataError, str(tmp_path / "file"), "can't be written", "give another folder"):
        FolderLock(tmp_path / "file", "works here").__enter__()


def test_a_file_system_without_locks_is_written_all_the_same(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(folder_lock.fcntl, "flock", refuse)
    with FolderLock(tmp_path, "works here"), FolderLock(tmp_path, "works here"):
        pass
