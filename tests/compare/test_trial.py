"""One trial: the same numbers however often it is stopped, and every failure is a result."""

import dataclasses
import math
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from trials import numbers, trial

import seqmodels
from seqmodels.compare import Problem, Result, Training, get_problem, run_trial
from seqmodels.compare.environment import environment
from seqmodels.compare.files import read_json, write_json
from seqmodels.compare.trial import make_job, scale_matrices
from seqmodels.tasks import load


@pytest.fixture
def whole(problem: Problem, training: Training, tmp_path: Path) -> Result:
    """An undisturbed trial."""
    return run_trial(problem, trial(), training, tmp_path / "whole")


def test_a_trial_leaves_its_history_its_result_and_its_best_weights(problem, training, whole, tmp_path) -> None:
    assert whole.status == "finished"
    assert whole.environment == environment()
    assert [point.step for point in whole.history] == [5, 10, 15, 20]
    assert [point.tokens for point in whole.history] == [200, 400, 600, 800]
    assert whole.value == max(point.value for point in whole.history)
    assert 0 <= whole.test <= 1
    assert {path.name for path in (tmp_path / "whole").iterdir()} == {"best.ckpt", "result.json", "trial.json"}
    assert Result.from_dict(read_json(tmp_path / "whole" / "result.json")) == whole
    assert load(tmp_path / "whole" / "best.ckpt").hparams["cell"] == "lstm"


def test_it_learns(problem, tmp_path) -> None:
    result = run_trial(problem, trial(learning_rate=0.02), Training(steps=120, validations=4), tmp_path)
    assert result.history[-1].train_loss < 0.9 * result.history[0].train_loss
    assert result.value > 0.15  # one of 29 characters at random: 0.03


@pytest.mark.parametrize("cell", ["lstm", "mut2"])
def test_pausing_changes_no_number(problem, training, tmp_path, cell) -> None:
    undisturbed = run_trial(problem, trial(cell), training, tmp_path / "a")
    for until in (5, 15):  # an epoch has 7 windows
        paused = run_trial(problem, trial(cell), training, tmp_path / "b", until)
        assert paused.status == "stopped"
        assert paused.history[-1].step == until
    assert numbers(run_trial(problem, trial(cell), training, tmp_path / "b")) == numbers(undisturbed)


@pytest.mark.parametrize(
    ("signum", "said"), [(signal.SIGKILL, r""), (signal.SIGTERM, r"\nSIGTERM: stopped after step \d+\n")]
)
def test_a_trial_killed_at_any_moment_goes_on_and_gives_the_same(
    problem, training, whole, tmp_path, signum, said
) -> None:
    folder, code = tmp_path / "killed", "import sys, json; from seqmodels.compare.trial import run_job; "
    write_json(tmp_path / "job.json", make_job(problem, trial(), training, folder, None))
    code += f"run_job(json.load(open({str(tmp_path / 'job.json')!r})))"
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) as process:
        while not (folder / "last.ckpt").exists():
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signum)
        assert re.fullmatch(said, process.communicate()[1])
    left = {path.name for path in folder.iterdir() if not path.match(".seqmodels-*.tmp")}  # it may have been writing
    assert left <= {"best.ckpt", "last.ckpt", "progress.json", "trial.json"}
    assert numbers(run_trial(problem, trial(), training, folder)) == numbers(whole)
    assert {path.name for path in folder.iterdir()} == {"best.ckpt", "result.json", "trial.json"}


def test_a_damaged_checkpoint_means_from_the_start(problem, training, whole, tmp_path) -> None:
    folder = tmp_path / "damaged"
    run_trial(problem, trial(), training, folder, until=10)
    os.truncate(folder / "last.ckpt", 1000)
    assert numbers(run_trial(problem, trial(), training, folder)) == numbers(whole)


def test_data_that_can_not_go_on_within_an_epoch_starts_again(stranger) -> None:
    problem, training = get_problem("stranger:problem"), Training(steps=12, validations=4)
    one = dataclasses.replace(trial(), problem="series")
    undisturbed = run_trial(problem, one, training, Path("a"))
    run_trial(problem, one, training, Path("b"), until=3)
    assert numbers(run_trial(problem, one, training, Path("b"))) == numbers(undisturbed)


def test_seeds_make_a_difference_and_nothing_else_does(problem, training, whole, tmp_path) -> None:
    assert numbers(run_trial(problem, trial(), training, tmp_path / "again")) == numbers(whole)
    other = dataclasses.replace(trial(), seed=2)
    assert numbers(run_trial(problem, other, training, tmp_path / "other")) != numbers(whole)


def test_a_search_trial_is_not_tested_and_leaves_no_weights(problem, training, tmp_path) -> None:
    result = run_trial(problem, trial(phase="search"), training, tmp_path)
    assert math.isnan(result.test)
    assert not (tmp_path / "best.ckpt").exists()


