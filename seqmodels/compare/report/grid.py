"""The tables of a report as plain cells, which the terminal, Markdown and the page each draw in their own way."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from seqmodels.compare.problem import Problem
from seqmodels.compare.report.comparison import Comparison, compare, decimals, rank
from seqmodels.compare.report.names import NOTHING, compact, duration, fixed, probability, signed
from seqmodels.compare.report.summary import Row, StudyResults, summarize
from seqmodels.compare.words import plural

MARKS = {"better": "▲", "worse": "▼"}
LEGEND = "▲ better, ▼ worse than {} by a paired t-test over seeds (p < 0.05 after Holm's correction)"


@dataclass(frozen=True)
class Entry:
    """What stands in one place of a table.

    Attributes:
        text: As shown.
        value: What a column is sorted by; text sorts by itself.
        strong: Whether it is the best of its column.
        verdict: "better" or "worse" than the baseline; "" otherwise.
        note: Said where there is room, of what the text leaves out.
    """

    text: str
    value: float | str = math.nan
    strong: bool = False
    verdict: str = ""
    note: str = ""


@dataclass(frozen=True)
class Grid:
    """A table: a heading for each column, rows of entries whose first is the cell's name, and notes below."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Findings:
    """What all tables are made from, computed once."""

    study: StudyResults
    rows: tuple[Row, ...]
    comparisons: tuple[Comparison, ...]

    @classmethod
    def of(cls, study: StudyResults) -> Findings:
        """Summaries and tests of a study."""
        return cls(study, summarize(study), compare(study))

    def row(self, problem: str, cell: str) -> Row:
        """The summary of a cell on a problem."""
        return next(row for row in self.rows if (row.problem, row.cell) == (problem, cell))

    def comparison(self, problem: str, cell: str) -> Comparison | None:
        """The test of a cell on a problem; None of the baseline."""
        return next((c for c in self.comparisons if (c.problem, c.cell) == (problem, cell)), None)

    def winner(self, problem: Problem) -> str | None:
        """The cell with the best mean."""
        means = {row.cell: row.test.mean for row in self.rows if row.problem == problem.name and row.test}
        return (max if problem.mode == "max" else min)(means, key=lambda cell: means[cell], default=None)


def overview(found: Findings, *, gains: bool) -> Grid:
    """All problems in one table: rows cells, columns problems, as in Table 1 of Jozefowicz et al. 2015.

    Args:
        found: The study.
        gains: Whether a second column a problem says by how much a cell is better than the baseline.
    """
    study = found.study
    ranking = rank(study, found.rows)
    headings = ["cell"]
    for problem in study.problems:
        headings.append(f"{problem.name}\n{arrow(problem)} {problem.title}")
        headings += ["\ngain"] if gains else []
    headings += ["\nrank"] if ranking else []
    rows = []
    for cell in study.cells:
        entries = [_name(study, cell)]
        for problem in study.problems:
            row, comparison = found.row(problem.name, cell), found.comparison(problem.name, cell)
            digits = decimals(found.rows, problem.name)
            entries.append(_test(found, problem, row, with_mark=not gains))
            entries += [_gain(comparison, digits)] if gains else []
        if ranking:
            place = ranking.ranks.get(cell, math.nan)
            entries.append(Entry(fixed(place, 1), place, strong=place == min(ranking.ranks.values())))
        rows.append(tuple(entries))
    return Grid(study.title, tuple(headings), tuple(rows), (*_notes(found, gains=gains), *ranking_notes(found)))


def detail(found: Findings, problem: Problem, *, wide: bool = True) -> Grid:
    """One problem: the metric, the gain over the baseline, and what was trained.

    Args:
        found: The study.
        problem: Which one.
        wide: Whether there is room for intervals and the best run.
    """
    study, digits = found.study, decimals(found.rows, problem.name)
    headings = ["cell", f"{arrow(problem)} mean", "gain", *(["95 % interval"] if wide else []), "p"]
    headings += [*(["best"] if wide else []), "parameters", "layers", "runs"]
    headings += ["time", "tokens/s"]
    rows = []
    for cell in study.cells:
        row, comparison = found.row(problem.name, cell), found.comparison(problem.name, cell)
        entries = [_name(study, cell), _test(found, problem, row, with_mark=False), _gain(comparison, digits)]
        entries += [_interval(comparison, digits)] if wide else []
        p = comparison.p if comparison else None
        entries.append(Entry(probability(p), _value(p), note=comparison.why_unknown if comparison else "the baseline"))
        entries += [Entry(fixed(row.best, digits), row.best)] if wide else []
        excess = "" if math.isnan(row.excess) else f"{signed(row.excess, 1)} % of the budget"
        entries.append(Entry(f"{row.parameters:,}" if row.parameters else NOTHING, row.parameters, note=excess))
        layers = row.settings.num_layers if row.settings else None
        entries.append(Entry(str(layers or NOTHING), layers or 0))
        lost = loss(row)
        entries.append(Entry(f"{row.tested}/{row.runs}" if lost else str(row.runs), row.tested, note=lost))
        entries.append(Entry(duration(row.seconds), row.seconds))
        entries.append(Entry(compact(row.tokens_per_second), row.tokens_per_second))
        rows.append(tuple(entries))
    title = f"{problem.name}: {problem.title} on test data ({'more' if problem.mode == 'max' else 'less'} is better)"
    return Grid(title, tuple(headings), tuple(rows), _notes(found, problem))


