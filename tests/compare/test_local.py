"""Workers of this machine: parallel, killed, orphaned."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import jobs
import pytest
from patience import PATIENCE

from seqmodels.compare import LocalWorkers


@pytest.fixture
def workers() -> Iterator[LocalWorkers]:
    made = LocalWorkers(2)
    yield made
    made.close()


def drain(workers: LocalWorkers) -> dict[str, object]:
    found = {}
    while (outcome := workers.wait()) is not None:
        found[outcome.key] = outcome.error or outcome.value
    return found


def test_jobs_run_in_other_processes_and_more_of_them_than_workers_wait(workers: LocalWorkers) -> None:
    for number in range(4):
        workers.submit(str(number), jobs.process_id, 0.2)
    found = drain(workers)
    assert set(found) == {"0", "1", "2", "3"}
    assert os.getpid() not in found.values()
    assert len(set(found.values())) <= 2


def test_an_error_is_one_line_and_the_worker_goes_on(workers: LocalWorkers) -> None:
    workers.submit("bad", jobs.fail, "no\nluck")
    workers.submit("good", jobs.add, 1, 2)
    assert drain(workers) == {"bad": "ValueError: no luck", "good": 3}


def test_the_job_of_a_killed_process_is_run_again(workers: LocalWorkers, tmp_path: Path) -> None:
    workers.submit("job", jobs.die_at_first, str(tmp_path), 2)
    workers.submit("other", jobs.add, 1, 2)
    assert drain(workers) == {"job": 3, "other": 3}


def test_a_job_whose_process_always_dies_is_given_up(workers: LocalWorkers, tmp_path: Path) -> None:
    workers.submit("job", jobs.die_at_first, str(tmp_path), 99)
    outcome = workers.wait()
    assert outcome is not None
    assert outcome.died
    assert outcome.error == "its process died 3 times, the last time by SIGKILL"
    workers.submit("next", jobs.add, 1, 1)
    assert drain(workers) == {"next": 2}


def test_a_job_that_was_given_up_is_tried_as_often_when_it_is_given_again(
    workers: LocalWorkers, tmp_path: Path
) -> None:
    workers.submit("job", jobs.die_at_first, str(tmp_path), 99)
    assert "died 3 times" in str(drain(workers)["job"])
    workers.submit("job", jobs.die_at_first, str(tmp_path), 5)
    assert drain(workers) == {"job": 6}


def test_an_idle_process_that_is_killed_is_replaced(workers: LocalWorkers) -> None:
    workers.submit("first", jobs.add, 1, 2)
    drain(workers)
    for process in workers.process_ids:
        os.kill(process, signal.SIGKILL)
    time.sleep(0.2)
    workers.submit("second", jobs.add, 2, 2)
    assert drain(workers) == {"second": 4}


def test_waiting_ends_after_the_timeout(workers: LocalWorkers) -> None:
    assert workers.wait(0.1) is None  # nothing to wait for
    workers.submit("long", jobs.process_id, 600)
    begin = time.monotonic()
    assert workers.wait(0.1) is None
    assert time.monotonic() - begin < PATIENCE


def test_closing_ends_what_runs(workers: LocalWorkers, tmp_path: Path) -> None:
    workers.submit("long", jobs.sleep_and_touch, str(tmp_path / "late"), 1.5)
    while not workers.process_ids:
        time.sleep(0.05)
    ids = workers.process_ids
    workers.close()
    for process in ids:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
    time.sleep(1.6)
    assert not (tmp_path / "late").exists()


def test_jobs_that_are_given_up_end_and_others_go_on(workers: LocalWorkers, tmp_path: Path) -> None:
    workers.submit("running", jobs.sleep_and_touch, str(tmp_path / "late"), 600)
    workers.submit("kept", jobs.process_id, 1.0)
    workers.submit("waiting", jobs.add, 1, 2)
    (process, _) = workers.process_ids
    workers.cancel(["running", "waiting", "unknown"])
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    workers.submit("next", jobs.add, 2, 2)
    assert set(drain(workers)) == {"kept", "next"}


def test_workers_that_are_closed_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: set[object] = set()
    monkeypatch.setattr("atexit.register", kept.add)
    monkeypatch.setattr("atexit.unregister", kept.discard)
    workers = LocalWorkers(2)
    for _ in range(2):  # they may be used again
        workers.submit("sum", jobs.add, 1, 2)
        assert kept == {workers.close}
        workers.close()
        assert not kept


def test_each_process_has_its_threads_and_gpus() -> None:
    workers = LocalWorkers(1, threads=2, gpus=["3,4"])
    workers.submit("threads", jobs.threads)
    workers.submit("gpus", jobs.gpus)
    assert drain(workers) == {"threads": 2, "gpus": "3,4"}
    workers.close()


def test_processes_end_with_the_one_that_made_them(tmp_path: Path) -> None:
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parents[1])!r})
import jobs
from seqmodels.compare import LocalWorkers
if __name__ == "__main__":
    workers = LocalWorkers(1)
    workers.submit("first", jobs.add, 1, 2)
    workers.wait()
    workers.submit("late", jobs.sleep_and_touch, {str(tmp_path / "late")!r}, 4)
    print("ready", flush=True)
    workers.wait()
"""
    (tmp_path / "main.py").write_text(code)
    with subprocess.Popen([sys.executable, str(tmp_path / "main.py")], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.kill()
    time.sleep(5)
    assert not (tmp_path / "late").exists()
