"""A search in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from seqmodels.compare.search.history import Candidate, best_so_far
from seqmodels.figures import INK, panels, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_FOUND, _BEST = "#0072B2", "#D55E00"


def progress(history: Sequence[Candidate], baseline: str) -> Figure:
    """The scores of candidates (those below 0.8 are not shown), the best so far, and what became of all.

    Args:
        history: Of the search.
        baseline: The cell whose scores are 1.
    """
    trained = [line for line in history if line.was_trained]
    scored = [(number, line.score) for number, line in enumerate(trained, 1) if line.score is not None]
    with styled():
        figure, (scores, outcomes) = panels(2, width=4.6, columns=2)
        scores.axhline(1.0, color=INK, linewidth=1)
        tried, values = zip(*scored, strict=True)
        scores.scatter(tried, values, s=9, color=_FOUND, label="a candidate", zorder=2)
        best = best_so_far(history)
        reached, highest = zip(*best, strict=True)
        scores.step(reached, highest, where="post", color=_BEST, label="the best so far")
        low = min(0.8, 0.98 * min(highest))
        scores.set(title="Scores", xlabel="candidates trained", ylabel=f"worst score over problems, {baseline} = 1")
        scores.set_ylim(bottom=low)
        scores.legend(loc="lower right")
        counts: dict[str, int] = {}
        for line in history:
            counts[line.outcome] = counts.get(line.outcome, 0) + 1
        names = sorted(counts, key=lambda name: counts[name])
        outcomes.barh(names, [counts[name] for name in names], color=_FOUND, height=0.6)
        for row, name in enumerate(names):
            outcomes.text(counts[name], row, f" {counts[name]}", va="center")
        outcomes.set(title="What became of them", xlabel="candidates proposed")
        outcomes.grid(axis="y", visible=False)
        outcomes.margins(x=0.15)
    return figure