def loss(row: Row) -> str:
    """In words, which final runs didn't end well: "1 of 5 runs diverged, 1 failed"; empty where all did."""
    if not row.is_lossy:
        return ""
    if row.given_up:
        return f"none of the settings tried could be trained to the end ({plural(row.searched, 'trial')})"
    rest = row.runs - row.tested - row.diverged - row.failed
    counts = ((row.diverged, "diverged"), (row.failed, "failed"), (rest, "without a test metric"))
    (first, what), *others = [(count, what) for count, what in counts if count > 0]
    return ", ".join([f"{first} of {plural(row.runs, 'run')} {what}", *(f"{n} {each}" for n, each in others)])


def arrow(problem: Problem) -> str:
    """Which way is better."""
    return "↑" if problem.mode == "max" else "↓"


def ranking_notes(found: Findings) -> tuple[str, ...]:
    """What the ranks say in words."""
    ranking = rank(found.study, found.rows)
    if ranking is None:
        return ()
    left = [found.study.names[cell] for cell in found.study.cells if cell not in ranking.ranks]
    text = f"rank: average over {plural(ranking.problems, 'problem')} (Demsar 2006)"
    if ranking.p is not None:
        text += f"; Friedman's test that all cells are alike: p = {probability(ranking.p)}".replace("= <", "< ")
    if left:
        text += f"; without {', '.join(left)}, as results are missing"
    return (text,)


def _name(study: StudyResults, cell: str) -> Entry:
    is_baseline = cell == study.baseline
    return Entry(study.names[cell], study.names[cell], note="baseline" if is_baseline else "")


def _test(found: Findings, problem: Problem, row: Row, *, with_mark: bool) -> Entry:
    if row.test is None:
        lost = loss(row)
        return Entry(NOTHING + (" †" if lost else ""), note=lost)
    digits = decimals(found.rows, problem.name)
    text = fixed(row.test.mean, digits)
    if row.test.half_width is not None:
        text += f" ± {fixed(row.test.half_width, digits)}"
    comparison = found.comparison(problem.name, row.cell)
    verdict = comparison.verdict if comparison else ""
    mark = f" {MARKS[verdict]}" if with_mark and verdict in MARKS else ""
    text += (" †" if row.is_lossy else "") + mark
    return Entry(text, row.test.mean, row.cell == found.winner(problem), verdict if mark else "", loss(row))


def _gain(comparison: Comparison | None, digits: int) -> Entry:
    if comparison is None:
        return Entry("baseline", 0.0)
    if comparison.gain is None:
        return Entry(NOTHING, note=comparison.why_unknown)
    verdict = comparison.verdict
    text = signed(comparison.gain.mean, digits) + (f" {MARKS[verdict]}" if verdict in MARKS else "")
    return Entry(text, comparison.gain.mean, verdict=verdict if verdict in MARKS else "", note=comparison.why_unknown)


def _interval(comparison: Comparison | None, digits: int) -> Entry:
    gain = comparison.gain if comparison else None
    if gain is None or gain.low is None:
        return Entry(NOTHING, note=comparison.why_unknown if comparison else "")
    return Entry(f"{signed(gain.low, digits)} to {signed(gain.high, digits)}", gain.low)


def _value(number: float | None) -> float:
    return math.nan if number is None else number


def _notes(found: Findings, problem: Problem | None = None, *, gains: bool = True) -> tuple[str, ...]:
    """What a reader of the numbers must know: the meaning of marks, lost runs, too few seeds."""
    study = found.study
    rows: Sequence[Row] = [row for row in found.rows if problem is None or row.problem == problem.name]
    compared = [each for each in found.comparisons if problem is None or each.problem == problem.name]
    notes = []
    if any(row.test and row.test.half_width is not None for row in rows):
        notes.append("mean ± half of its 95 % interval (Student's t) over seeds; best mean in bold")
    if gains and any(each.gain is not None for each in compared):
        notes.append(f"gain: by how much a cell is better than {study.names[study.baseline]}, over the seeds of both")
    if any(each.verdict in MARKS for each in compared):
        notes.append(LEGEND.format(study.names[study.baseline]))
    if any(each.gain is not None and each.gain.size < 2 for each in compared):
        notes.append(f"a test against {study.names[study.baseline]} needs at least 2 seeds")
    elif not compared and any(row.test and row.test.size < 2 for row in rows):
        notes.append("an interval needs at least 2 seeds")
    for row in rows:
        if row.is_lossy:
            where = study.names[row.cell] + ("" if problem else f" on {row.problem}")
            notes.append(f"† {where}: {loss(row)}")
    return tuple(notes)
