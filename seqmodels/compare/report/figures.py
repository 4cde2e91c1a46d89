"""The figures of a report; here those of learning curves, of what time buys, and of what parameters buy."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from itertools import product, zip_longest
from typing import TYPE_CHECKING, NamedTuple

from seqmodels.compare.problem import Problem
from seqmodels.compare.report import style
from seqmodels.compare.report.grid import arrow
from seqmodels.compare.report.names import compact
from seqmodels.compare.report.scores import gains, scores
from seqmodels.compare.report.sensitivity import sensitivity
from seqmodels.compare.report.statistics import estimate
from seqmodels.compare.report.style import Look
from seqmodels.compare.report.summary import StudyResults
from seqmodels.compare.results import Point, Result
from seqmodels.figures import panels, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


SCORES = (
    "Test metric: each seed a point, the mean a bar with its 95 % interval. The line is the baseline's mean; an arrow "
    "points to a mean far outside."
)
GAINS = (
    "Test metric compared seed by seed: each seed's difference a point, the mean a bar with its 95 % interval, not "
    "corrected. ▲ and ▼ mark differences beyond chance, after correction for all tests of the study."
)
CURVES = (
    "Validation metric: mean over the seeds that got so far, in the band from the worst to the best of them; a cross "
    "where a run diverged."
)
TIMES = "Validation metric against time spent training, validation not counted; mean and band over seeds."
SIZES = "Test metric against trained parameters; bars are 95 % intervals of the mean over seeds."
SENSITIVITY = (
    "Best validation metric of every trial of the search, also of those that were stopped early and reached less than "
    "they might have. Crosses on the edge are trials that diverged or failed. "
    "Importance: the share of what separates the best trials of a cell from the rest (PED-ANOVA), over all cells."
)


class Picture(NamedTuple):
    """A figure with its name as a file, its heading, and what a reader sees in it."""

    name: str
    title: str
    caption: str
    figure: Figure


def pictures(study: StudyResults) -> list[Picture]:
    """All figures that the results so far allow, in the order of the report; none without any result."""
    baseline = study.names[study.baseline]
    with styled():
        drawn = [
            ("scores", "Scores", SCORES, scores(study)),
            ("gains", f"Gain over {baseline}", GAINS, gains(study)),
            ("curves", "Learning curves", CURVES, _lines(study, lambda point: float(point.step), "training steps")),
            ("times", "What the time buys", TIMES, _lines(study, lambda point: point.seconds, "training time (s)")),
            ("parameters", "What parameters buy", SIZES, _sizes(study)),
        ]
        for problem in study.problems:
            title = f"Settings on {problem.name}"
            drawn.append((f"sensitivity-{problem.name}", title, SENSITIVITY, sensitivity(study, problem)))
    return [Picture(name, title, caption, figure) for name, title, caption, figure in drawn if figure is not None]


def _lines(study: StudyResults, along: Callable[[Point], float], label: str) -> Figure | None:
    """The metric on the validation data along steps or time, a panel a problem."""
    shown = [p for p in study.problems if any(_usable(study.finals(p.name, cell)) for cell in study.cells)]
    if not shown:
        return None
    figure, axes = panels(len(shown))
    looks, handles = style.looks(study), dict[str, object]()
    for problem, ax in zip(shown, axes, strict=True):
        heights: list[float] = []
        for cell, look in looks.items():
            runs = _usable(study.finals(problem.name, cell))
            if runs:
                handles.setdefault(cell, _line(ax, runs, along, look, heights, 0.14 if len(study.cells) < 6 else 0.05))
        style.limit(ax, heights, problem.mode, cut=0.2)
        ax.set_title(problem.name)
        ax.set_xlabel(label)
        ax.set_ylabel(f"{problem.title} ({_better(problem)})")
        ax.set_xlim(left=0)
        ax.locator_params(axis="x", nbins=5)
    style.legend(figure, looks, handles)
    return figure


def _line(
    ax: Axes, runs: Sequence[Result], along: Callable[[Point], float], look: Look, heights: list[float], alpha: float
) -> object:
    """Mean and band over runs, validation by validation, of which at least half have one; adds means to ``heights``.

    The first validations of all runs belong together, and so on: of runs that last a given time, each has other steps.
    """
    together = zip_longest(*(run.history for run in runs))
    finite = ([point for point in points if point and math.isfinite(point.value)] for points in together)
    shown = [points for points in finite if 2 * len(points) >= len(runs)]
    x = [statistics.median(along(point) for point in points) for points in shown]
    values = [[point.value for point in points] for points in shown]
    means = [math.fsum(each) / len(each) for each in values]
    heights += means
    layer = 3 if look.is_baseline else 2 if look.is_told_apart else 1
    if len(runs) > 1 and look.is_told_apart:
        low, high = [min(each) for each in values], [max(each) for each in values]
        ax.fill_between(x, low, high, color=look.color, alpha=alpha, lw=0, zorder=1)
    for run in runs:
        if run.status == "diverged":
            last = next(point for point in reversed(run.history) if math.isfinite(point.value))
            ax.plot([along(last)], [last.value], marker="x", ms=6, mew=1.6, ls="", color=look.color, zorder=4)
    every = max(1, len(x) // 6)
    (line,) = ax.plot(
        x, means, color=look.color, ls=look.line, lw=look.width, marker=look.marker if look.is_told_apart else "",
        ms=4.5, mew=0, markevery=every, label=look.label, zorder=layer,
    )  # fmt: skip
    return line


def _sizes(study: StudyResults) -> Figure | None:
    """The test metric against parameters, where cells were trained under more than one budget."""
    models = list(product(study.cells, study.budgets))
    shown = [p for p in study.problems if any(study.finals(p.name, *model) for model in models)]
    if len(study.budgets) < 2 or not shown:
        return None
    from matplotlib.ticker import FuncFormatter, NullFormatter

    figure, axes = panels(len(shown))
    looks, handles = style.looks(study), dict[str, object]()
    for problem, ax in zip(shown, axes, strict=True):
        for cell, look in looks.items():
            known = []
            for budget in study.budgets:
                finals = study.finals(problem.name, cell, budget)
                score = estimate(_tests(finals))
                if score:
                    known.append((finals[0].trial.parameters, score))
            if not known:
                continue
            x, means = [size for size, _ in known], [score.mean for _, score in known]
            bars = [score.half_width or 0.0 for _, score in known]
            handles.setdefault(cell, ax.errorbar(
                x, means, bars, color=look.color, ls=look.line, lw=look.width, marker=look.marker, ms=5, elinewidth=1,
                label=look.label, zorder=3 if look.is_baseline else 2,
            ))  # fmt: skip
        ax.set_xscale("log")
        ax.xaxis.set_major_formatter(FuncFormatter(lambda size, _: compact(size)))
        ax.xaxis.set_minor_formatter(NullFormatter())
        ax.set_title(problem.name)
        ax.set_xlabel("parameters")
        ax.set_ylabel(f"{problem.title} ({_better(problem)})")
    style.legend(figure, looks, handles)
    return figure


def _tests(results: Sequence[Result]) -> list[float]:
    return [result.test for result in results if math.isfinite(result.test)]


def _usable(results: Sequence[Result]) -> list[Result]:
    return [result for result in results if any(math.isfinite(point.value) for point in result.history)]


def _better(problem: Problem) -> str:
    return f"{arrow(problem)} better"
