"""A study: cells on problems, with equal budgets and many seeds, in a folder that survives everything."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqmodels import registry
from seqmodels.compare.additions import check_grown, check_layers
from seqmodels.compare.budget import smallest_hidden_size, solve_hidden_size
from seqmodels.compare.contents import digests
from seqmodels.compare.files import read_json, write_json
from seqmodels.compare.plan import Size, Sizes, Step
from seqmodels.compare.problem import Problem
from seqmodels.compare.problems import get_problem
from seqmodels.compare.results import Result
from seqmodels.compare.space import Space
from seqmodels.compare.stored import StoredStudy, read_study
from seqmodels.compare.training import Training
from seqmodels.compare.trial import RESULT, make_job, run_job, write_failure
from seqmodels.compare.words import plural
from seqmodels.compare.workers import Outcome, Workers
from seqmodels.errors import OptionError
from seqmodels.files.folder_lock import FolderLock
from seqmodels.trees import sequence_cells

if TYPE_CHECKING:
    from seqmodels.compare.report import StudyResults

FORMAT = 1  # of study.json
LARGEST_SEED = (2**32 - 1) // 1000 - 1  # trials have a thousand each, of the 32 bits that Lightning takes
Watch = Callable[["Study", Mapping[str, Step]], None]


class Study(StoredStudy):
    """Which cell is better? The same budget, settings to try, and seeds for each, on every problem.

    Everything is in ``folder``: ``study.json`` (the options), ``trials/`` (a folder each), ``report/``. A study that
    was killed goes on where it was when it is run again with the same options; with more cells or problems these are
    trained beside what it has.

    Args:
        folder: Where it is kept.
        cells: Names, ``package.module:Class``, or Cell classes that can be imported; those of the lecture and all
            that were installed or registered if none. Names and paths may have options of the cell or of RNN behind
            them (``lstm:forget_bias=0``): another cell than that without.
        problems: Names, files, ``package.module:problem``, or :class:`Problem`.
        parameters: Trained values of each whole model, or several such numbers; the hidden size is solved for.
        tolerance: How far from ``parameters``, relatively, a model may be. Numbers of layers with which some cell would
            be farther are left out, for all cells.
        training: Length, optimizer and device of a trial.
        trials: Random settings tried for each cell on each problem; 0: none, all have the same.
        space: What these are chosen from; without trials: the settings of all.
        seeds: Final runs of each cell on each problem.
        seed: From which all seeds follow.
        baseline: The cell that others are compared with; the first if not given.

    Raises:
        OptionError: If an option is out of its range, or the folder holds another study.
        UnknownCell: If there is no such cell.

    Example:
        >>> from seqmodels.compare import LocalWorkers, Study, Training
        >>> study = Study("study", ["elman", "gru"], ["memorisation"], parameters=5_000, tolerance=0.05,
        ...               training=Training(steps=4, validations=1), seeds=2)
        >>> with LocalWorkers(1) as workers:
        ...     results = study.run(workers)
        >>> [(result.trial.cell, result.status) for result in results.results]
        [('elman', 'finished'), ('elman', 'finished'), ('gru', 'finished'), ('gru', 'finished')]
    """

    def __init__(
        self,
        folder: str | Path,
        cells: Sequence[str | type] = (),
        problems: Sequence[str | Problem] = ("arithmetic", "xml", "code"),
        *,
        parameters: int | Sequence[int] = 100_000,
        tolerance: float = 0.01,
        training: Training | None = None,
        trials: int = 0,
        space: Space | None = None,
        seeds: int = 3,
        seed: int = 0,
        baseline: str | None = None,
    ) -> None:
        training = training or Training()
        names = [_cell_name(cell) for cell in cells or sequence_cells()]
        super().__init__(
            folder,
            names,
            [get_problem(problem) for problem in problems],
            parameters=parameters,
            tolerance=tolerance,
            training=training,
            trials=trials,
            space=space or Space.of(training.optimizer, search=trials > 0),
            seeds=seeds,
            seed=seed,
            baseline=baseline or names[0],
        )
        self._check()
        self._contents = digests(self.cells, self.problems)
        self._check_folder()
        self._read_results()
        self.taken_up = {key for key, result in self.results.items() if result.status != "stopped"}
        sizes, self.layers = self._sizes()
        self._check_layers()
        self.plan = self._make_plan(sizes)

    def _check(self) -> None:
        for name, least, most in (("trials", 0, 500), ("seeds", 1, 500), ("seed", 0, LARGEST_SEED)):
            if not least <= getattr(self, name) <= most:
                raise OptionError(f"{name} is {getattr(self, name)}; give {least} to {most}")
        if not self.problems:
            raise OptionError("problems is empty; give one or more")
        if not self.budgets or self.budgets[0] < 1:
            raise OptionError(f"parameters is {self.parameters}; give one or more numbers of 1 or more")
        if not 0 < self.tolerance < 1:
            raise OptionError(f"tolerance is {self.tolerance:g}; give a share such as 0.01")
        for kind, names in (("cell", self.cells), ("problem", [problem.name for problem in self.problems])):
            for name in names:
                if names.count(name) > 1:
                    fix = "; of files that are called alike, rename one" if kind == "problem" else ""
                    raise OptionError(f"the {kind} {name} is there twice; name each once{fix}")
        if self.baseline not in self.cells:
            raise OptionError(f"the baseline {self.baseline} is none of the cells: {', '.join(self.cells)}")
        many = [name for name in self.space.names() if len(self.space.bounds(name)) > 1]
        if many and not self.trials:
            raise OptionError(
                f"{many[0]}: to choose from {getattr(self.space, many[0])} takes trials; give them, or one"
            )
        for cell in self.cells:
            registry.get_cell(registry.split_options(cell)[0])

    # --- the folder ---------------------------------------------------------------------------------------------

    def options(self) -> dict[str, Any]:
        """All that the numbers depend on, as plain values."""
        return {
            "format": FORMAT,
            "cells": self.cells,
            "problems": [dataclasses.asdict(problem) for problem in self.problems],
            "parameters": self.parameters,
            "tolerance": self.tolerance,
            "training": dataclasses.asdict(self.training),
            "trials": self.trials,
            "space": dataclasses.asdict(self.space),
            "seeds": self.seeds,
            "seed": self.seed,
            "baseline": self.baseline,
            "contents": self._contents,
        }

    @classmethod
    def load(cls, folder: str | Path) -> Study:
        """The study in a folder, to be run; its data and cells must be there. :class:`StoredStudy` is for its report.

        Raises:
            DataError: If there is none, or a file of it is damaged.
            OptionError: If its cells or data have changed.
        """
        arguments, _, command = read_study(folder)
        study = cls(folder, **arguments)
        study.command = command
        return study

    def _check_folder(self) -> None:
        """Refuse a folder in which another study was begun, unless it is this one with fewer cells or problems."""
        path = self.folder / "study.json"
        if os.path.exists(path):
            read_study(self.folder)  # of this version
            check_grown(self.folder, read_json(path)["options"], self.options())

    def _check_layers(self) -> None:
        """Refuse cells that would change what the search tries for those that were trained."""
        if os.path.exists(self.folder / "study.json"):
            check_layers(self.folder, read_study(self.folder)[1], self.layers)

    def _begin(self, retry_failed: bool) -> None:
        """Take the folder, which is ours now: as another process may have left it since we looked."""
        self._check_folder()
        self._check_layers()
        given = {"options": self.options(), "layers": self.layers, "command": self.command}
        write_json(self.folder / "study.json", given)
        self._read_results()
        if retry_failed:
            for result in [result for result in self.results.values() if result.status == "failed"]:
                self._retry(result)

    def _retry(self, failed: Result) -> None:
        """Have a trial run again, from its checkpoint if it has one."""
        key, path = failed.trial.key, self.folder_of(failed.trial) / RESULT
        self.taken_up.discard(key)
        is_timed = self.training.seconds is not None
        if failed.trial.phase == "search" and not is_timed and 0 < failed.step < self.training.last_step:
            self.results[key] = dataclasses.replace(failed, status="stopped", error="")  # others were judged by it
            write_json(path, self.results[key].to_dict())
        else:
            path.unlink()
            del self.results[key]

    def _sizes(self) -> tuple[Sizes, list[int]]:
        """Sizes of all models, and the numbers of layers that all can have, each cell near enough to its budget."""
        sizes: dict[tuple[str, str, int, int], Size] = {}
        worst: dict[int, tuple[float, str]] = {}  # of each number of layers, the size that is farthest from its budget
        possible = self.space.layers()
        if not all(problem.has_layers for problem in self.problems) and 1 in possible:
            possible = [1]
        for problem in self.problems:
            data = problem.make_data(self.seed)
            data.prepare_data()  # what is missing is said now, and not by every trial
            units = {cell: smallest_hidden_size(problem, data, cell) for cell in self.cells}
            problem.make_model(data, self.cells[0], units[self.cells[0]], 1, max(self.space.bounds("dropout")))
            for cell, budget, layers in product(self.cells, self.budgets, possible):
                size = Size(*solve_hidden_size(problem, data, cell, layers, budget, units[cell]))
                sizes[problem.name, cell, budget, layers] = size
                what = f"{problem.name}: {budget:,} parameters can't be met within {self.tolerance:.2%} with "
                what += f"{plural(layers, 'layer')} of {cell} (hidden size {size.hidden_size}: {size.parameters:,})"
                found = abs(size.parameters / budget - 1), what
                worst[layers] = max(worst.get(layers, found), found)
        kept = [layers for layers in possible if worst[layers][0] <= self.tolerance]
        if not kept:
            distance, what = min(worst.values())
            enough = math.ceil(1000 * distance) / 1000
            raise OptionError(f"{what}; give more parameters, or a tolerance of {enough:g}")
        return sizes, kept

    # --- running ------------------------------------------------------------------------------------------------

    def run(self, workers: Workers, watch: Watch | None = None, retry_failed: bool = False) -> StudyResults:
        """Train all that is left to train, and write the report.

        Args:
            workers: Where.
            watch: Called about twice a second, and after each trial, with what is running.
            retry_failed: Run trials that failed again, from their last checkpoint if they have one.

        Returns:
            All results, those of earlier calls too, as the report has them; failures are results.

        Raises:
            DataError: If another process runs the study, or the folder can't be written.
            OptionError: If another process has begun another study in the folder since.
        """
        with FolderLock(self.folder, "runs this study"):
            self._begin(retry_failed)
            running: dict[str, Step] = {}
            try:
                self._hand_out(workers, running)
                while running:
                    outcome = workers.wait(0.5)
                    if outcome is not None and outcome.key in running:  # not of a job that somebody else has given
                        self._record(running.pop(outcome.key), outcome)
                        self._hand_out(workers, running)
                    if watch is not None:
                        watch(self, running)
            finally:
                workers.cancel(running)  # what still runs after Ctrl-C or an error: whoever goes on trains it, too
        return self.write_report()

    def _hand_out(self, workers: Workers, running: dict[str, Step]) -> None:
        by_name = {problem.name: problem for problem in self.problems}
        for step in self.plan.next_steps(self.results):
            key = step.trial.key
            if key not in running and len(running) < workers.capacity:
                running[key] = step
                job = make_job(
                    by_name[step.trial.problem], step.trial, self.training, self.folder_of(step.trial), step.until
                )
                workers.submit(key, run_job, job)

    def _record(self, step: Step, outcome: Outcome) -> None:
        if outcome.error:
            result = write_failure(self.folder_of(step.trial), step.trial, step.until, outcome.error)
        else:
            result = Result.from_dict(outcome.value)
        self.results[step.trial.key] = result


def _cell_name(cell: str | type) -> str:
    """By which every process finds the cell.

    Raises:
        OptionError: If it stands in the main script or a notebook, where no other process finds it.
    """
    if isinstance(cell, str):
        return cell
    if cell.__module__ == "__main__":
        raise OptionError(f"{cell.__qualname__} is defined where the program runs; put it into a file that is imported")
    name = registry.name_of(cell)
    return name if name in registry.builtin_names() else registry.path_of(cell)
