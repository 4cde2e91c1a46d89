"""The report as one page of HTML that needs nothing but itself."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import replace
from importlib import resources
from itertools import product
from typing import TYPE_CHECKING, Any

from seqmodels.compare.problem import Problem
from seqmodels.compare.report.comparison import finding
from seqmodels.compare.report.figures import Picture, pictures
from seqmodels.compare.report.grid import Entry, Findings, Grid, detail, overview
from seqmodels.compare.report.names import NOTHING, SETTINGS
from seqmodels.compare.report.summary import StudyResults
from seqmodels.compare.words import plural
from seqmodels.figures import FAINT, INK, to_svg

if TYPE_CHECKING:
    from markupsafe import Markup


def to_html(study: StudyResults, drawn: list[Picture] | None = None) -> str:
    """The whole report: answers, tables that sort by a click, figures, settings, failures, and how it was done.

    Args:
        study: May still be under way.
        drawn: Its figures, if there are any already.

    Returns:
        A page without references to any other file; all results are in it as JSON, in ``#results``.
    """
    import jinja2

    found = Findings.of(study)
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.from_string(resources.files(__package__).joinpath("page.html.j2").read_text("utf-8"))
    return (
        template.render(
            study=study,
            answers=[_answer(found, problem) for problem in study.problems],
            grids=_without_repetition(
                [
                    *([overview(found, gains=True)] if len(study.problems) > 1 else []),
                    *(detail(found, problem) for problem in study.problems),
                ]
            ),
            pictures=[
                {"title": each.title, "caption": each.caption, "name": each.name, "svg": inline_svg(each)}
                for each in (pictures(study) if drawn is None else drawn)
            ],
            settings=[_settings(found, problem) for problem in study.problems],
            failures=_failures(study),
            progress=_progress(study),
            method=_method(found),
            facts={
                key: _shown(value) for key, value in {**study.options, **study.environment}.items() if key != "command"
            },
            command=str(study.options.get("command", "")),
            sort_value=_sort_value,
            data=study.to_dict(),
        ).strip()
        + "\n"
    )


def _without_repetition(grids: list[Grid]) -> list[Grid]:
    """Tables without the notes that stand below an earlier one."""
    said: set[str] = set()
    for index, grid in enumerate(grids):
        grids[index] = replace(grid, notes=tuple(note for note in grid.notes if note not in said))
        said.update(grid.notes)
    return grids


def inline_svg(picture: Picture) -> Markup:
    """The figure as an element of a page: ids that no other figure has, the page's colours for text and lines."""
    from markupsafe import Markup, escape

    svg = to_svg(picture.figure)
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    for pattern in (r'(\bid=")', r'(href="#)', r"(url\(#)"):
        svg = re.sub(pattern, rf"\g<1>{re.sub(r'[^A-Za-z0-9-]', '-', picture.name)}-", svg)
    svg = svg.replace(INK, "currentColor").replace(FAINT, "var(--line)")
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', svg)[1])  # type: ignore[index]
    label = escape(f"{picture.title}. {picture.caption}")
    head, rest = svg.split(">", 1)
    head = re.sub(r'\s(?:width|height)="[^"]*"', "", head)
    # as wide as drawn at most, and legible at the least, where the frame around it scrolls
    size = f"max-width:{width * 1.45:.0f}px;min-width:{min(width, 700) * 0.82:.0f}px"
    return Markup(f'{head} role="img" aria-label="{label}" style="{size}">{rest}')


def _answer(found: Findings, problem: Problem) -> dict[str, str]:
    verdicts = {each.verdict for each in found.comparisons if each.problem == problem.name}
    verdict = next((each for each in ("better", "worse", "same") if each in verdicts), "unknown")
    text = finding(found.study, problem, found.rows, found.comparisons)
    if not text.startswith(tuple(found.study.names.values())):  # a cell is called as it is written
        text = text[0].upper() + text[1:]
    return {"problem": problem.name, "verdict": verdict, "text": text}


