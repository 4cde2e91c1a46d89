"""A study's results, and what a table says of a cell on a problem."""

from __future__ import annotations

import dataclasses
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seqmodels.compare.files import plain
from seqmodels.compare.problem import Problem
from seqmodels.compare.report.names import short_names
from seqmodels.compare.report.statistics import Estimate, estimate
from seqmodels.compare.results import Phase, Result, Settings
from seqmodels.errors import OptionError


@dataclass(frozen=True)
class StudyResults:
    """All that a report is made from; a study may still be under way.

    Attributes:
        title: What the study is called.
        problems: In the order asked for.
        cells: Names or paths, in the order asked for.
        baseline: The one of ``cells`` that the others are compared with.
        budget: What each trial was given, in words: "100,000 parameters, 600 steps of 32 x 50 tokens".
        results: Of search and final trials, in any order. Those of other problems or cells are left out of the report.
        options: Plain values. Known are ``parameters``, the budget as a number (or a list of them, where each cell was
            trained under several budgets), and ``command``; all are shown.
        environment: Plain values: versions, processor.
        given_up: Problem, cell and budget where the search has ended without settings that could be trained to the end,
            so that there will be no final runs.
    """

    title: str
    problems: tuple[Problem, ...]
    cells: tuple[str, ...]
    baseline: str
    budget: str = ""
    results: tuple[Result, ...] = ()
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    environment: dict[str, Any] = dataclasses.field(default_factory=dict)
    given_up: tuple[tuple[str, str, int], ...] = ()

    def __post_init__(self) -> None:
        cells = ", ".join(self.cells)
        if self.baseline not in self.cells:
            raise OptionError(f"baseline {self.baseline!r} is none of the cells {cells}; name one of them")
        names = [problem.name for problem in self.problems]
        if len(set(names)) < len(names) or len(set(self.cells)) < len(self.cells):
            raise OptionError("a study has each problem and each cell once; remove what is there twice")

    @property
    def names(self) -> dict[str, str]:
        """What each cell is called in the report."""
        return short_names(self.cells)

    @property
    def budgets(self) -> tuple[int, ...]:
        """Numbers of parameters that cells were trained with, ascending; empty if it isn't said."""
        given = self.options.get("parameters")
        if isinstance(given, (int, float)):
            return (int(given),)
        return tuple(sorted({int(each) for each in given})) if isinstance(given, (list, tuple)) else ()

    def of(self, problem: str, cell: str, phase: Phase, budget: int | None = None) -> tuple[Result, ...]:
        """Results of a cell on a problem in the order of their numbers, under one budget; the largest if not given."""
        budget = self._budget(budget)
        found = (r for r in self.results if (r.trial.problem, r.trial.cell, r.trial.phase) == (problem, cell, phase))
        return tuple(sorted((r for r in found if self.budget_of(r) == budget), key=lambda result: result.trial.number))

    def finals(self, problem: str, cell: str, budget: int | None = None) -> tuple[Result, ...]:
        """The runs that count, under one budget of parameters; the largest if not given."""
        return self.of(problem, cell, "final", budget)

    def is_given_up(self, problem: str, cell: str, budget: int | None = None) -> bool:
        """Whether no final runs are to come, under one budget of parameters; the largest if not given."""
        return (problem, cell, self._budget(budget)) in self.given_up

    def budget_of(self, result: Result) -> int | None:
        """The number of parameters asked for; trials name it where a study has several."""
        return self._budget(result.trial.budget)

    def _budget(self, given: int | None) -> int | None:
        return self.budgets[-1] if given is None and self.budgets else given

    def to_dict(self) -> dict[str, Any]:
        """Plain values; numbers that JSON doesn't have become None."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        values["problems"] = [dataclasses.asdict(problem) for problem in self.problems]
        values["results"] = [result.to_dict() for result in self.results]
        return plain(values)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> StudyResults:
        """The inverse of :meth:`to_dict`."""
        problems = tuple(Problem(**problem) for problem in values["problems"])
        results = tuple(Result.from_dict(result) for result in values["results"])
        given_up = tuple((problem, cell, budget) for problem, cell, budget in values.get("given_up", ()))
        made = {"problems": problems, "results": results, "cells": tuple(values["cells"]), "given_up": given_up}
        return cls(**{**values, **made})


@dataclass(frozen=True)
class Row:
    """A cell on a problem. Numbers that there are none of are NaN; ``test`` and ``settings`` are None then.

    Attributes:
        test: The test metric over final runs that have one, whatever their status.
        best: The best of these test metrics.
        runs: Final runs that there is a result of.
        tested: Those with a test metric.
        diverged: Final runs that diverged.
        failed: Final runs that ended with an error.
        parameters: Of the first final run; 0 before there is one.
        excess: By how many percent that exceeds the budget.
        hidden_size: Of the first final run; 0 before there is one.
        settings: Of the first final run, as chosen by the search.
        seconds: Mean training time of those final runs that were validated once or more.
        tokens_per_second: Tokens trained on in a second, the median over final runs.
        searched: Trials of the search that there is a result of.
        search_diverged: Those that diverged.
        search_failed: Those that ended with an error.
        given_up: Whether the search has ended without settings that could be trained; no final runs are to come.
    """

    problem: str
    cell: str
    test: Estimate | None
    best: float
    runs: int
    tested: int
    diverged: int
    failed: int
    parameters: int
    excess: float
    hidden_size: int
    settings: Settings | None
    seconds: float
    tokens_per_second: float
    searched: int
    search_diverged: int
    search_failed: int
    given_up: bool

    @property
    def is_lossy(self) -> bool:
        """Whether a final run diverged, failed, has no test metric, or won't come: what a reader must know of."""
        return self.tested < self.runs or bool(self.diverged or self.failed) or self.given_up


