"""The scores of cells, and what they gain over the baseline: every seed, the mean, its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from seqmodels.compare.problem import Problem
from seqmodels.compare.report import style
from seqmodels.compare.report.comparison import compare, tests_by_seed
from seqmodels.compare.report.grid import MARKS, arrow
from seqmodels.compare.report.statistics import Estimate, estimate
from seqmodels.compare.report.style import Look
from seqmodels.compare.report.summary import StudyResults
from seqmodels.figures import INK, panels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class _Strip(NamedTuple):
    """One line of a panel."""

    name: str
    look: Look
    values: Sequence[float]  # a seed each
    mean: Estimate | None
    remark: str = ""  # instead of values where there are none; else at the right edge


def scores(study: StudyResults) -> Figure | None:
    """The test metric of each cell, a panel a problem; None where there is none."""
    found: list[tuple[Problem, list[_Strip]]] = []
    for problem in study.problems:
        strips = []
        for cell, look in style.looks(study).items():
            finals = study.finals(problem.name, cell)
            tests = [result.test for result in finals if math.isfinite(result.test)]
            why = "" if tests else "no test result" if finals else "no result yet"
            strips.append(_Strip(study.names[cell], look, tests, estimate(tests), why))
        if any(strip.values for strip in strips):
            found.append((problem, strips))
    if not found:
        return None
    figure, axes = _panels(found)
    for (problem, strips), ax in zip(found, axes, strict=True):
        _draw(ax, strips, problem.mode)
        base = next((strip.mean for strip in strips if strip.look.is_baseline and strip.mean), None)
        if base:
            ax.axvline(base.mean, color=INK, lw=1, ls=(0, (4, 3)), alpha=0.6, zorder=1)
        ax.set_title(problem.name)
        ax.set_xlabel(f"{problem.title} ({arrow(problem)} better)")
    return figure


def gains(study: StudyResults) -> Figure | None:
    """By how much each cell is better than the baseline, a panel a problem; None where nothing is compared yet."""
    comparisons, looks = compare(study), style.looks(study)
    found: list[tuple[Problem, list[_Strip]]] = []
    for problem in study.problems:
        base, strips = tests_by_seed(study, problem, study.baseline), []
        for each in comparisons:
            if each.problem == problem.name:
                mine = tests_by_seed(study, problem, each.cell)
                differences = [mine[seed] - base[seed] for seed in mine if seed in base]
                finite = [difference for difference in differences if math.isfinite(difference)]
                remark = MARKS.get(each.verdict, "") if each.gain else each.why_unknown
                strips.append(_Strip(study.names[each.cell], looks[each.cell], finite, each.gain, remark))
        if any(strip.values for strip in strips):
            found.append((problem, strips))
    if not found:
        return None
    figure, axes = _panels(found)
    for (problem, strips), ax in zip(found, axes, strict=True):
        _draw(ax, strips, "max")
        ax.axvline(0, color=INK, lw=1.4, zorder=1)
        ax.set_title(problem.name)
        ax.set_xlabel(f"gain in {problem.title} over {study.names[study.baseline]} (→ better)")
    return figure


def _panels(found: Sequence[tuple[Problem, Sequence[_Strip]]]) -> tuple[Figure, list[Axes]]:
    lines = max(len(strips) for _, strips in found)
    return panels(len(found), height=max(1.5, 0.9 + 0.3 * lines))


def _draw(ax: Axes, strips: Sequence[_Strip], mode: str) -> None:
    """The strips below each other; many of them the best first."""
    across = ax.get_yaxis_transform()
    if len(strips) > style.MANY:
        sign = -1 if mode == "max" else 1
        strips = sorted(strips, key=lambda strip: sign * strip.mean.mean if strip.mean else math.inf)
    for place, strip in enumerate(strips):
        look = strip.look
        if strip.mean is None:
            ax.text(0.02, place, strip.remark, transform=across, va="center", fontsize=8, style="italic")
            continue
        # seeds below each other in threes, so that equal values stay apart
        spread = [place + 0.16 + 0.14 * (index % 3 - 1) for index in range(len(strip.values))]
        ax.plot(strip.values, spread, ls="", marker="o", ms=3.6, color=look.color, alpha=0.6, mew=0)
        above = place - 0.17
        if strip.mean.low is not None and strip.mean.high is not None:
            width = 2.4 if look.is_baseline else 2
            ax.plot([strip.mean.low, strip.mean.high], [above, above], color=look.color, lw=width)
        ax.plot([strip.mean.mean], [above], ls="", marker="|", ms=10, mew=2.4, color=look.color)
        ax.text(1.02, place, strip.remark, transform=across, va="center", fontsize=7, color=look.color)
    ax.set_yticks(range(len(strips)), [strip.name for strip in strips])
    for label, strip in zip(ax.get_yticklabels(), strips, strict=True):
        label.set_fontweight("bold" if strip.look.is_baseline else "normal")
    ax.set_ylim(len(strips) - 0.5, -0.6)
    ax.grid(axis="y", visible=False)
    ax.margins(x=0.08)
    style.cut_off(ax, [value for strip in strips for value in strip.values], mode)
    low, high = ax.get_xlim()
    for place, strip in enumerate(strips):
        if strip.mean and not low <= strip.mean.mean <= high:
            at, text = (0.01, "← {:.3g}") if strip.mean.mean < low else (0.99, "{:.3g} →")
            ha = "left" if strip.mean.mean < low else "right"
            ax.text(at, place + 0.17, text.format(strip.mean.mean), transform=across, ha=ha, va="center", fontsize=7)
    ax.locator_params(axis="x", nbins=5)
