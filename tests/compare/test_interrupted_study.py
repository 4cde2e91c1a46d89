"""Studies whose workers die, that are killed, interrupted or damaged: nothing is lost, and nothing done twice."""

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from small_studies import OPTIONS, Pretend, done, run, study

from seqmodels.compare import LocalWorkers, Point, Result, Study, Trial
from seqmodels.compare.files import read_json, write_json
from seqmodels.compare.workers import Outcome
from seqmodels.errors import DataError
from seqmodels.files.folder_lock import FolderLock


def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(undisturbed, problem, tmp_path) -> None:
    """No number changes, and no step is trained again but those since a checkpoint, of the trial that was killed."""
    workers = LocalWorkers(2)
    traced = dataclasses.replace(problem, model="trials:Traced")
    killed: list[int] = []

    def kill_twice() -> None:
        """As soon as some trial has a checkpoint, and no result yet."""
        while len(killed) < 2:
            if list(tmp_path.glob("trials/*/*/*/last.ckpt")) and (ids := workers.process_ids):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(ids[0], signal.SIGKILL)
                    killed.append(ids[0])
                time.sleep(3)
            time.sleep(0.005)

    threading.Thread(target=kill_twice, daemon=True).start()
    assert run(tmp_path, traced, workers) == undisturbed[1]
    assert killed
    steps = {path.parent: path.read_text().split() for path in tmp_path.glob("trials/*/*/*/steps.txt")}
    for folder, trained in steps.items():
        last = read_json(folder / "result.json")["history"][-1]["step"]
        assert list(dict.fromkeys(map(int, trained))) == list(range(1, last + 1))
    interval = OPTIONS["training"].interval
    assert len(steps) == len(undisturbed[1])
    assert sum(len(trained) - len(set(trained)) for trained in steps.values()) <= interval * len(killed)


def test_a_study_killed_as_a_whole_goes_on_and_repeats_nothing(undisturbed, problem, tmp_path) -> None:
    code = f"""
from seqmodels.compare import *
if __name__ == "__main__":
    options = [["elman", "gru"], [Problem(**{problem.__dict__!r})]]
    more = dict(parameters=4_000, tolerance=0.05, training=Training(steps=12, validations=4), trials=3, seeds=2)
    Study({str(tmp_path / "study")!r}, *options, **more, space=Space(num_layers="1,2")).run(LocalWorkers(2))
"""
    (tmp_path / "main.py").write_text(code)
    with subprocess.Popen([sys.executable, str(tmp_path / "main.py")]) as process:
        while len(list(tmp_path.glob("study/trials/*/*/*/result.json"))) < 3:
            assert process.poll() is None
            time.sleep(0.05)
        process.kill()
    time.sleep(1.5)  # its workers see that it is gone
    before = {path: path.stat().st_mtime_ns for path in finished(tmp_path / "study")}
    assert before
    assert run(tmp_path / "study", problem, LocalWorkers(2)) == undisturbed[1]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def finished(folder: Path) -> list[Path]:
    return [path for path in folder.glob("trials/*/*/*/result.json") if '"status": "finished"' in path.read_text()]


def test_an_interrupted_study_gives_up_its_jobs_and_the_same_workers_go_on(problem, tmp_path) -> None:
    made = study(tmp_path, problem, trials=0, space=None)

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    workers = Pretend(lambda trial: None)
    with pytest.raises(KeyboardInterrupt):
        made.run(workers, interrupt)
    assert workers.jobs == {}
    others = iter([Outcome("somebody else's", 1)])
    workers.come = lambda trial: next(others, None) or done(trial)
    assert len(made.run(workers).results) == 4


def test_why_a_worker_died_stands_in_the_folder_of_the_trial(problem, tmp_path) -> None:
    made = study(tmp_path, problem, cells=["gru"], trials=0, space=None, seeds=1)
    workers = Pretend(lambda trial: Outcome(trial.key, error="its process died 3 times", died=True))
    (result,) = made.run(workers).results
    assert (made.folder_of(result.trial) / "error.txt").read_text() == "its process died 3 times\n"


def test_a_search_trial_whose_worker_dies_keeps_its_rungs_so_that_no_other_goes_on(problem, tmp_path) -> None:
    made = study(tmp_path, problem, cells=["gru"], seeds=1)

    def first_rung_then_death(trial: Trial) -> Outcome | Result:
        if trial.key in made.results:
            return Outcome(trial.key, error="its process died 3 times", died=True)
        value = 0.5 - trial.number / 10
        result = Result(trial, "stopped", (Point(6, 1.0, 100, value),), value)
        write_json(made.folder_of(trial) / "result.json", result.to_dict())
        return result

    assert made.run(Pretend(first_rung_then_death)).given_up == (("xml", "gru", 4_000),)
    first, *others = (made.results[f"xml/gru/search-{number}"] for number in range(3))
    assert (first.status, first.step, first.value) == ("failed", 6, 0.5)
    assert {result.status for result in others} == {"stopped"}

    trained = []

    def to_its_end(trial: Trial) -> Result:
        trained.append(trial.key)
        return dataclasses.replace(done(trial), history=(*first.history, Point(12, 2.0, 200, 0.5)))

    made.run(Pretend(to_its_end), retry_failed=True)
    assert trained == ["xml/gru/search-0", "xml/gru/final-0"]


def test_a_trial_that_was_done_before_its_worker_died_has_not_failed(problem, tmp_path) -> None:
    made = study(tmp_path, problem, cells=["gru"], trials=0, space=None, seeds=1)

    def death_after_the_result(trial: Trial) -> Outcome:
        write_json(made.folder_of(trial) / "result.json", done(trial).to_dict())
        return Outcome(trial.key, error="its process died 3 times", died=True)

    assert [result.status for result in made.run(Pretend(death_after_the_result)).results] == ["finished"]


def test_a_folder_is_run_by_one_process_at_a_time(undisturbed, problem, one_line) -> None:
    other = "from seqmodels.files.folder_lock import FolderLock\n"
    other += f"with FolderLock({str(undisturbed[0])!r}, 'runs this study'):\n"
    other += "    print('mine', flush=True); import time; time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", other], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with one_line(DataError, "another process runs this study"):
            study(undisturbed[0], problem).run(LocalWorkers(1))
        process.kill()
    with FolderLock(undisturbed[0], "runs this study"):
        pass


def test_a_damaged_file_is_named(undisturbed, problem, tmp_path, one_line) -> None:
    with one_line(DataError, "study.json", "does not exist"):
        Study.load(tmp_path)
    path = tmp_path / "trials" / "xml" / "gru" / "final-0" / "result.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    with one_line(DataError, str(path), "remove it"):
        study(tmp_path, problem)


def test_a_script_needs_no_guard_and_leaves_no_process_behind(problem, tmp_path) -> None:
    """What the documentation shows, as a file, and without closing the workers."""
    code = f"""
from seqmodels.compare import *
study = Study({str(tmp_path / "study")!r}, ["gru"], [Problem(**{problem.__dict__!r})], parameters=4_000, tolerance=0.05,
              training=Training(steps=2, validations=1), seeds=2)
workers = LocalWorkers(1)
print([result.status for result in study.run(workers).results])
"""
    (tmp_path / "script.py").write_text(code)
    command = [sys.executable, str(tmp_path / "script.py")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['finished', 'finished']"
