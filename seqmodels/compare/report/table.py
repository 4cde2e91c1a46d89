"""The tables of a report in a terminal, and in Markdown."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqmodels.compare.report.comparison import finding
from seqmodels.compare.report.grid import Entry, Findings, Grid, detail, overview, ranking_notes
from seqmodels.compare.report.summary import StudyResults

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

_COLOURS = {"better": "green", "worse": "red", "": ""}


def to_text(study: StudyResults, width: int = 100, *, color: bool = False) -> str:
    """The tables for a terminal: all problems in one if it fits, as in Table 1 of Jozefowicz et al. 2015.

    Args:
        study: May still be under way.
        width: Columns of the terminal.
        color: Whether to use escape sequences for bold and colour.

    Returns:
        Lines that end with a newline.
    """
    from rich.console import Console

    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=color, color_system="standard" if color else None)
    found = Findings.of(study)
    for grid in _fitting(found, width):
        console.print(_rich(grid), highlight=False)
        for note in grid.notes:
            console.print(note, style="dim", highlight=False, markup=False)
        console.print()
    for problem in study.problems:
        answer = f"{problem.name}: {finding(study, problem, found.rows, found.comparisons)}"
        console.print(answer, highlight=False, markup=False)
    return "\n".join(line.rstrip() for line in file.getvalue().split("\n"))


def to_markdown(study: StudyResults) -> str:
    """The same as a Markdown page: the answers, all problems in one table, and one table a problem."""
    found = Findings.of(study)
    lines = [f"# {_escaped(study.title)}", ""]
    lines += [_escaped(study.budget), ""] if study.budget else []
    for problem in study.problems:
        answer = finding(study, problem, found.rows, found.comparisons)
        lines.append(f"- **{problem.name}**: {_escaped(answer)}")
    grids = [overview(found, gains=True)] if len(study.problems) > 1 else []
    grids += [detail(found, problem) for problem in study.problems]
    for grid in grids:
        lines += ["", *(() if grid.title == study.title else (f"## {_escaped(grid.title)}", "")), *_markdown(grid)]
    return "\n".join(lines) + "\n"


def _fitting(found: Findings, width: int) -> Sequence[Grid]:
    """The richest tables that are no wider than the terminal."""
    if len(found.study.problems) > 1:
        for gains in (True, False):
            grid = overview(found, gains=gains)
            if _width(grid) <= width:
                return [grid]
    grids = [_narrowed(detail(found, problem, wide=False), width) for problem in found.study.problems]
    if len(grids) > 1 and ranking_notes(found):  # the ranks have no column in these
        grids[-1] = dataclasses.replace(grids[-1], notes=(*grids[-1].notes, *_ranks_in_words(found)))
    return grids


def _width(grid: Grid) -> int:
    from rich.console import Console

    return Console(file=io.StringIO(), width=10_000).measure(_rich(dataclasses.replace(grid, title=""))).maximum


def _narrowed(grid: Grid, width: int) -> Grid:
    """The table with as many of its columns as there is room for; the metric stays."""
    while _width(grid) > width and len(grid.headings) > 2:
        rows = tuple(row[:-1] for row in grid.rows)
        grid = dataclasses.replace(grid, headings=grid.headings[:-1], rows=rows)
    return grid


def _ranks_in_words(found: Findings) -> tuple[str, ...]:
    grid = overview(found, gains=False)
    ranks = ", ".join(f"{row[0].text} {row[-1].text}" for row in grid.rows)
    return (*ranking_notes(found), f"ranks: {ranks}")


def _rich(grid: Grid) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(grid.title), title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for index, heading in enumerate(grid.headings):
        first = index == 0
        table.add_column(Text(heading), justify="left" if first else "right", overflow="fold", no_wrap=not first)
    for row in _aligned(grid.rows):
        table.add_row(*(_styled(entry, is_name=index == 0) for index, entry in enumerate(row)))
    return table


def _aligned(rows: Sequence[tuple[Entry, ...]]) -> list[tuple[Entry, ...]]:
    """Entries without the marks that others of their column end with get blanks, so that digits stand below digits."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    for column in columns[1:]:
        width = max(_marks(entry.text) for entry in column)
        for index, entry in enumerate(column):
            column[index] = dataclasses.replace(entry, text=entry.text + " " * (width - _marks(entry.text)))
    return list(zip(*columns, strict=True))


def _marks(text: str) -> int:
    return len(text) - len(text.rstrip(" ▲▼†"))


def _styled(entry: Entry, *, is_name: bool) -> Text:
    from rich.text import Text

    style = f"{'bold ' if entry.strong else ''}{_COLOURS.get(entry.verdict, '')}".strip()
    return Text(entry.text, style=style or ("italic" if is_name and entry.note == "baseline" else ""))


def _markdown(grid: Grid) -> list[str]:
    headings = [_escaped(heading.strip().replace("\n", " ")) for heading in grid.headings]
    lines = [f"| {' | '.join(headings)} |", f"|---|{'---:|' * (len(headings) - 1)}"]
    for row in grid.rows:
        texts = [f"**{_escaped(entry.text)}**" if entry.strong else _escaped(entry.text) for entry in row]
        lines.append(f"| {' | '.join(texts)} |")
    return [*lines, "", *(f"{_escaped(note)}  " for note in grid.notes)]


def _escaped(text: str) -> str:
    """Text of others, without a meaning in Markdown."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|#" else c for c in text)
