"""How cells look in figures: each has a colour, a marker and a line; the baseline has the colour of the text.

Of many cells only the best are told apart; the others are grey.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from seqmodels.compare.report.comparison import best_first
from seqmodels.compare.report.summary import StudyResults
from seqmodels.figures import COLOURS, INK, LINES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MANY = 14  # cells; of more, only so many are told apart as have a place in a legend
TOLD_APART = 11
_GREY = "#a9a9b4"
_MARKERS = "oD^v<>ph*d8"  # no crosses: those are runs that diverged; the baseline has the square


class Look(NamedTuple):
    """How a cell is drawn."""

    label: str
    color: str
    marker: str
    line: Any
    width: float
    is_baseline: bool
    is_told_apart: bool = True


def looks(study: StudyResults) -> dict[str, Look]:
    """A look for every cell, no two alike but for the grey ones; colours repeat with other lines and markers."""
    found, index = {}, 0
    told_apart = study.cells if len(study.cells) <= MANY else best_first(study)[:TOLD_APART]
    for cell in study.cells:
        label = study.names[cell]
        if cell == study.baseline:
            found[cell] = Look(f"{label} (baseline)", INK, "s", "-", 2.4, True)
            continue
        if cell not in told_apart:
            found[cell] = Look(label, _GREY, ".", "-", 0.7, False, is_told_apart=False)
            continue
        color, turn = COLOURS[index % len(COLOURS)], index // len(COLOURS)
        found[cell] = Look(label, color, _MARKERS[index % len(_MARKERS)], LINES[turn % len(LINES)], 1.6, False)
        index += 1
    return found


def legend(figure: Figure, looks: Mapping[str, Look], drawn: Mapping[str, Any], columns: int = 6) -> None:
    """A legend below all panels, where it covers no data.

    Args:
        figure: The figure.
        looks: Those of all cells, in the order of the legend.
        drawn: What stands for each cell that is in the figure.
        columns: At most so many entries beside each other.
    """
    from matplotlib.lines import Line2D

    handles = [drawn[cell] for cell, look in looks.items() if cell in drawn and look.is_told_apart]
    grey = sum(not looks[cell].is_told_apart for cell in drawn)
    if grey:
        handles.append(Line2D([], [], color=_GREY, lw=0.9, label=f"{grey} others"))
    if handles:
        across = max(1, min(columns, len(handles), int(figure.get_size_inches()[0] // 1.25)))
        figure.legend(handles=handles, loc="outside lower center", ncols=across, handlelength=2.6)


def limit(axes: Axes, values: Sequence[float], mode: str, cut: float = 0.1) -> None:
    """Limits of the metric's axis: values far on the worse side, as of the first steps, don't squeeze the rest.

    Args:
        axes: Whose vertical axis it is.
        values: What is drawn.
        mode: Whether more ("max") or less ("min") is better.
        cut: Which part of the values, the worst, may be left outside; they are if that makes the range much smaller.
    """
    if values and min(values) != max(values):
        axes.set_ylim(*_bounds(values, mode, cut))


def cut_off(axes: Axes, values: Sequence[float], mode: str, cut: float = 0.1) -> None:
    """The same for a horizontal axis, which keeps its own limits where no value is left outside."""
    if values and min(values) != max(values):
        low, high = _bounds(values, mode, cut)
        if not low <= (max if mode == "min" else min)(values) <= high:
            axes.set_xlim(low, high)


def _bounds(values: Sequence[float], mode: str, cut: float) -> tuple[float, float]:
    ordered = sorted(values, reverse=mode == "min")  # the worst first
    best, worst, kept = ordered[-1], ordered[0], ordered[int(len(ordered) * cut)]
    if abs(worst - best) > 1.5 * abs(kept - best) > 0:
        worst = kept
    margin = 0.06 * (best - worst)
    low, high = sorted((worst - margin, best + margin))
    return low, high