def _settings(found: Findings, problem: Problem) -> Grid:
    """What each cell was trained with; if a search chose that, from how many trials."""
    rows = []
    searched = any(row.searched for row in found.rows)
    for cell in found.study.cells:
        row = found.row(problem.name, cell)
        values = [getattr(row.settings, name) if row.settings else math.nan for name in SETTINGS]
        entries = [Entry(NOTHING if math.isnan(value) else f"{value:.3g}", value) for value in values]
        lost = [f"{n} {what}" for n, what in ((row.search_diverged, "diverged"), (row.search_failed, "failed")) if n]
        trials = str(row.searched) + (f" ({', '.join(lost)})" if lost else "")
        name = Entry(found.study.names[cell], note="baseline" if cell == found.study.baseline else "")
        entries.append(Entry(str(row.hidden_size or NOTHING)))
        rows.append((name, *entries, *([Entry(trials, row.searched)] if searched else [])))
    columns = ("cell", *SETTINGS.values(), "hidden size", *(["trials of the search"] if searched else []))
    return Grid(problem.name, columns, tuple(rows))


def _failures(study: StudyResults) -> dict[str, list[dict[str, Any]]]:
    """Runs of each phase that went wrong, those alike counted together."""
    wrong: Counter[tuple[str, ...]] = Counter()
    for result in study.results:
        trial = result.trial
        if result.status in ("diverged", "failed") and trial.cell in study.names:
            wrong[trial.phase, study.names[trial.cell], trial.problem, result.status, result.error] += 1
    found: dict[str, list[dict[str, Any]]] = {"final": [], "search": []}
    for (phase, *words), count in sorted(wrong.items()):
        found[phase].append({**dict(zip(("cell", "problem", "status", "error"), words, strict=True)), "count": count})
    return found


def _progress(study: StudyResults) -> str:
    """What is missing yet; empty where every cell has final runs on every problem, or will have none."""
    pairs, budgets = list(product([problem.name for problem in study.problems], study.cells)), study.budgets or (None,)
    missing = [pair for pair in pairs if not all(_is_there(study, *pair, budget) for budget in budgets)]
    if not missing:
        return ""
    return f"{len(missing)} of {len(pairs)} pairs of a cell and a problem have no final run yet."


def _is_there(study: StudyResults, problem: str, cell: str, budget: int | None) -> bool:
    return bool(study.finals(problem, cell, budget)) or study.is_given_up(problem, cell, budget)


def _method(found: Findings) -> list[str]:
    """How the numbers came about, as far as the results tell."""
    study, rows = found.study, found.rows
    seeds, trials = [row.runs for row in rows if row.runs], [row.searched for row in rows if row.searched]
    lines = [f"Each trial: {study.budget}."] if study.budget else []
    each = "each cell and problem"
    if len(study.budgets) > 1:
        each = "each cell, problem and number of parameters"
        lines.append(f"What is said without a number of parameters is of models with {study.budgets[-1]:,}.")
    if trials:
        lines.append(f"Settings were chosen on validation data, from {_range(trials, 'trial')} for {each}.")
    if seeds:
        lines.append(
            f"With these, {_range(seeds, 'final run')} for {each}, a seed each; the test metric is that of the weights "
            "that were best in validation. Cells share their seeds."
        )
    tests = sum(each.p is not None for each in found.comparisons)
    lines.append(
        f"Each cell is compared with {study.names[study.baseline]} by a paired t-test over the seeds of both, and p is "
        f"corrected for {plural(tests, 'test')} by Holm (1979). Intervals are 95 % intervals by Student's t, of one "
        "mean each, not corrected."
    )
    lines.append("Runs without a test metric are in no mean; they are counted wherever they are missing.")
    return lines


def _range(counts: list[int], word: str) -> str:
    low, high = min(counts), max(counts)
    return plural(low, word) if low == high else f"{low} to {plural(high, word)}"


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_shown(each)}" for key, each in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_shown, value))
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _sort_value(entry: Entry) -> str:
    """What the page's script sorts by; empty goes last."""
    if isinstance(entry.value, str):
        return entry.value
    return "" if math.isnan(entry.value) else repr(float(entry.value))
