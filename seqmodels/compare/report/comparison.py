"""Each cell against the baseline, on each problem, and the answer in one sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low
from typing import Literal

from seqmodels.compare.problem import Problem
from seqmodels.compare.report.names import decimals_for, fixed, probability, signed
from seqmodels.compare.report.statistics import Estimate, Ranking, average_ranks, holm, paired_difference
from seqmodels.compare.report.summary import Row, StudyResults, summarize
from seqmodels.compare.words import listing, plural

LEVEL = 0.05
Verdict = Literal["better", "worse", "same", "unknown"]


@dataclass(frozen=True)
class Comparison:
    """A cell against the baseline on a problem, paired by seed.

    Attributes:
        gain: By how much the cell is better; above 0 is better, whether the metric is to be high or low. None where no
            seed is common to both.
        p: Of the paired t-test, corrected for all tests of the study (Holm 1979); None where there was no test.
        lost: Final runs of the cell that have no test metric. Who lost some is not called better, be it the cell or the
            baseline: the seeds that it lost may have been the hard ones.
        baseline_lost: The same of the baseline.
    """

    problem: str
    cell: str
    gain: Estimate | None
    p: float | None
    lost: int = 0
    baseline_lost: int = 0

    @property
    def verdict(self) -> Verdict:
        """Whether the cell differs from the baseline beyond chance, at 5 % over all tests of the study."""
        if self.gain is None or self.p is None:
            return "unknown"
        if self.p >= LEVEL:
            return "same"
        if self._lost_by_the_better:
            return "unknown"
        return "better" if self.gain.mean > 0 else "worse"

    @property
    def why_unknown(self) -> str:
        """Why there was no test, or why it decides nothing; empty where it does."""
        if self.verdict != "unknown":
            return ""
        if self.gain is None:
            return "no seed in common with the baseline"
        if self.gain.size < 2:
            return "needs at least 2 seeds"
        if self.p is None:
            return "the same difference on every seed"
        lost = plural(self._lost_by_the_better, "run")
        if self.gain.mean > 0:
            return f"better on the seeds that ended, but {lost} did not"
        return f"worse on the seeds that ended, but {lost} of the baseline did not"

    @property
    def _lost_by_the_better(self) -> int:
        return self.lost if self.gain is not None and self.gain.mean > 0 else self.baseline_lost


def compare(study: StudyResults) -> tuple[Comparison, ...]:
    """Every cell but the baseline on every problem, in the study's order; of several budgets under the largest.

    Example:
        >>> from seqmodels.compare import Result, Settings, Trial, get_problem
        >>> def run(cell, seed, test):
        ...     trial = Trial("xml", cell, "final", seed, seed, hidden_size=8, parameters=1_000, settings=Settings())
        ...     return Result(trial, "finished", test=test)
        >>> runs = (run("lstm", 0, 0.5), run("lstm", 1, 0.6), run("gru", 0, 0.7), run("gru", 1, 0.9))
        >>> study = StudyResults("Two cells", (get_problem("xml"),), ("lstm", "gru"), "lstm", results=runs)
        >>> [(each.cell, round(each.gain.mean, 2), each.verdict) for each in compare(study)]
        [('gru', 0.25, 'same')]
    """
    gains: list[tuple[str, str, Estimate | None]] = []
    for problem in study.problems:
        baseline = tests_by_seed(study, problem, study.baseline)
        for cell in study.cells:
            if cell != study.baseline:
                gains.append((problem.name, cell, paired_difference(tests_by_seed(study, problem, cell), baseline)))
    corrected = holm([gain.p if gain else None for _, _, gain in gains])
    lost = {(row.problem, row.cell): row.runs - row.tested for row in summarize(study)}
    return tuple(
        Comparison(problem, cell, gain, p, lost[problem, cell], lost[problem, study.baseline])
        for (problem, cell, gain), p in zip(gains, corrected, strict=True)
    )


def tests_by_seed(study: StudyResults, problem: Problem, cell: str) -> dict[int, float]:
    """Seed -> test metric, more being better."""
    return {result.trial.seed: problem.sign * result.test for result in study.finals(problem.name, cell)}


def rank(study: StudyResults, rows: Sequence[Row] | None = None) -> Ranking | None:
    """Average ranks over problems, and whether they differ beyond chance.

    Args:
        study: The study.
        rows: Its summary, where it is known already.

    Returns:
        The ranks; None with fewer than two problems or cells that have results.
    """
    rows = summarize(study) if rows is None else rows
    return average_ranks([_means(rows, problem) for problem in study.problems])


def best_first(study: StudyResults) -> list[str]:
    """All cells by their average place over problems; where a cell has no result, its place is the last."""
    rows, places = summarize(study), dict.fromkeys(study.cells, 0)
    for problem in study.problems:
        means = _means(rows, problem)
        for cell in study.cells:
            mine = means.get(cell, -math.inf)
            places[cell] += sum(other > mine for other in means.values())
    return sorted(study.cells, key=lambda cell: places[cell])


def _means(rows: Sequence[Row], problem: Problem) -> dict[str, float]:
    """Cell -> mean of its test metric, more being better."""
    return {row.cell: problem.sign * row.test.mean for row in rows if row.problem == problem.name and row.test}


def decimals(rows: Sequence[Row], problem: str) -> int:
    """With how many decimals a problem's metric is written."""
    tests = [row.test for row in rows if row.problem == problem and row.test]
    widths = [test.half_width for test in tests if test.half_width]
    largest = max((abs(test.mean) for test in tests), default=math.nan)
    return decimals_for(median_low(widths) if widths else math.nan, largest)


