"""The search itself: who has children, and what is written where."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from seqmodels.compare.files import append_line, read_lines, write_json
from seqmodels.compare.search.canonical import fingerprint
from seqmodels.compare.search.cell_files import cell_file, class_name
from seqmodels.compare.search.history import Candidate, standings
from seqmodels.compare.search.jobs import Evaluator, Jobs, Work
from seqmodels.compare.search.mutations import mutate
from seqmodels.compare.search.options import SearchOptions
from seqmodels.compare.search.seeds import SEEDS
from seqmodels.compare.search.source import Provenance, source
from seqmodels.compare.search.stages import Stages
from seqmodels.compare.workers import Workers
from seqmodels.files.atomic_file import write_atomically
from seqmodels.files.folder_lock import FolderLock
from seqmodels.files.writing import writing_to

PROPOSALS = 100  # for each child: where so many are invalid or known, there is nothing left to find


class Search:
    """An evolutionary search for recurrent cells: Jozefowicz, Zaremba and Sutskever 2015, section 3.

    The best architectures found so far have children by random mutation. A generation of them is proposed, from what
    is known of those before it and from the seed alone, and then trained by however many workers there are; hence the
    outcome depends neither on their number nor on which is done first. Everything is in the folder:

    - ``search.json``: the options;
    - ``history.jsonl``: a :class:`Candidate` a line, in the order of their numbers;
    - ``evaluations.jsonl``: each training as it ended;
    - ``cells/candidate_0001.py``: the cell that was trained;
    - ``best/evolved.py``: the best cell so far.

    A search that was killed goes on where it was when it is run again, and trains nothing twice. One that is done goes
    on with larger ``candidates``. Only one process may run a search at a time, the one that has its ``lock``.

    Args:
        folder: Where it is kept; made if need be.
        options: How it goes; if not given, as the search in the folder began, or the defaults for a new one.

    Raises:
        OptionError: If the folder holds a search with other options.
        DataError: If a file of the folder is damaged.

    Example:
        >>> search = Search("search", SearchOptions(candidates=10, seeds=("gru",)))
        >>> [line.origin for line in search.propose(generation=0)], search.best
        (['gru'], None)
    """

    def __init__(self, folder: str | os.PathLike[str], options: SearchOptions | None = None) -> None:
        self.folder = Path(folder)
        self.lock = FolderLock(self.folder, "runs this search")
        self._options_file = self.folder / "search.json"
        self.options = SearchOptions.settled(self._options_file, options)
        self.history = self._read_history()

    @property
    def best(self) -> Candidate | None:
        """The line in which the best architecture was new; its score may have become better since."""
        ranking = standings(self.history)
        return self.history[next(iter(ranking)) - 1] if ranking else None

    def run(
        self, workers: Workers, evaluate: Evaluator, report: Callable[[Candidate], None] | None = None
    ) -> list[Candidate]:
        """Searches until enough candidates are trained, or no new ones are found.

        Args:
            workers: Where cells are trained. They stay open.
            evaluate: Trains one cell on one problem with one setting. It is pickled; in the worker's process
                :func:`seqmodels.get_cell` finds the path that it is given.
            report: Called with each new line of the history.

        Returns:
            The history, with the lines of earlier calls.

        Raises:
            OptionError: If the baseline has no score on a problem, or another process has begun another search since.
            DataError: If another process runs the search, or the folder can't be written.
        """
        with self.lock:
            self._begin()
            jobs = Jobs(self.folder / "evaluations.jsonl", self.folder / "cells", workers, evaluate)
            stages = Stages(self.options, jobs, 1 + self.options.seeds.index(self.options.baseline))
            generation = self.history[-1].generation if self.history else 0
            while proposals := self.propose(generation):
                # Of a generation that was begun, some lines are there already.
                pending = {line.number: line for line in proposals if line.number > len(self.history)}
                work = {number: self._judge(stages, line) for number, line in pending.items()}
                with closing(jobs.run(work)) as lines:
                    for line in lines:
                        self._append(line)
                        if report is not None:
                            report(line)
                generation += 1
        return self.history

    def _begin(self) -> None:
        """Take the folder, which is ours now: as another process may have left it since we looked."""
        self.options = SearchOptions.settled(self._options_file, self.options)
        write_json(self._options_file, self.options.to_dict())
        self.history = self._read_history()
        self._write_best()

    def _read_history(self) -> list[Candidate]:
        return [Candidate.from_dict(line) for line in read_lines(self.folder / "history.jsonl")]

    def propose(self, generation: int) -> list[Candidate]:
        """The candidates of a generation, from the generations before it: without outcomes, but for the useless ones.

        Empty if enough candidates are trained, or if no new ones are found.
        """
        before = [line for line in self.history if line.generation < generation]
        if generation == 0:
            return list(self._start())
        trained = sum(line.was_trained and line.generation > 0 for line in before)
        left = min(self.options.children, self.options.candidates - trained)
        known = {line.fingerprint for line in before if line.fingerprint}
        parents = [before[number - 1] for number in standings(before)][: self.options.population]
        tries = {parent.number: self._settings_tried(parent, before) for parent in parents}
        proposals: list[Candidate] = []
        for number in range(len(before) + 1, len(before) + 1 + PROPOSALS * max(left, 0)):
            if left == 0:
                break
            random = np.random.default_rng((self.options.seed, number))
            line = self._again(number, tries, random) or self._child(number, parents, known, random)
            proposals.append(replace(line, generation=generation))
            if line.revisits is not None:
                del tries[line.revisits]  # once a generation
            known.add(line.fingerprint)
            left -= line.was_trained
        return proposals if any(line.was_trained for line in proposals) else []

    def _start(self) -> Iterator[Candidate]:
        for number, name in enumerate(self.options.seeds, 1):
            graph = SEEDS[name]()
            yield Candidate(number, 0, origin=name, graph=graph, fingerprint=fingerprint(graph))

    def _settings_tried(self, parent: Candidate, before: Sequence[Candidate]) -> int:
        if parent.generation == 0:
            return self.options.max_settings
        return self.options.settings + sum(line.revisits == parent.number for line in before)

    def _again(self, number: int, tries: dict[int, int], random: np.random.Generator) -> Candidate | None:
        """An architecture with its next setting, with the probability ``revisit``."""
        open_ = [parent for parent, count in tries.items() if count < self.options.max_settings]
        if random.random() >= self.options.revisit or not open_:
            return None
        parent = open_[int(random.integers(len(open_)))]
        return Candidate(number, 0, revisits=parent, first_setting=tries[parent])

    def _child(
        self, number: int, parents: Sequence[Candidate], known: set[str], random: np.random.Generator
    ) -> Candidate:
        options = self.options
        parent = parents[int(random.integers(len(parents)))]
        assert parent.graph is not None
        mutant = mutate(parent.graph, random, options.mutation_rate, options.most_nodes, options.most_linears)
        line = Candidate(number, 0, parent=parent.number, mutations=mutant.mutations)
        if mutant.graph is None:
            return replace(line, outcome="invalid", error=mutant.reason)
        sign = fingerprint(mutant.graph)
        return replace(line, graph=mutant.graph, fingerprint=sign, outcome="duplicate" if sign in known else "")

    def _judge(self, stages: Stages, line: Candidate) -> Work[Candidate]:
        if line.was_trained and line.graph is not None:
            text = source(line.graph, class_name(line.number), self._provenance(line))
            _write(cell_file(self.folder / "cells", line.number), text)
        return stages.judge(line, [known for known in self.history if known.architecture == line.architecture])

    def _append(self, line: Candidate) -> None:
        append_line(self.folder / "history.jsonl", line.to_dict())
        self.history.append(line)
        self._write_best()

    def _write_best(self) -> None:
        best = self.best
        if best is not None and best.graph is not None:
            provenance = self._provenance(best, standings(self.history)[best.number])
            _write(self.folder / "best" / "evolved.py", source(best.graph, "Evolved", provenance))

    def _provenance(self, line: Candidate, score: float | None = None) -> Provenance:
        return Provenance(
            line.number, line.generation, self.options.seed, line.parent, line.mutations, score, line.origin
        )


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        with writing_to(path.parent), write_atomically(path) as file:
            file.write(text.encode())
