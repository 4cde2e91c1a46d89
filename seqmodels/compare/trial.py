"""One trial: a Lightning run of a cell on a problem, from wherever it was left to wherever it is to go."""

from __future__ import annotations

import contextlib
import math
import os
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.plugins.environments import LightningEnvironment

from seqmodels.cell import Cell
from seqmodels.compare.environment import environment
from seqmodels.compare.files import read_json, write_json
from seqmodels.compare.problem import Problem
from seqmodels.compare.quiet import quiet
from seqmodels.compare.recorder import BEST, LAST, PROGRESS, TrialRecorder, read_metric
from seqmodels.compare.results import Result, Status, Trial
from seqmodels.compare.training import Training, set_optimizer
from seqmodels.compare.workers import end_with
from seqmodels.errors import CheckpointError, NonFiniteLoss
from seqmodels.training import GracefulTermination, NonFiniteGuard, SafeCheckpointIO

RESULT, JOB, ERROR = "result.json", "job.json", "error.txt"


def run_trial(problem: Problem, trial: Trial, training: Training, folder: Path, until: int | None = None) -> Result:
    """Train to the end, or to the step ``until``, going on from the folder's checkpoint if it has one.

    The numbers depend on the arguments alone, not on how often the trial was stopped, by whom, or beside what it ran;
    except that how far a trial of a given time gets depends on the machine.

    What comes of it is written to ``result.json`` at the end; a trial that only got to ``until`` is "stopped", and can
    go on. A cell that raises is a result too ("failed"), with its traceback in ``error.txt``; it has the history up to
    there, and its checkpoint stays, so that once ``result.json`` is removed the trial can be tried again from there.

    Args:
        problem: What is learned.
        trial: With which cell, settings and seed.
        training: How.
        folder: Of this trial, on a disk that every machine of the study sees.
        until: Step at which to pause; None: the end. Has no meaning where a trial's length is a time.

    Returns:
        What came of it; of a trial that had got as far already, what is in the folder.

    Raises:
        DataError: If the folder can't be written, or a file of it is damaged.

    Example:
        >>> from seqmodels.compare import Settings, get_problem
        >>> trial = Trial("memorisation", "gru", "final", 0, 0, hidden_size=8, parameters=1_000, settings=Settings())
        >>> result = run_trial(get_problem("memorisation"), trial, Training(steps=4, validations=2), Path("trial"))
        >>> result.status, [point.step for point in result.history]
        ('finished', [2, 4])
    """
    _take(folder, trial)
    found = _earlier(folder, trial)
    if found is not None and _got_as_far(found, until):
        return found
    if training.devices > 1:
        return _run_as_command(problem, trial, training, folder, until)
    return _run(problem, trial, training, folder, until)


def run_job(job: dict[str, Any]) -> dict[str, Any]:
    """:func:`run_trial` of plain values, for another process or machine."""
    problem, trial = Problem(**job["problem"]), Trial.from_dict(job["trial"])
    return run_trial(problem, trial, Training(**job["training"]), Path(job["folder"]), job["until"]).to_dict()


def make_job(problem: Problem, trial: Trial, training: Training, folder: Path, until: int | None) -> dict[str, Any]:
    """The plain values that :func:`run_job` takes."""
    return {
        "problem": asdict(problem),
        "trial": trial.to_dict(),
        "training": asdict(training),
        "folder": str(folder),
        "until": until,
    }


