"""Each cell against the baseline, on each problem, and the answer in one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Literal

from seqmodels.compare.problem import Problem
from seqmodels.compare.report.names import decimals_for, fixed, listing, plural, probability, signed
from seqmodels.compare.report.statistics import Estimate, Ranking, average_ranks, holm, paired_difference
from seqmodels.compare.report.summary import Row, StudyResults, summarize

LEVEL = 0.05
Verdict = Literal["better", "worse", "same", "unknown"]


@dataclass(frozen=True)
class Comparison:
    """A cell against the baseline on a problem, paired by seed.

    Attributes:
        gain: By how much the cell is better; above 0 is better, whether the metric is to be high or low. None where no
            seed is common to both.
        lost: Final runs of the cell that have no test metric. A cell that lost some is not called better: the seeds
            that it lost may have been the hard ones.
        p: Of the paired t-test, corrected for all tests of the study (Holm 1979); None where there was no test.
    """

    problem: str
    cell: str
    gain: Estimate | None
    p: float | None
    lost: int = 0

    @property
    def verdict(self) -> Verdict:
        """Whether the cell differs from the baseline beyond chance, at 5 % over all tests of the study."""
        if self.gain is None or self.p is None:
            return "unknown"
        if self.p >= LEVEL:
            return "same"
        if self.gain.mean > 0:
            return "unknown" if self.lost else "better"
        return "worse"

    @property
    def why_unknown(self) -> str:
        """Why there was no test."""
        if self.gain is None:
            return "no seed in common with the baseline"
        if self.gain.size < 2:
            return "needs at least 2 seeds"
        if self.p is None:
            return "the same difference on every seed"
        return f"better on the seeds that ended, but {plural(self.lost, 'run')} did not" if self.lost else ""


def compare(study: StudyResults) -> tuple[Comparison, ...]:
    """Every cell but the baseline on every problem, in the study's order."""
    gains: list[tuple[str, str, Estimate | None]] = []
    for problem in study.problems:
        baseline = tests_by_seed(study, problem, study.baseline)
        for cell in study.cells:
            if cell != study.baseline:
                gains.append((problem.name, cell, paired_difference(tests_by_seed(study, problem, cell), baseline)))
    corrected = holm([gain.p if gain else None for _, _, gain in gains])
    lost = {(row.problem, row.cell): row.runs - row.tested for row in summarize(study)}
    return tuple(Comparison(*each, p, lost[each[:2]]) for each, p in zip(gains, corrected, strict=True))


def tests_by_seed(study: StudyResults, problem: Problem, cell: str) -> dict[int, float]:
    """Seed -> test metric, more being better."""
    sign = 1 if problem.mode == "max" else -1
    return {result.trial.seed: sign * result.test for result in study.finals(problem.name, cell)}


def rank(study: StudyResults, rows: Sequence[Row] | None = None) -> Ranking | None:
    """Average ranks over problems; None with fewer than two problems or cells that have results."""
    rows = summarize(study) if rows is None else rows
    scores = []
    for problem in study.problems:
        sign = 1 if problem.mode == "max" else -1
        scores.append({row.cell: sign * row.test.mean for row in rows if row.problem == problem.name and row.test})
    return average_ranks(scores)


def decimals(rows: Sequence[Row], problem: str) -> int:
    """With how many decimals a problem's metric is written."""
    tests = [row.test for row in rows if row.problem == problem and row.test]
    widths = [test.half_width for test in tests if test.half_width]
    largest = max((abs(test.mean) for test in tests), default=math.nan)
    return decimals_for(median_low(widths) if widths else math.nan, largest)


