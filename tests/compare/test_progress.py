"""What a person sees of a running study."""

import io
from dataclasses import replace

import pytest
from rich.console import Console

from seqmodels.compare import Problem, Result, Study, Training
from seqmodels.compare.files import write_json
from seqmodels.compare.progress import Display
from seqmodels.compare.results import Point


@pytest.fixture
def study(problem: Problem, tmp_path) -> Study:
    training = Training(steps=20, validations=4)
    return Study(tmp_path, ["elman", "gru"], [problem], parameters=4_000, tolerance=0.05, training=training, seeds=2)


def finish(study: Study, number: int, status: str = "finished") -> None:
    trial = study.plan.next_steps(study.results)[number].trial
    failed = status == "failed"
    history = () if failed else (Point(20, 2.0, 800, 0.3, 1.0),)
    error = "RuntimeError: broken" if failed else ""
    study.results[trial.key] = Result(trial, status, history, 0.3, 0.25, error)  # type: ignore[arg-type]


def watch(study: Study, terminal: bool, *moments) -> str:
    """What is written while a study goes through some moments."""
    console = Console(file=io.StringIO(), force_terminal=terminal, width=100, color_system=None)
    with Display(console) as display:
        for moment in moments:
            moment()
            running = {step.trial.key: step for step in study.plan.next_steps(study.results)[:2]}
            display(study, running)
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_without_a_terminal_each_trial_that_ends_is_one_line(study) -> None:
    said = watch(study, False, lambda: finish(study, 0), lambda: None, lambda: finish(study, 0, "failed"))
    assert said.splitlines() == [
        "[1/4] xml/elman/final-0: test 0.2500, 2 s",
        "[2/4] xml/gru/final-0: failed: RuntimeError: broken",
    ]


def test_going_on_says_how_much_was_there(study) -> None:
    finish(study, 0)
    finish(study, 0)
    study.taken_up = frozenset(study.results)
    said = watch(study, False, lambda: None, lambda: finish(study, 0))
    assert said.splitlines() == ["2 of 4 trials were there already", "[3/4] xml/elman/final-1: test 0.2500, 2 s"]


def test_a_terminal_shows_every_cell_and_how_far_running_trials_are(study) -> None:
    finish(study, 0)
    step = study.plan.next_steps(study.results)[0]
    write_json(study.folder_of(step.trial) / "progress.json", {"step": 15, "seconds": 1.0, "value": 0.125})
    said = watch(study, True, lambda: None)
    for part in ("accuracy", "elman", "0.2500 1/2", "xml/gru/final-0", "15/20", "0.125", "1/4"):
        assert part in said


def test_brackets_in_a_title_are_no_markup(problem, tmp_path) -> None:
    titled = replace(problem, title="error [nats] [/dB]")
    training = Training(steps=20, validations=4)
    study = Study(tmp_path, ["gru"], [titled], parameters=4_000, tolerance=0.05, training=training)
    assert "error [nats] [/dB]" in watch(study, True, lambda: None)