def _run(problem: Problem, trial: Trial, training: Training, folder: Path, until: int | None) -> Result:
    recorder = TrialRecorder(problem, training, folder, until)
    status: Status = "finished"
    test, error = math.nan, ""
    try:
        with quiet(), _threads(training.threads):
            is_over = _train(problem, trial, training, folder, until, recorder)
            if not is_over:
                status = "stopped"
            elif math.isnan(recorder.value):
                status, error = "diverged", f"val_{problem.metric} was never a number"
            elif trial.phase == "final":
                test = _test(problem, trial, training, folder)
    except NonFiniteLoss as caught:
        status, error = "diverged", str(caught)
    except Exception as caught:  # a stranger's cell, module or data may raise anything
        status, error = "failed", f"{type(caught).__name__}: {' '.join(str(caught).split())}"
        (folder / ERROR).write_text(traceback.format_exc(), encoding="utf-8")
    result = Result(trial, status, tuple(recorder.history), recorder.value, test, error, environment())
    earlier = _earlier(folder, trial)
    if earlier is not None and earlier.step > result.step:  # ended before it was there again
        result = replace(earlier, status=status, error=error, environment=result.environment)
    if _is_first():  # of several processes (DDP) one speaks
        write_json(folder / RESULT, result.to_dict())
        _clear(folder, result)
    return result


def _take(folder: Path, trial: Trial) -> None:
    """Write down what the folder is for; what it holds of another trial is removed."""
    path = folder / "trial.json"
    if path.exists() and read_json(path) != trial.to_dict():
        for name in (LAST, BEST, RESULT):
            (folder / name).unlink(missing_ok=True)
    write_json(path, trial.to_dict())


def _earlier(folder: Path, trial: Trial) -> Result | None:
    """What an earlier call left of this very trial."""
    path = folder / RESULT
    result = Result.from_dict(read_json(path)) if path.exists() else None
    return result if result is not None and result.trial == trial else None


def _got_as_far(result: Result, until: int | None) -> bool:
    """Whether nothing is left to do: an earlier call may have got there, but could not tell of it any more."""
    return result.status != "stopped" or (until is not None and result.step >= until)


def write_failure(folder: Path, trial: Trial, until: int | None, error: str, output: str = "") -> Result:
    """Write down that the process of a trial is gone; what the trial had come to before stays.

    Args:
        folder: Of the trial.
        trial: The trial.
        until: Where it was to go.
        error: One line.
        output: What its process said, for ``error.txt``; the error if nothing.

    Returns:
        The failure, or the result of a process that got there and died before it could tell of it.
    """
    earlier = _earlier(folder, trial)
    if earlier is not None and _got_as_far(earlier, until):
        return earlier
    result = replace(earlier or Result(trial, "failed"), status="failed", error=error)
    write_json(folder / RESULT, result.to_dict())
    (folder / ERROR).write_text(output or f"{error}\n", encoding="utf-8")
    return result


def _clear(folder: Path, result: Result) -> None:
    """Remove what nobody needs any more; the weights of a run that counts stay, to be used."""
    (folder / PROGRESS).unlink(missing_ok=True)
    if result.status != "failed":
        (folder / ERROR).unlink(missing_ok=True)  # of an earlier try
    if result.status not in ("stopped", "failed"):  # which may go on
        (folder / LAST).unlink(missing_ok=True)
        if result.trial.phase == "search":
            (folder / BEST).unlink(missing_ok=True)


def _train(
    problem: Problem, trial: Trial, training: Training, folder: Path, until: int | None, recorder: TrialRecorder
) -> bool:
    """Whether the trial is over, and not only at the step ``until``."""
    pl.seed_everything(trial.seed, verbose=False)
    data, model = _make(problem, trial)
    trainer = _trainer(
        training,
        folder,
        # No checkpoint at a signal: a trial goes on from a validation, which the recorder's is of.
        callbacks=[recorder, NonFiniteGuard(), GracefulTermination(checkpoint=False)],
        max_epochs=-1,  # the recorder ends it
        gradient_clip_val=trial.settings.gradient_clip,
        **_validation(training),
    )
    set_optimizer(model, training, trial.settings.learning_rate, recorder.progress)
    trainer.fit(model, datamodule=data, ckpt_path=_checkpoint(folder))
    return recorder.progress() >= 1


