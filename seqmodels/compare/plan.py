"""What a study has left to do, from its options and the results so far: nothing else decides, no clock and no order."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from seqmodels.compare.halving import rung_shares, survivors
from seqmodels.compare.problem import Problem
from seqmodels.compare.results import Phase, Result, Settings, Trial
from seqmodels.compare.training import Training


class Size(NamedTuple):
    """Of a model."""

    hidden_size: int
    parameters: int


Sizes = Mapping[tuple[str, str, int, int], Size]  # problem, cell, budget, layers


class Entry(NamedTuple):
    """What settings are chosen for: a cell on a problem with a budget of parameters."""

    problem: Problem
    cell: str
    budget: int


@dataclass(frozen=True)
class Step:
    """A trial, and the optimizer step until which it is to train now."""

    trial: Trial
    until: int


@dataclass(frozen=True)
class Plan:
    """All trials of a study.

    For each problem, cell and budget the same random settings are tried, hopeless ones not to their end; the best in
    validation is then trained once for each seed, and only these runs count.

    Attributes:
        problems: What is learned.
        cells: Names or paths.
        budgets: Numbers of parameters.
        settings: What the search tries, or the one setting of all trials.
        search: Whether there is a search.
        seeds: Final runs of each cell on each problem.
        seed: From which all others follow.
        training: How long a trial is.
        sizes: Of all models.
    """

    problems: Sequence[Problem]
    cells: Sequence[str]
    budgets: Sequence[int]
    settings: Sequence[Settings]
    search: bool
    seeds: int
    seed: int
    training: Training
    sizes: Sizes

    def next_steps(self, results: Mapping[str, Result]) -> list[Step]:
        """What can be trained now, whatever is running already; the search first, then seed after seed."""
        steps = [step for entry in self.entries for step in self._of(entry, results)]
        return sorted(steps, key=lambda step: (step.trial.phase == "final", step.trial.number))

    @property
    def entries(self) -> list[Entry]:
        """Every cell on every problem with every budget."""
        return [Entry(*each) for each in product(self.problems, self.cells, self.budgets)]

    @property
    def number_of_trials(self) -> int:
        """Of the search and of the final runs, all together."""
        return (self.seeds + (len(self.settings) if self.search else 0)) * len(self.entries)

    def chosen(self, entry: Entry, results: Mapping[str, Result]) -> Settings | None:
        """The settings of the final runs; None while, or where, the search has none."""
        if not self.search:
            return self.settings[0]
        best: Result | None = None
        for trial in self._trials(entry, "search", self.settings):
            result = _of_this(trial, results)
            if result is None or result.status != "finished":
                continue
            if best is None or entry.problem.is_better(result.value, best.value):
                best = result
        return best.trial.settings if best is not None else None

    def given_up(self, results: Mapping[str, Result]) -> list[Entry]:
        """Where the search is over and none of its settings was trained to the end: no final runs are to come."""
        without = [entry for entry in self.entries if self.chosen(entry, results) is None]
        return [entry for entry in without if next(self._of(entry, results), None) is None]

    def _of(self, entry: Entry, results: Mapping[str, Result]) -> Iterator[Step]:
        if self.search:
            trials = self._trials(entry, "search", self.settings)
            rungs = self._rungs()
            values = [self._values(entry.problem, _of_this(trial, results), rungs) for trial in trials]
            ready = survivors(values, entry.problem.mode, len(rungs))
            for number, rung in ready:
                yield Step(trials[number], rungs[rung])
            if ready:
                return
        settings = self.chosen(entry, results)
        if settings is not None:
            for trial in self._trials(entry, "final", [settings] * self.seeds):
                if _of_this(trial, results) is None:
                    yield Step(trial, self.training.last_step)

    def _trials(self, entry: Entry, phase: Phase, settings: Sequence[Settings]) -> list[Trial]:
        first = self.seed * 1000 + (500 if phase == "search" else 0)  # so that no seed is used to choose and to judge
        return [
            Trial(
                problem=entry.problem.name,
                cell=entry.cell,
                phase=phase,
                number=number,
                seed=first + number,
                **self.sizes[entry.problem.name, entry.cell, entry.budget, one.num_layers]._asdict(),
                settings=one,
                budget=entry.budget if len(self.budgets) > 1 else None,
            )
            for number, one in enumerate(settings)
        ]

    def _rungs(self) -> list[int]:
        """Steps at which the search judges; without them, where a trial's length is a time."""
        shares = rung_shares(len(self.settings)) if self.training.seconds is None else [1.0]
        return sorted({self.training.rung(share) for share in shares})

    def _values(self, problem: Problem, result: Result | None, rungs: Sequence[int]) -> list[float]:
        """The best metric up to each rung that was reached; NaN past a failure."""
        if result is None:
            return []
        if self.training.seconds is not None:
            return [result.value]
        values, best = [], math.nan
        for rung in rungs:
            for point in result.history:
                if point.step <= rung and problem.is_better(point.value, best):
                    best = point.value
            if result.history and result.history[-1].step >= rung:
                values.append(best)
            elif result.status in ("diverged", "failed"):
                values.append(math.nan)
        return values


def _of_this(trial: Trial, results: Mapping[str, Result]) -> Result | None:
    """The result of this very trial: one of its name may have other settings, if the search has chosen others since."""
    result = results.get(trial.key)
    return result if result is not None and result.trial == trial else None
