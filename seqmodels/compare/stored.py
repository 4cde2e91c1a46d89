"""A study as its folder has it: enough for its report, wherever it was trained."""

from __future__ import annotations

import dataclasses
import glob
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqmodels.compare.environment import merged
from seqmodels.compare.files import read_json
from seqmodels.compare.plan import Plan, Size, Sizes
from seqmodels.compare.problem import Problem
from seqmodels.compare.results import Result, Trial
from seqmodels.compare.space import Space
from seqmodels.compare.training import Training
from seqmodels.compare.trial import RESULT
from seqmodels.compare.words import listing, plural
from seqmodels.errors import DataError
from seqmodels.files.writing import writing_to

if TYPE_CHECKING:
    from seqmodels.compare.report import StudyResults


class StoredStudy:
    """The options and results of a study, and the report of them; made by :meth:`load`.

    No data and no model is made, so that neither the data nor the cells need be where the report is written; what is
    run is a :class:`Study`.
    """

    plan: Plan

    def __init__(
        self,
        folder: str | Path,
        cells: Sequence[str],
        problems: Sequence[Problem],
        *,
        parameters: int | Sequence[int],
        tolerance: float,
        training: Training,
        trials: int,
        space: Space,
        seeds: int,
        seed: int,
        baseline: str,
    ) -> None:
        self.folder = Path(folder).absolute()
        self.cells, self.problems = list(cells), list(problems)
        self.budgets = sorted({parameters} if isinstance(parameters, int) else set(parameters))
        self.tolerance, self.training, self.space = tolerance, training, space
        self.trials, self.seeds, self.seed, self.baseline = trials, seeds, seed, baseline
        self.layers = space.layers()  # some may turn out to be left out
        self.command = ""  # shown in the report
        self.results: dict[str, Result] = {}

    @classmethod
    def load(cls, folder: str | Path) -> StoredStudy:
        """The study in a folder, as far as it has come.

        Raises:
            DataError: If there is none, or a file of it is damaged.
        """
        arguments, layers, command = read_study(folder)
        study = cls(folder, **arguments)
        study.layers, study.command = layers, command
        study._read_results()
        study.plan = study._make_plan(study._known_sizes())
        return study

    @property
    def parameters(self) -> int | list[int]:
        """The budget, or all of them."""
        return self.budgets[0] if len(self.budgets) == 1 else self.budgets

    def folder_of(self, trial: Trial) -> Path:
        """Where a trial's files are."""
        return self.folder / "trials" / trial.key

    def _read_results(self) -> None:
        for name in sorted(glob.glob(f"trials/*/*/*/{RESULT}", root_dir=self.folder)):
            result = Result.from_dict(read_json(self.folder / name))
            self.results[result.trial.key] = result

    @property
    def _tried(self) -> Space:
        """What is left of the space where some numbers of layers can't be had."""
        return dataclasses.replace(self.space, num_layers=",".join(map(str, self.layers)))

    def _known_sizes(self) -> Sizes:
        """Of the models that were trained; others are nothing, so that no result is taken for theirs."""
        sizes: defaultdict[tuple[str, str, int, int], Size] = defaultdict(lambda: Size(0, 0))
        for trial in (result.trial for result in self.results.values()):
            key = trial.problem, trial.cell, trial.budget or self.budgets[0], trial.settings.num_layers
            sizes[key] = Size(trial.hidden_size, trial.parameters)
        return sizes

    def _make_plan(self, sizes: Sizes) -> Plan:
        return Plan(
            self.problems,
            self.cells,
            self.budgets,
            self._tried.sample(max(self.trials, 1), self.seed),
            self.trials > 0,
            self.seeds,
            self.seed,
            self.training,
            sizes,
        )

    def summary(self) -> StudyResults:
        """The results so far, as the report takes them."""
        from seqmodels.compare.report import StudyResults

        order = {cell: number for number, cell in enumerate(self.cells)}
        return StudyResults(
            title=f"{plural(len(self.cells), 'cell')} on {listing([problem.name for problem in self.problems])}",
            problems=tuple(self.problems),
            cells=tuple(self.cells),
            baseline=self.baseline,
            budget=self.describe_budget(),
            results=tuple(sorted(self.results.values(), key=lambda r: (order[r.trial.cell], r.trial.key))),
            options={
                **{name: getattr(self, name) for name in ("parameters", "tolerance", "seeds", "seed", "trials")},
                **dataclasses.asdict(self.training),
                **dataclasses.asdict(self._tried),
                "command": self.command,
            },
            environment=merged(result.environment for result in self.results.values()),
            given_up=tuple(
                (entry.problem.name, entry.cell, entry.budget) for entry in self.plan.given_up(self.results)
            ),
        )

    def write_report(self) -> StudyResults:
        """Write table, figures and page of the results so far to the folder's ``report/``.

        Raises:
            DataError: If they can't be written.
        """
        from seqmodels.compare.report import write_report

        results = self.summary()
        with writing_to(self.folder):
            write_report(results, self.folder / "report")
        return results

    def describe_budget(self) -> str:
        """One line: what each trial has."""
        length = (
            f"{self.training.last_step:,} steps" if self.training.seconds is None else f"{self.training.seconds:g} s"
        )
        search = f", {self.trials} random settings tried" if self.trials else ""
        parameters = listing([f"{budget:,}" for budget in self.budgets])
        missed = [str(layers) for layers in self.space.layers() if layers not in self.layers]
        layers = f" (with {listing(missed)} layers some cell would miss them: left out)" if missed else ""
        return f"{parameters} parameters{layers}, {length} of training{search}, {plural(self.seeds, 'seed')}"


def read_study(folder: str | Path) -> tuple[dict[str, Any], list[int], str]:
    """What ``study.json`` says: the options of a study, the numbers of layers that are tried, and the command.

    Raises:
        DataError: If there is none, or it is damaged.
    """
    path = Path(folder) / "study.json"
    try:
        found = read_json(path)
        options = found["options"]
        made = {
            "problems": [Problem(**problem) for problem in options["problems"]],
            "training": Training(**options["training"]),
            "space": Space(**options["space"]),
        }
        names = ("cells", "parameters", "tolerance", "trials", "seeds", "seed", "baseline")
        return {**made, **{name: options[name] for name in names}}, found["layers"], found.get("command", "")
    except (KeyError, TypeError) as error:
        raise DataError(f"{path} is of another version of seqmodels ({error}); give another folder") from error
