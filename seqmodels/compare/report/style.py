"""How cells look in figures: each has a colour, a marker and a line; the baseline has the colour of the text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from seqmodels.compare.report.summary import StudyResults
from seqmodels.figures import COLOURS, INK

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MARKERS = "oD^v<>ph*d8"  # no crosses: those are runs that diverged; the baseline has the square
_LINES = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (4, 1.2, 1, 1.2)))


class Look(NamedTuple):
    """How a cell is drawn."""

    label: str
    color: str
    marker: str
    line: Any
    width: float
    is_baseline: bool


def looks(study: StudyResults) -> dict[str, Look]:
    """A look for every cell, no two alike; colours repeat after seven cells, with other lines and markers."""
    found, index = {}, 0
    for cell in study.cells:
        label = study.names[cell]
        if cell == study.baseline:
            found[cell] = Look(f"{label} (baseline)", INK, "s", "-", 2.4, True)
            continue
        color, turn = COLOURS[index % len(COLOURS)], index // len(COLOURS)
        found[cell] = Look(label, color, _MARKERS[index % len(_MARKERS)], _LINES[turn % len(_LINES)], 1.6, False)
        index += 1
    return found


def legend(figure: Figure, handles: Sequence[Any], columns: int = 6) -> None:
    """A legend below all panels, where it covers no data."""
    if handles:
        across = max(1, min(columns, len(handles), int(figure.get_size_inches()[0] // 1.25)))
        figure.legend(handles=list(handles), loc="outside lower center", ncols=across, handlelength=2.6)


def limit(axes: Axes, values: Sequence[float], mode: str, cut: float = 0.1) -> None:
    """Limits of the metric's axis: values far on the worse side, as of the first steps, don't squeeze the rest.

    Args:
        axes: Whose vertical axis it is.
        values: What is drawn.
        mode: Whether more ("max") or less ("min") is better.
        cut: Which part of the values, the worst, may be left outside; they are if that makes the range much smaller.
    """
    ordered = sorted(values, reverse=mode == "min")  # the worst first
    if not ordered or ordered[0] == ordered[-1]:
        return
    best, worst, kept = ordered[-1], ordered[0], ordered[int(len(ordered) * cut)]
    if abs(worst - best) > 1.5 * abs(kept - best) > 0:
        worst = kept
    margin = 0.06 * (best - worst)
    axes.set_ylim(*sorted((worst - margin, best + margin)))
