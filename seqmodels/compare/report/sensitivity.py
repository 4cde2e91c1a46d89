"""How the metric depends on the settings, over the trials of the search."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from seqmodels.compare.problem import Problem
from seqmodels.compare.report import style
from seqmodels.compare.report.grid import arrow
from seqmodels.compare.report.importance import IN_LOG, LEAST_TRIALS, importance, that_count
from seqmodels.compare.report.names import SETTINGS
from seqmodels.compare.report.summary import StudyResults
from seqmodels.compare.results import Result
from seqmodels.figures import FAINT, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D


def sensitivity(study: StudyResults, problem: Problem) -> Figure | None:
    """One panel a setting that varied, and one with their importance; None where the search has no trials."""
    trials = {cell: study.of(problem.name, cell, "search") for cell in study.cells}
    everything = [result for each in trials.values() for result in each]
    varied = [name for name in SETTINGS if len({getattr(r.trial.settings, name) for r in everything}) > 1]
    if not varied:
        return None
    figure, axes = panels(len(varied) + 1, width=3.2, height=2.5)
    looks = style.looks(study)
    handles = {}
    narrow = min(1.0, 6 / len(study.cells))
    finite = [r.value for r in everything if math.isfinite(r.value)]
    for place, (name, ax) in enumerate(zip(varied, axes, strict=False)):
        for index, cell in enumerate(study.cells):
            if trials[cell]:
                aside = (index - (len(study.cells) - 1) / 2) * narrow
                handles[cell] = _points(ax, trials[cell], name, looks[cell], problem, aside)
        _axis(ax, name, [getattr(r.trial.settings, name) for r in everything])
        style.limit(ax, finite, problem.mode)
        ax.set_ylabel(f"{problem.title} ({arrow(problem)} better)" if place % 3 == 0 else "")
    _importance(axes[-1], importance(study, problem), len(that_count(everything)))
    style.legend(figure, looks, handles)
    return figure


def _points(
    ax: Axes, results: tuple[Result, ...], name: str, look: style.Look, problem: Problem, offset: float
) -> Line2D:
    """A point a trial; those without a value as crosses on the edge of the worse side."""
    shift = {"num_layers": 0.09, "dropout": 0.002}.get(name, 0.0) * offset  # cells side by side where values repeat
    kept = [r for r in results if math.isfinite(r.value)]
    lost = [r for r in results if not math.isfinite(r.value)]
    (handle,) = ax.plot(
        [getattr(r.trial.settings, name) + shift for r in kept],
        [r.value for r in kept],
        ls="", marker=look.marker, color=look.color, ms=4.2, mew=0, alpha=0.8, label=look.label,
        zorder=3 if look.is_baseline else 2,
    )  # fmt: skip
    if lost:  # nothing that isn't clipped would be taken for a point in the figure's corner
        ax.plot(
            [getattr(r.trial.settings, name) + shift for r in lost],
            [0.0 if problem.mode == "max" else 1.0] * len(lost),
            ls="", marker="x", color=look.color, ms=4.5, mew=1.2, alpha=0.8, clip_on=False,
            transform=ax.get_xaxis_transform(), zorder=4,
        )  # fmt: skip
    return handle


def _axis(ax: Axes, name: str, values: list[float]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    ax.set_xlabel(SETTINGS[name])
    if name in IN_LOG and min(values) > 0:
        ax.set_xscale("log")
        is_wide = max(values) / min(values) > 30
        ax.xaxis.set_major_locator(LogLocator(subs=(1.0,) if is_wide else (1.0, 2.0, 5.0)))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.xaxis.set_minor_formatter(NullFormatter())
    elif name == "num_layers":
        ax.set_xticks(sorted({int(value) for value in values}))
        ax.set_xlim(min(values) - 0.5, max(values) + 0.5)
    else:
        ax.locator_params(axis="x", nbins=6)


def _importance(ax: Axes, shares: dict[str, float] | None, trials: int) -> None:
    ax.set_title("importance", fontweight="normal", fontsize=9)
    if shares is None:
        ax.set_axis_off()
        few = f"needs at least {LEAST_TRIALS} trials" if trials < LEAST_TRIALS else "nothing tells the trials apart"
        ax.text(0.0, 0.9, few, transform=ax.transAxes, fontsize=8, style="italic", va="top").set_in_layout(False)
        return
    places = range(len(shares))
    ax.barh(places, list(shares.values()), height=0.55, color=FAINT)
    for place, share in zip(places, shares.values(), strict=True):
        ax.text(share + 0.01, place, f"{share:.0%}".replace("%", " %"), va="center", fontsize=8)
    ax.set_yticks(places, [SETTINGS[name] for name in shares])
    ax.invert_yaxis()
    ax.set_xlim(0, max(shares.values()) * 1.25)
    ax.set_xticks([])
    ax.grid(visible=False)
    ax.spines["bottom"].set_visible(False)