def test_the_settings_are_those_of_the_training(problem, tmp_path) -> None:
    training = Training(steps=2, validations=1)
    frozen = run_trial(problem, trial(learning_rate=1e-30), training, tmp_path / "a")
    clipped = run_trial(
        problem, trial(gradient_clip=1e-30), dataclasses.replace(training, optimizer="sgd"), tmp_path / "b"
    )
    assert frozen.value == clipped.value  # nothing was learned, from the same beginning
    scaled = run_trial(problem, trial(learning_rate=1e-30, initial_scale=2.8), training, tmp_path / "c")
    assert scaled.history[0].train_loss != frozen.history[0].train_loss


def test_a_trial_of_given_time_ends_after_it(problem, tmp_path) -> None:
    training = Training(steps=10**6, seconds=1.0, validations=4)
    result = run_trial(problem, trial(), training, tmp_path)
    assert result.status == "finished"
    assert 1.0 <= result.seconds < 2.5
    assert len(result.history) >= 2
    assert math.isfinite(result.test)


@pytest.mark.parametrize(
    ("cell", "status", "error"),
    [("stranger:Broken", "failed", "RuntimeError: this cell is broken"), ("stranger:Exploding", "diverged", "step 0")],
)
def test_what_goes_wrong_is_a_result(stranger, problem, training, cell, status, error) -> None:
    result = run_trial(problem, trial(cell), training, Path("trial"))
    assert result.status == status
    assert error in result.error
    assert "\n" not in result.error
    assert Result.from_dict(read_json(Path("trial/result.json"))).error == result.error
    assert Path("trial/error.txt").exists() == (status == "failed")


def test_an_error_of_an_earlier_try_is_gone_once_a_trial_succeeds(problem, tmp_path) -> None:
    (tmp_path / "error.txt").write_text("no memory")
    assert run_trial(problem, trial(), Training(steps=1, validations=1), tmp_path).status == "finished"
    assert not (tmp_path / "error.txt").exists()


def test_a_metric_that_nobody_logs_is_named(stranger) -> None:
    wrong = dataclasses.replace(get_problem("stranger:problem"), metric="accuracy")
    result = run_trial(wrong, trial(), Training(steps=1, validations=1), Path("trial"))
    assert "logs no 'val_accuracy'; it logs: val_error" in result.error


def test_two_processes_train_one_trial(problem, tmp_path) -> None:
    """Ranks have streams of their own: the tokens are twice as many."""
    result = run_trial(problem, trial(), Training(steps=10, validations=2, devices=2), tmp_path)
    assert result.error == ""
    assert [point.tokens for point in result.history] == [400, 800]
    assert 0 <= result.test <= 1
    again = run_trial(problem, trial(), Training(steps=10, validations=2, devices=2), tmp_path / "again")
    assert numbers(again) == numbers(result)


def test_scaling_leaves_all_but_the_matrices_of_cells_as_their_authors_want_them() -> None:
    model = torch.nn.ModuleDict({"rnn": seqmodels.RNN("lstm", 3, 4, layer_norm=True), "linear": torch.nn.Linear(4, 2)})
    before = {name: value.clone() for name, value in model.state_dict().items()}
    scale_matrices(model, 2.0)
    for name, value in model.state_dict().items():
        scaled = ".cell." in name and value.dim() > 1
        assert torch.equal(value, before[name] * 2 if scaled else before[name]), name


def test_scaling_takes_each_matrix_once_though_cells_be_within_cells_and_share_it() -> None:
    outer, twin = seqmodels.get_cell("gru")(3, 4), seqmodels.get_cell("gru")(3, 4)
    outer.inner = seqmodels.get_cell("elman")(3, 4)
    model = torch.nn.ModuleList([outer, twin])
    name, shared = next((name, value) for name, value in outer.named_parameters() if value.dim() > 1)
    twin.get_submodule(name.rpartition(".")[0]).register_parameter(name.rpartition(".")[2], shared)
    before = {name: value.clone() for name, value in model.named_parameters()}
    scale_matrices(model, 2.0)
    for name, value in model.named_parameters():
        assert torch.equal(value, before[name] * (2 if value.dim() > 1 else 1)), name


def test_a_trial_that_fails_keeps_what_it_had_and_goes_on_from_there(problem, training, tmp_path, monkeypatch) -> None:
    search = trial(phase="search")
    undisturbed = run_trial(problem, search, training, tmp_path / "a")
    paused = run_trial(problem, search, training, tmp_path / "b", until=10)
    with monkeypatch.context() as patched:
        patched.setattr("seqmodels.compare.trial._make", broken)
        failed = run_trial(problem, search, training, tmp_path / "b")
    assert (failed.status, failed.error) == ("failed", "RuntimeError: no memory")
    assert (failed.history, failed.value) == (paused.history, paused.value)
    (tmp_path / "b" / "result.json").unlink()  # as --retry-failed may
    again = run_trial(problem, search, training, tmp_path / "b")
    assert numbers(again) == numbers(undisturbed)
    assert again.history[:2] == paused.history  # with their times: nothing was trained again
    assert not list((tmp_path / "b").glob("*.ckpt"))


