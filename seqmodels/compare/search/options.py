"""What a search can be told."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seqmodels.compare.files import read_json
from seqmodels.compare.search.seeds import SEEDS
from seqmodels.errors import DataError, OptionError


@dataclass(frozen=True)
class SearchOptions:
    """How an evolutionary search goes; with ``candidates=10_000, population=100, settings=20`` much as in the paper.

    Args:
        problems: What a cell must be good at, in the order in which it is tried.
        filter_problem: What a cell must be able to do at all before it is tried on the problems; None for nothing.
        filter_score: The score that it must reach there.
        candidates: How many candidates are trained, 1 or more; invalid ones and duplicates don't count.
        population: How many of the best architectures may have children, 1 or more.
        children: Candidates of a generation, which may be trained at the same time; 1 or more.
        settings: Settings of the training that a new candidate is tried with on each problem, numbered from 0; 1
            or more. The filter knows setting 0 only.
        max_settings: Settings that an architecture may be tried with in all, at least ``settings``. The cells that the
            search starts with are tried with all of them.
        revisit: How probable it is that a candidate is an old architecture with its next setting, 0 to 1.
        gate: What part of the baseline's score a candidate must reach on a problem to be tried on the next, 0 to 1.
        mutation_rate: The largest part of a parent's nodes that changes, on average, above 0 and at most 1.
        seeds: Names of the cells that the search starts with.
        baseline: The one of them by whose scores all scores are divided.
        seed: Of all randomness of the search; 0 or more.
        most_nodes: Values that a step may compute, 1 or more.
        most_linears: Linear maps among them, 1 or more.

    Raises:
        OptionError: If a value is out of its range, or the filter is among the problems.

    Example:
        >>> SearchOptions(candidates=50, problems=("xml",)).gate
        0.9

    Source: Jozefowicz, Zaremba and Sutskever 2015, ICML, section 3.1.
    """

    problems: tuple[str, ...] = ("arithmetic", "xml")
    filter_problem: str | None = "memorisation"
    filter_score: float = 0.95
    candidates: int = 300
    population: int = 20
    children: int = 8
    settings: int = 1
    max_settings: int = 1
    revisit: float = 0.2
    gate: float = 0.9
    mutation_rate: float = 1.0
    seeds: tuple[str, ...] = ("lstm", "gru")
    baseline: str = "gru"
    seed: int = 0
    most_nodes: int = 48
    most_linears: int = 12

    def __post_init__(self) -> None:
        for name in ("problems", "seeds"):
            values = tuple(getattr(self, name))
            object.__setattr__(self, name, values)
            if not values or len(set(values)) < len(values):
                raise OptionError(f"search: {name} is {list(values)}; give one or more, each once")
        for name in ("population", "children", "settings", "candidates", "most_nodes", "most_linears"):
            if getattr(self, name) < 1:
                raise OptionError(f"search: {name} is {getattr(self, name)}; give 1 or more")
        for name in ("revisit", "gate", "mutation_rate"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"search: {name} is {getattr(self, name)}; give 0 to 1")
        if self.mutation_rate == 0:
            raise OptionError("search: mutation_rate is 0; give more, so that something changes")
        if self.seed < 0:
            raise OptionError(f"search: seed is {self.seed}; give 0 or more")
        if self.max_settings < self.settings:
            raise OptionError(f"search: max_settings is {self.max_settings}; give at least settings, {self.settings}")
        unknown = [name for name in self.seeds if name not in SEEDS]
        if unknown:
            raise OptionError(f"search: no seed {unknown[0]!r}; known: {', '.join(SEEDS)}")
        if self.baseline not in self.seeds:
            raise OptionError(f"search: the baseline {self.baseline!r} must be one of the seeds {list(self.seeds)}")
        if self.filter_problem in self.problems:
            raise OptionError(f"search: {self.filter_problem!r} is the filter and a problem; give it as one of them")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values = dataclasses.asdict(self)
        return {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> SearchOptions:
        """The inverse of :meth:`to_dict`.

        Raises:
            DataError: If these are no options of a search.
        """
        options: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        try:
            return cls(**options)
        except TypeError as error:
            raise DataError(f"search.json is of another version ({error}); search in a new folder") from error

    @classmethod
    def settled(cls, path: Path, options: SearchOptions | None) -> SearchOptions:
        """The options with which the search goes on whose options a file holds, if it is there.

        Args:
            path: The file.
            options: If not given, those of the file, or the defaults. A search goes on as it began: of the file's
                options, only ``candidates`` may change.

        Raises:
            OptionError: If another option differs.
        """
        old = cls.from_dict(read_json(path)) if os.path.exists(path) else None
        options = options or old or cls()
        if old is not None:
            began, goes_on = old.to_dict(), options.to_dict()
            for key in began:
                if key != "candidates" and began[key] != goes_on[key]:
                    what = f"this search began with {key} {began[key]!r}, not {goes_on[key]!r}"
                    raise OptionError(f"{path}: {what}; give that, or another folder")
        return options