def _test(problem: Problem, trial: Trial, training: Training, folder: Path) -> float:
    """The metric on the test data of the weights that were best in validation."""
    pl.seed_everything(trial.seed, verbose=False)
    data, model = _make(problem, trial)
    trainer = _trainer(training, folder, callbacks=[])
    trainer.test(model, datamodule=data, ckpt_path=str(folder / BEST), verbose=False)
    return read_metric(trainer, f"test_{problem.metric}", problem)


def _make(problem: Problem, trial: Trial) -> tuple[pl.LightningDataModule, pl.LightningModule]:
    settings = trial.settings
    data = problem.make_data(trial.seed)
    model = problem.make_model(data, trial.cell, trial.hidden_size, settings.num_layers, settings.dropout)
    scale_matrices(model, settings.initial_scale)
    return data, model


def scale_matrices(model: torch.nn.Module, scale: float) -> None:
    """Multiply the matrices of all cells in a model; what else a cell has starts as its author wants it."""
    cells = torch.nn.ModuleList(module for module in model.modules() if isinstance(module, Cell))
    with torch.no_grad():
        for parameter in cells.parameters():  # each once, those of cells within cells too
            if parameter.dim() > 1:
                parameter.mul_(scale)


def _trainer(training: Training, folder: Path, **options: Any) -> pl.Trainer:
    return pl.Trainer(
        accelerator=training.accelerator,
        devices=training.devices,
        precision=training.precision,  # type: ignore[arg-type]
        default_root_dir=folder,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        # The ranks of a trial are started here, whatever cluster this is: Lightning would wait for those of its own.
        plugins=[SafeCheckpointIO(), LightningEnvironment()],
        **options,
    )


def _validation(training: Training) -> dict[str, Any]:
    """When to validate: every so many steps, whatever an epoch is, or every so many seconds."""
    if training.seconds is None:
        return {"val_check_interval": training.interval, "check_val_every_n_epoch": None}
    return {"val_check_interval": {"seconds": training.seconds / training.validations}, "check_val_every_n_epoch": None}


def _checkpoint(folder: Path) -> str | None:
    """Where to go on from; no file, or a damaged one, means from the start."""
    path = folder / LAST
    if not path.exists():
        return None
    try:
        SafeCheckpointIO().load_checkpoint(path)
    except CheckpointError:
        return None
    return str(path)


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


# --- several devices ----------------------------------------------------------------------------------------------


def _run_as_command(problem: Problem, trial: Trial, training: Training, folder: Path, until: int | None) -> Result:
    """In a process of its own: Lightning starts the other ranks of DDP by running the same command again."""
    outcome = folder / "outcome.json"
    outcome.unlink(missing_ok=True)
    write_json(folder / JOB, {**make_job(problem, trial, training, folder, until), "path": sys.path})
    command = [sys.executable, "-m", "seqmodels.compare.trial", str(folder / JOB)]
    threads = {"OMP_NUM_THREADS": str(training.threads)}
    done = subprocess.run(
        command,
        env={**os.environ, **threads},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if not outcome.exists():
        last = (done.stdout.strip().splitlines() or ["no output"])[-1]
        error = f"its processes ended with code {done.returncode}: {last}"
        return write_failure(folder, trial, until, error, done.stdout)
    result = Result.from_dict(read_json(outcome))
    outcome.unlink()
    return result


def _is_first() -> bool:
    """Whether this is the only process of a trial, or the first one; the others were told their number at birth."""
    return int(os.environ.get("LOCAL_RANK", 0)) == 0


def main() -> None:
    """What each rank runs."""
    threading.Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    job = read_json(Path(sys.argv[1]))
    sys.path[:] = [*sys.path, *(path for path in job["path"] if path not in sys.path)]
    folder, training = Path(job["folder"]), Training(**job["training"])
    result = _run(Problem(**job["problem"]), Trial.from_dict(job["trial"]), training, folder, job["until"])
    if _is_first():
        write_json(folder / "outcome.json", result.to_dict())
    elif result.status == "failed":
        sys.exit(f"{result.error}")  # so that the others don't wait for this rank


if __name__ == "__main__":
    main()
