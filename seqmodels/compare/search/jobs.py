"""Trainings on workers: each is run once, and what came of it is on disk before anything else happens."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import NamedTuple, TypeVar

from seqmodels.compare.files import append_line, read_lines
from seqmodels.compare.search.cell_files import import_cell
from seqmodels.compare.search.history import Evaluation
from seqmodels.compare.workers import Workers

Evaluator = Callable[[str, str, int], Evaluation]
"""Trains a cell: its path, for :func:`seqmodels.get_cell`; the name of a problem; and the number of a setting."""

Value = TypeVar("Value")


class Job(NamedTuple):
    """A training of an architecture, by its number."""

    architecture: int
    problem: str
    setting: int

    @property
    def key(self) -> str:
        """Its name in the records."""
        return f"{self.architecture}/{self.problem}/{self.setting}"


Work = Generator[list[Job], None, Value]
"""Asks for trainings, is resumed when all of them are done, and returns what they came to."""


class Jobs:
    """Runs trainings, and remembers in a file what came of each.

    Args:
        path: The file.
        cells: The folder of the cells.
        workers: Where they run.
        evaluate: What trains.
    """

    def __init__(self, path: Path, cells: Path, workers: Workers, evaluate: Evaluator) -> None:
        self.path, self.cells, self.workers, self.evaluate = path, cells.absolute(), workers, evaluate
        self.done = {line["key"]: Evaluation.from_dict(line["evaluation"]) for line in read_lines(path)}

    def __getitem__(self, job: Job) -> Evaluation:
        return self.done[job.key]

    def run(self, work: Mapping[int, Work[Value]]) -> Generator[Value, None, None]:
        """Does several pieces of work at once; yields what they came to, in their order.

        What still runs when it is left, as by Ctrl-C, is given up: whoever goes on trains it.
        """
        values: dict[int, Value] = {}
        missing: dict[int, set[str]] = {}
        queue: deque[Job] = deque()
        running: set[str] = set()

        def resume(number: int) -> None:
            while not missing.get(number):
                try:
                    wanted = [job for job in next(work[number]) if job.key not in self.done]
                except StopIteration as end:
                    values[number] = end.value
                    return
                missing[number] = {job.key for job in wanted}
                waiting = running.union(job.key for job in queue)
                queue.extend(job for job in wanted if job.key not in waiting)

        for number in work:
            resume(number)
        try:
            for number in work:
                while number not in values:
                    while queue and len(running) < self.workers.capacity:
                        running.add(self._submit(queue.popleft()))
                    key = self._wait()
                    running.discard(key)
                    for other, keys in missing.items():
                        if key in keys:
                            keys.remove(key)
                            resume(other)
                yield values[number]
        finally:
            self.workers.cancel(running)

    def _submit(self, job: Job) -> str:
        self.workers.submit(job.key, call, self.evaluate, self.cells, job)
        return job.key

    def _wait(self) -> str:
        outcome = self.workers.wait()
        if outcome is None:
            raise RuntimeError("the workers have lost their jobs: were they closed?")
        found = outcome.value
        if outcome.died or outcome.error:
            found = Evaluation(math.nan, 0.0, "failed", outcome.error or "its worker died")
        append_line(self.path, {"key": outcome.key, "evaluation": found.to_dict()})
        self.done[outcome.key] = found
        return outcome.key


def call(evaluate: Evaluator, cells: Path, job: Job) -> Evaluation:
    """What a worker does."""
    return evaluate(import_cell(cells, job.architecture), job.problem, job.setting)
