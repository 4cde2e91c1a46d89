"""What a search writes down: plain values, a line of JSON each, appended as soon as they are known."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from seqmodels.compare.search.graph import CellGraph


@dataclass(frozen=True)
class Evaluation:
    """What came of training a cell on a problem.

    Attributes:
        score: How good the cell is: positive, the more the better, such as an accuracy.
        seconds: What it took.
        status: "finished"; "stopped" early, with a score that counts; "diverged"; "failed".
        error: One line, where it diverged or failed.
    """

    score: float
    seconds: float
    status: Literal["finished", "stopped", "diverged", "failed"]
    error: str = ""

    @property
    def counts(self) -> bool:
        """Whether the score says something of the cell."""
        return self.status in ("finished", "stopped") and math.isfinite(self.score)

    def to_dict(self) -> dict[str, Any]:
        """Plain values; a score that is not finite becomes None."""
        return {**dataclasses.asdict(self), "score": self.score if math.isfinite(self.score) else None}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Evaluation:
        """The inverse of :meth:`to_dict`."""
        return cls(**{**values, "score": math.nan if values["score"] is None else values["score"]})


@dataclass(frozen=True)
class Candidate:
    """A line of the history: an architecture that was proposed, or one that was tried again.

    Attributes:
        number: From 1, in the order of proposal.
        generation: 0 for the architectures that the search starts with.
        outcome: "evaluated"; "invalid" (no cell); "duplicate" (proposed before); "not memorising"; "weak on <problem>";
            "diverged" or "failed" (no training gave a score). Empty while it is being evaluated.
        parent: Number of the architecture that was changed; None for those that the search starts with.
        origin: Name of the cell that the search starts with.
        mutations: What was changed.
        revisits: Number of the architecture that was tried again with other settings; None for a new one.
        graph: The architecture; None for an invalid one and where another was tried again.
        fingerprint: Equal for equal architectures; empty where there is no graph.
        first_setting: Number of the first setting that was tried.
        scores: Of each problem that was reached, the score of each setting; None where there is none.
        score: The architecture's score so far: the least, over the problems, of its best score divided by the best of
            the baseline. None unless it was evaluated on all problems.
        seconds: What all of its trainings took.
        error: One line: why it is invalid, or what failed last.
    """

    number: int
    generation: int
    outcome: str = ""
    parent: int | None = None
    origin: str = ""
    mutations: tuple[str, ...] = ()
    revisits: int | None = None
    graph: CellGraph | None = None
    fingerprint: str = ""
    first_setting: int = 0
    scores: dict[str, tuple[float | None, ...]] = field(default_factory=dict)
    score: float | None = None
    seconds: float = 0.0
    error: str = ""

    @property
    def architecture(self) -> int:
        """Number of the line in which its architecture was new."""
        return self.number if self.revisits is None else self.revisits

    @property
    def was_trained(self) -> bool:
        """Whether it cost any training."""
        return self.outcome not in ("invalid", "duplicate")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        values["mutations"] = list(self.mutations)
        values["graph"] = None if self.graph is None else self.graph.to_dict()
        values["scores"] = {problem: list(scores) for problem, scores in self.scores.items()}
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Candidate:
        """The inverse of :meth:`to_dict`."""
        graph = None if values["graph"] is None else CellGraph.from_dict(values["graph"])
        scores = {problem: tuple(scores) for problem, scores in values["scores"].items()}
        return cls(**{**values, "mutations": tuple(values["mutations"]), "graph": graph, "scores": scores})


def standings(history: Iterable[Candidate]) -> dict[int, float]:
    """Numbers and scores of the architectures that have one, the best first; of equal ones the older first."""
    scores = {line.architecture: line.score for line in history if line.score is not None}
    return dict(sorted(scores.items(), key=lambda item: (-item[1], item[0])))


def best_so_far(history: Iterable[Candidate]) -> list[tuple[int, float]]:
    """What a plot of a search shows: after each training of a candidate, how many there were and the best score.

    Example:
        >>> scores = [None, 1.0, 0.7, 1.2]
        >>> best_so_far([Candidate(n, 0, "evaluated", score=score) for n, score in enumerate(scores, 1)])
        [(2, 1.0), (3, 1.0), (4, 1.2)]
    """
    points: list[tuple[int, float]] = []
    for count, line in enumerate((line for line in history if line.was_trained), 1):
        best = max([score for _, score in points[-1:]] + ([] if line.score is None else [line.score]), default=None)
        if best is not None:
            points.append((count, best))
    return points
