"""What a person sees while a study runs: every cell on every problem, and every trial that trains."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from seqmodels.compare.plan import Step
from seqmodels.compare.recorder import PROGRESS
from seqmodels.compare.results import Result
from seqmodels.compare.study import Study


class Display:
    """A :data:`Watch`: a live table on a terminal, one line a trial anywhere else.

    Used as a context manager, so that the terminal is left as it was.
    """

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._live: Live | None = None
        self._said: set[str] = set()
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Display:
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=4)
            self._live.start()
        return self

    def __exit__(self, *_: Any) -> None:
        if self._live is not None:
            self._live.stop()

    def __call__(self, study: Study, running: Mapping[str, Step]) -> None:
        """Show where the study is."""
        if self._live is None:
            self._say(study, running)
        else:
            self._move_bars(study, running)
            self._live.update(Group(_scores(study), self._bars))

    def _say(self, study: Study, running: Mapping[str, Step]) -> None:
        """A line for each trial that has ended since the last call; those of an earlier run are one line together."""
        if not self._said and study.taken_up:
            self._print(f"{len(study.taken_up)} of {study.plan.number_of_trials} trials were there already")
            self._said |= study.taken_up
        for key, result in study.results.items():
            if result.status != "stopped" and key not in self._said:
                self._said.add(key)
                self._print(_line(result, _ended(study, running), study))

    def _print(self, text: str) -> None:
        # Not by rich, which would end the process where a pipe is closed.
        print(text, file=self._console.file, flush=True)

    def _move_bars(self, study: Study, running: Mapping[str, Step]) -> None:
        self._move("all trials", _ended(study, running), study.plan.number_of_trials, "")
        for key, step in running.items():
            at = _read_progress(study, step)
            value = at.get("value")
            note = f"{value:.4g}" if isinstance(value, float) else ""
            if study.training.seconds is None:
                self._move(key, at.get("step", 0), study.training.last_step, note)
            else:
                self._move(key, round(at.get("seconds", 0)), round(study.training.seconds), f"{note} s")
        for key in [key for key in self._tasks if key != "all trials" and key not in running]:
            self._bars.remove_task(self._tasks.pop(key))

    def _move(self, name: str, completed: int, total: int, note: str) -> None:
        if name not in self._tasks:
            self._tasks[name] = self._bars.add_task(name, total=total, note=note)
        self._bars.update(self._tasks[name], completed=completed, note=note)


def _ended(study: Study, running: Mapping[str, Step]) -> int:
    """Trials that have come to something; those that the search has stopped are among them."""
    return sum(key not in running for key in study.results)


def _scores(study: Study) -> Table:
    """The mean of the final runs so far, and how many of them there are."""
    table = Table("cell", header_style="bold")
    for problem in study.problems:
        table.add_column(Text(f"{problem.name}\n{problem.title}"), justify="right", no_wrap=True)
    for cell in study.cells:
        table.add_row(Text(cell), *(_score(study, problem.name, cell) for problem in study.problems))
    return table


def _score(study: Study, problem: str, cell: str) -> str:
    budget = study.budgets[-1] if len(study.budgets) > 1 else None  # of several the largest
    sought = (problem, cell, budget)
    mine = [r for r in study.results.values() if (r.trial.problem, r.trial.cell, r.trial.budget) == sought]
    final = [result for result in mine if result.trial.phase == "final"]
    values = [result.test for result in final if result.status == "finished"]
    if not final:
        return f"[dim]search {len(mine)}/{study.trials}[/dim]" if study.trials and mine else "[dim]-[/dim]"
    mean = f"{statistics.fmean(values):.4f}" if values else "[red]failed[/red]"
    return f"{mean} [dim]{len(final)}/{study.seeds}[/dim]"


def _line(result: Result, number: int, study: Study) -> str:
    place = f"[{number}/{study.plan.number_of_trials}]"
    if result.status in ("failed", "diverged"):
        return f"{place} {result.trial.key}: {result.status}: {result.error}"
    which, value = ("test", result.test) if result.trial.phase == "final" else ("validation", result.value)
    return f"{place} {result.trial.key}: {which} {value:.4f}, {result.seconds:.0f} s"


def _read_progress(study: Study, step: Step) -> dict[str, Any]:
    """What a trial last wrote; nothing, if it hasn't yet."""
    try:
        return json.loads((study.folder_of(step.trial) / PROGRESS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
