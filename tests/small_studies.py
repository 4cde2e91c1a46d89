"""Small studies, and workers that only pretend to train."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from trials import numbers

from seqmodels.compare import Point, Problem, Result, Space, Study, Training, Trial
from seqmodels.compare.workers import Outcome

OPTIONS: dict[str, Any] = {
    "cells": ["elman", "gru"],
    "parameters": 4_000,
    "tolerance": 0.05,
    "training": Training(steps=12, validations=4),
    "trials": 3,
    "space": Space(num_layers="1,2"),
    "seeds": 2,
}


def study(folder: Path, problem: Problem, **changes: Any) -> Study:
    return Study(folder, problems=[problem], **{**OPTIONS, **changes})


class Pretend:
    """Workers that train nothing; what comes of a job is a function of its trial."""

    capacity = 2

    def __init__(self, come: Callable[[Trial], Outcome | Result | None]) -> None:
        self.come, self.jobs = come, {}

    def submit(self, key: str, function: Any, job: dict[str, Any]) -> None:
        self.jobs[key] = Trial.from_dict(job["trial"])

    def wait(self, timeout: float | None = None) -> Outcome | None:
        key, trial = next(iter(self.jobs.items()))
        found = self.come(trial)
        if isinstance(found, Result):
            del self.jobs[key]
            return Outcome(key, found.to_dict())
        if found is not None:
            self.jobs.pop(found.key, None)
        return found

    def cancel(self, keys: Iterable[str]) -> None:
        for key in keys:
            del self.jobs[key]

    def close(self) -> None: ...


def done(trial: Trial, **changes: Any) -> Result:
    return Result(trial, "finished", (Point(12, 1.0, 100, 0.5),), 0.5, 0.5, **changes)


def run(folder: Path, problem: Problem, workers: Any, watch: Any = None, **changes: Any) -> list[tuple]:
    """The numbers of all results."""
    made = study(folder, problem, **changes)
    try:
        results = made.run(workers, watch)
    finally:
        workers.close()
    return sorted(map(numbers, results.results), key=lambda values: values[0])