def summarize(study: StudyResults) -> tuple[Row, ...]:
    """A row for every problem and cell, in the study's order, whether or not there is any result of it yet.

    Of several budgets of parameters the rows are of the largest.

    Example:
        >>> from seqmodels.compare import get_problem
        >>> study = StudyResults("Two cells", (get_problem("xml"),), cells=("lstm", "gru"), baseline="lstm")
        >>> [(row.problem, row.cell, row.runs, row.test) for row in summarize(study)]
        [('xml', 'lstm', 0, None), ('xml', 'gru', 0, None)]
    """
    return tuple(_row(study, problem, cell) for problem in study.problems for cell in study.cells)


def _row(study: StudyResults, problem: Problem, cell: str) -> Row:
    finals, search = study.finals(problem.name, cell), study.of(problem.name, cell, "search")
    tests = [result.test for result in finals if math.isfinite(result.test)]
    trial = finals[0].trial if finals else None
    budget = study.budgets[-1] if study.budgets else None
    return Row(
        problem=problem.name,
        cell=cell,
        test=estimate(tests),
        best=(max if problem.mode == "max" else min)(tests, default=math.nan),
        runs=len(finals),
        tested=len(tests),
        diverged=_count(finals, "diverged"),
        failed=_count(finals, "failed"),
        parameters=trial.parameters if trial else 0,
        excess=100 * (trial.parameters / budget - 1) if trial and budget else math.nan,
        hidden_size=trial.hidden_size if trial else 0,
        settings=trial.settings if trial else None,
        seconds=_mean([result.seconds for result in finals if result.history]),
        tokens_per_second=_median([result.tokens_per_second for result in finals]),
        searched=len(search),
        search_diverged=_count(search, "diverged"),
        search_failed=_count(search, "failed"),
        given_up=study.is_given_up(problem.name, cell),
    )


def _count(results: Sequence[Result], status: str) -> int:
    return sum(result.status == status for result in results)


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values) if values else math.nan


def _median(values: Sequence[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return statistics.median(finite) if finite else math.nan