def finding(study: StudyResults, problem: Problem, rows: Sequence[Row], comparisons: Sequence[Comparison]) -> str:
    """The answer for one problem in one sentence."""
    names, baseline = study.names, study.names[study.baseline]
    digits = decimals(rows, problem.name)
    mine = {row.cell: row for row in rows if row.problem == problem.name}
    against = [each for each in comparisons if each.problem == problem.name]
    base = mine[study.baseline]
    if base.test is None:
        state = "has no test result" if base.runs else "has no result yet"
        return f"{baseline} {state}, so no cell can be compared with it{_best(study, problem, mine, digits)}."
    if not against:
        return f"{baseline} reaches {_with_interval(base.test, digits)}; there is no other cell to compare it with."
    better = sorted((e for e in against if e.verdict == "better"), key=lambda e: -_mean(e))
    worse = sorted((e for e in against if e.verdict == "worse"), key=lambda e: _mean(e))
    missing = [names[e.cell] for e in against if mine[e.cell].test is None]
    tail = f"; no result yet of {listing(missing)}" if missing else ""
    if better:
        text = f"{names[better[0].cell]} beats {baseline} by {_test(better[0], digits)}"
        if better[1:]:
            text += f"; so {'does' if len(better) == 2 else 'do'} {_many(study, better[1:], digits)}"
        if worse:
            text += f"; {baseline} beats {listing([names[e.cell] for e in worse])}"
        return f"{text}{tail}."
    if worse:
        text = f"no cell beats {baseline}, and {names[worse[0].cell]} is worse by {_test(worse[0], digits, -1)}"
        if worse[1:]:
            text += f"; so {'is' if len(worse) == 2 else 'are'} {_many(study, worse[1:], digits)}"
        return f"{text}{tail}."
    tested = [e for e in against if e.p is not None]
    if tested:
        least = min(tested, key=lambda e: e.p if e.p is not None else 1.0)
        seeds = min(e.gain.size for e in tested if e.gain)
        one = names[tested[0].cell] + " does not differ" if len(against) == 1 else "no cell differs"
        return (
            f"{one} from {baseline} beyond chance ({plural(seeds, 'seed')}; "
            f"smallest p after correction {probability(least.p)}, of {names[least.cell]}){tail}."
        )
    if len(missing) == len(against):
        return f"there is a result of {baseline} alone so far, {_with_interval(base.test, digits)}."
    why = listing(sorted({e.why_unknown for e in against if e.gain is not None}) or ["no seed in common"])
    return f"not tested ({why}){_best(study, problem, mine, digits)}{tail}."


def _best(study: StudyResults, problem: Problem, mine: dict[str, Row], digits: int) -> str:
    scores = {cell: row.test.mean for cell, row in mine.items() if row.test}
    if not scores:
        return ""
    best = (max if problem.mode == "max" else min)(scores, key=lambda cell: scores[cell])
    return f"; the best so far is {study.names[best]} with {fixed(scores[best], digits)}"


def _mean(comparison: Comparison) -> float:
    return comparison.gain.mean if comparison.gain else math.nan


def _test(comparison: Comparison, digits: int, sign: int = 1) -> str:
    """The gain of a comparison that was tested, its interval and its p."""
    gain = comparison.gain
    assert gain is not None
    low, high = sorted(sign * end for end in (gain.low, gain.high) if end is not None)
    p = probability(comparison.p)
    return (
        f"{fixed(sign * gain.mean, digits)} (95 % interval {fixed(low, digits)} to {fixed(high, digits)}, "
        f"p {p if p.startswith('<') else f'= {p}'} after correction)".replace("p <", "p < ")
    )


def _many(study: StudyResults, comparisons: Sequence[Comparison], digits: int) -> str:
    return listing([f"{study.names[e.cell]} ({signed(_mean(e), digits)})" for e in comparisons])


def _with_interval(test: Estimate, digits: int) -> str:
    mean = fixed(test.mean, digits)
    if test.low is None:
        return f"{mean} ({'needs at least 2 seeds for an interval' if test.size < 2 else 'the same on every seed'})"
    return f"{mean} (95 % interval {fixed(test.low, digits)} to {fixed(test.high, digits)}, {test.size} seeds)"