def broken(*_: Any) -> Any:
    raise RuntimeError("no memory")


def test_a_trial_whose_processes_are_gone_keeps_what_it_had(problem, training, tmp_path, monkeypatch) -> None:
    paused = run_trial(problem, trial(), training, tmp_path, until=10)
    killed = subprocess.CompletedProcess([], -9, stdout="Killed\n")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: killed)
    failed = run_trial(problem, trial(), dataclasses.replace(training, devices=2), tmp_path)
    assert (failed.status, failed.error) == ("failed", "its processes ended with code -9: Killed")
    assert failed.history == paused.history
    assert Result.from_dict(read_json(tmp_path / "result.json")) == failed


def test_a_result_of_processes_that_are_gone_stands(problem, training, whole, tmp_path, monkeypatch) -> None:
    def finish(*_: Any, **__: Any) -> subprocess.CompletedProcess:
        write_json(tmp_path / "trial" / "result.json", whole.to_dict())
        return subprocess.CompletedProcess([], -9, stdout="Killed")

    monkeypatch.setattr("subprocess.run", finish)
    training = dataclasses.replace(training, devices=2)
    assert run_trial(problem, trial(), training, tmp_path / "trial") == whole


class Killed(BaseException):
    """The process ends here."""


def killed_before_its_result(monkeypatch, problem, training, folder, until=None) -> None:
    """A trial that is killed after its last checkpoint, before its result is written."""

    def kill(path: Path, values: Any) -> None:
        if path.name == "result.json":
            raise Killed
        write_json(path, values)

    with monkeypatch.context() as patched:
        patched.setattr("seqmodels.compare.trial.write_json", kill)
        with pytest.raises(Killed):
            run_trial(problem, trial(), training, folder, until)
    assert (folder / "last.ckpt").exists()
    assert not (folder / "result.json").exists()


def test_a_trial_killed_at_its_end_trains_no_further(problem, training, whole, tmp_path, monkeypatch) -> None:
    killed_before_its_result(monkeypatch, problem, training, tmp_path / "killed")
    assert numbers(run_trial(problem, trial(), training, tmp_path / "killed")) == numbers(whole)


def test_a_trial_killed_where_it_was_to_pause_trains_no_further(
    problem, training, whole, tmp_path, monkeypatch
) -> None:
    folder = tmp_path / "killed"
    killed_before_its_result(monkeypatch, problem, training, folder, until=10)
    paused = run_trial(problem, trial(), training, folder, until=10)
    assert (paused.status, paused.history[-1].step) == ("stopped", 10)
    assert numbers(run_trial(problem, trial(), training, folder)) == numbers(whole)


def test_what_was_reached_is_not_trained_again(problem, training, whole, tmp_path, monkeypatch) -> None:
    """Its worker was killed after writing the result, before telling of it."""
    run_trial(problem, trial(), training, tmp_path / "paused", until=10)
    monkeypatch.setattr("seqmodels.compare.trial._run", lambda *_: pytest.fail("nothing is left to train"))
    assert run_trial(problem, trial(), training, tmp_path / "whole") == whole
    assert run_trial(problem, trial(), training, tmp_path / "paused", until=10).history[-1].step == 10


def test_pausing_at_the_end_of_an_epoch_changes_no_number(problem, whole, training, tmp_path) -> None:
    small = dataclasses.replace(problem, data_options={**problem.data_options, "windows": 5})
    undisturbed = run_trial(small, trial(), training, tmp_path / "a")
    for until in (5, 10, 15):
        run_trial(small, trial(), training, tmp_path / "b", until)
    assert numbers(run_trial(small, trial(), training, tmp_path / "b")) == numbers(undisturbed)


def test_a_metric_that_is_no_number_is_the_worst_there_is_and_no_failure(stranger) -> None:
    unsure = dataclasses.replace(get_problem("stranger:problem"), model="stranger:Unsure")
    result = run_trial(unsure, trial(), Training(steps=3, validations=3), Path("trial"))
    assert result.error == ""
    assert [math.isnan(point.value) for point in result.history] == [True, False, True]
    assert result.value == result.history[1].value


def test_a_metric_that_is_never_a_number_has_diverged(stranger) -> None:
    unsure = dataclasses.replace(get_problem("stranger:problem"), model="stranger:Unsure")
    result = run_trial(unsure, trial(), Training(steps=1, validations=1), Path("trial"))
    assert (result.status, result.error) == ("diverged", "val_error was never a number")


def test_dropout_of_a_module_that_knows_nothing_of_studies_is_the_same_after_a_pause(stranger) -> None:
    noisy = dataclasses.replace(
        get_problem("stranger:problem"), model="stranger:Noisy", data="stranger:ResumableSeries"
    )
    training = Training(steps=12, validations=4)
    undisturbed = run_trial(noisy, trial(), training, Path("a"))
    run_trial(noisy, trial(), training, Path("b"), until=3)
    assert numbers(run_trial(noisy, trial(), training, Path("b"))) == numbers(undisturbed)