def finding(study: StudyResults, problem: Problem, rows: Sequence[Row], comparisons: Sequence[Comparison]) -> str:
    """The answer for one problem in one sentence.

    Args:
        study: The study.
        problem: One of its problems.
        rows: The study's summary.
        comparisons: All of its comparisons.

    Raises:
        KeyError: If the rows are of another study.

    Example:
        >>> from seqmodels.compare import Result, Settings, Trial, get_problem
        >>> def run(cell, seed, test):
        ...     trial = Trial("xml", cell, "final", seed, seed, hidden_size=8, parameters=1_000, settings=Settings())
        ...     return Result(trial, "finished", test=test)
        >>> runs = (run("lstm", 0, 0.5), run("lstm", 1, 0.6), run("gru", 0, 0.7), run("gru", 1, 0.9))
        >>> study = StudyResults("Two cells", (get_problem("xml"),), ("lstm", "gru"), "lstm", results=runs)
        >>> finding(study, study.problems[0], summarize(study), compare(study))
        'gru does not differ from lstm beyond chance (2 seeds; smallest p after correction 0.13, of gru).'
    """
    baseline = study.names[study.baseline]
    digits = decimals(rows, problem.name)
    mine = {row.cell: row for row in rows if row.problem == problem.name}
    against = [each for each in comparisons if each.problem == problem.name]
    base, best = mine[study.baseline], _best(study, problem, mine, digits)
    if base.test is None:
        state = "has no test result" if base.runs else "could not be trained" if base.given_up else "has no result yet"
        return "; ".join([f"{baseline} {state}, so no cell can be compared with it", *best]) + "."
    if not against:
        return f"{baseline} reaches {_with_interval(base.test, digits)}; there is no other cell to compare it with."
    rest = [each for each in against if each.verdict == "unknown"]
    undecided = [each for each in rest if mine[each.cell].test is not None]
    decided = _decided(study, [each for each in against if each.verdict != "unknown"], len(against), digits)
    parts = [decided] if decided else []
    if undecided:
        parts += [f"undecided: {_reasons(study, undecided)}", *(best if not decided else [])]
    elif not decided:
        parts.append(f"there is a result of {baseline} alone, {_with_interval(base.test, digits)}")
    parts += _without_result(study, [mine[each.cell] for each in rest if mine[each.cell].test is None])
    return f"{'; '.join(parts)}."


def _decided(study: StudyResults, against: Sequence[Comparison], cells: int, digits: int) -> str:
    """What the tests say; empty if there are none."""
    names, baseline = study.names, study.names[study.baseline]
    better = sorted((e for e in against if e.verdict == "better"), key=lambda e: -_mean(e))
    worse = sorted((e for e in against if e.verdict == "worse"), key=lambda e: _mean(e))
    if better:
        text = f"{names[better[0].cell]} beats {baseline} by {_test(better[0], digits)}"
        if better[1:]:
            text += f"; so {'does' if len(better) == 2 else 'do'} {_many(study, better[1:], digits)}"
        return text + (f"; {baseline} beats {listing([names[e.cell] for e in worse])}" if worse else "")
    if worse:
        worst, test = names[worse[0].cell], _test(worse[0], digits, -1)
        text = f"{worst} is worse than {baseline} by {test}"
        if len(against) == cells:
            text = f"no cell beats {baseline}, and {worst} is worse by {test}"
        if worse[1:]:
            text += f"; so {'is' if len(worse) == 2 else 'are'} {_many(study, worse[1:], digits)}"
        return text
    if not against:
        return ""
    least = min(against, key=lambda e: e.p if e.p is not None else 1.0)
    seeds = min(e.gain.size for e in against if e.gain)
    if len(against) == cells > 1:
        who = "no cell differs"
    else:
        who = f"{listing([names[e.cell] for e in against])} {'does' if len(against) == 1 else 'do'} not differ"
    return (
        f"{who} from {baseline} beyond chance ({plural(seeds, 'seed')}; "
        f"smallest p after correction {probability(least.p)}, of {names[least.cell]})"
    )


def _reasons(study: StudyResults, undecided: Sequence[Comparison]) -> str:
    """Cells and why nothing is known of them; those with one reason together."""
    why: dict[str, list[str]] = {}
    for each in undecided:
        why.setdefault(each.why_unknown, []).append(study.names[each.cell])
    return ", ".join(f"{listing(cells)} ({reason})" for reason, cells in why.items())


def _without_result(study: StudyResults, rows: Sequence[Row]) -> list[str]:
    """Cells without a test metric: those to come, and those that none is to come of."""
    ended = [study.names[row.cell] for row in rows if row.runs or row.given_up]
    waiting = [study.names[row.cell] for row in rows if not (row.runs or row.given_up)]
    texts = [f"no result yet of {listing(waiting)}"] if waiting else []
    return texts + ([f"{listing(ended)} could not be trained"] if ended else [])


def _best(study: StudyResults, problem: Problem, mine: dict[str, Row], digits: int) -> list[str]:
    scores = {cell: row.test.mean for cell, row in mine.items() if row.test}
    if not scores:
        return []
    best = (max if problem.mode == "max" else min)(scores, key=lambda cell: scores[cell])
    return [f"the best so far is {study.names[best]} with {fixed(scores[best], digits)}"]


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
