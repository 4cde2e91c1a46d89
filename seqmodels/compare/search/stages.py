"""The way of one candidate through its trainings, with an early exit after each stage.

Jozefowicz, Zaremba and Sutskever 2015, section 3.1: first a problem of memory that a cell must be able to do at all,
then one problem after the other, as long as it comes near to the GRU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from seqmodels.compare.search.history import Candidate, Evaluation
from seqmodels.compare.search.jobs import Job, Jobs, Work
from seqmodels.compare.search.options import SearchOptions
from seqmodels.errors import OptionError


class Stages:
    """Judges candidates.

    Args:
        options: Of the search.
        jobs: Runs the trainings.
        baseline: Number of the architecture that scores are divided by.
    """

    def __init__(self, options: SearchOptions, jobs: Jobs, baseline: int) -> None:
        self.options, self.jobs, self.baseline = options, jobs, baseline

    def judge(self, candidate: Candidate, known: Sequence[Candidate] = ()) -> Work[Candidate]:
        """A candidate with its outcome and scores.

        Args:
            candidate: The candidate; one that has an outcome is not trained.
            known: The lines of the history about the same architecture.
        """
        if candidate.outcome:
            return candidate
        if candidate.revisits is not None:
            return (yield from self._again(candidate, known))
        if candidate.generation == 0:
            return (yield from self._seed(candidate))
        return (yield from self._new(candidate))

    def _seed(self, candidate: Candidate) -> Work[Candidate]:
        everything = [(problem, k) for problem in self.options.problems for k in range(self.options.max_settings)]
        architectures = dict.fromkeys([candidate.number, self.baseline])
        yield [Job(number, problem, k) for number in architectures for problem, k in everything]
        for problem in self.options.problems:
            self._best_of_baseline(problem)  # without it, no score means anything
        found = self._found(candidate, self.options.problems, self.options.max_settings)
        return self._finished(candidate, found, self._recorded(found))

    def _new(self, candidate: Candidate) -> Work[Candidate]:
        options = self.options
        found: dict[str, list[Evaluation]] = {}
        if options.filter_problem is not None:
            yield [Job(candidate.number, options.filter_problem, 0)]
            found |= self._found(candidate, [options.filter_problem], 1)
            best = _best(_scores(found[options.filter_problem]))
            if best is not None and best < options.filter_score:
                return _with(candidate, found, "not memorising")
            if best is None:
                return self._finished(candidate, found, {})
        for problem in options.problems:
            yield [Job(candidate.number, problem, k) for k in range(options.settings)]
            found |= self._found(candidate, [problem], options.settings)
            best = _best(_scores(found[problem]))
            if best is None:
                break
            if problem != options.problems[-1] and best < options.gate * self._best_of_baseline(problem):
                return _with(candidate, found, f"weak on {problem}")
        return self._finished(candidate, found, self._recorded(found))

    def _again(self, candidate: Candidate, known: Sequence[Candidate]) -> Work[Candidate]:
        yield [Job(candidate.architecture, problem, candidate.first_setting) for problem in self.options.problems]
        found = self._found(candidate, self.options.problems, 1)
        scores = self._recorded(found)
        for line in known:
            for problem in self.options.problems:
                scores[problem] = (*scores[problem], *line.scores.get(problem, ()))
        return self._finished(candidate, found, scores)

    def _found(self, candidate: Candidate, problems: Sequence[str], count: int) -> dict[str, list[Evaluation]]:
        settings = range(candidate.first_setting, candidate.first_setting + count)
        number = candidate.architecture
        return {problem: [self.jobs[Job(number, problem, k)] for k in settings] for problem in problems}

    def _recorded(self, found: dict[str, list[Evaluation]]) -> dict[str, tuple[float | None, ...]]:
        return {problem: _scores(found.get(problem, [])) for problem in self.options.problems}

    def _finished(
        self,
        candidate: Candidate,
        found: dict[str, list[Evaluation]],
        scores: dict[str, tuple[float | None, ...]],
    ) -> Candidate:
        """With its relative score, or the reason why there is none."""
        best = {problem: _best(scores.get(problem, ())) for problem in self.options.problems}
        shares = [value / self._best_of_baseline(p) for p, value in best.items() if value is not None]
        score = min(shares) if len(shares) == len(best) else None
        evaluations = [evaluation for each in found.values() for evaluation in each]
        if score is not None:
            return _with(candidate, found, "evaluated", score)
        failed = any(evaluation.status == "failed" for evaluation in evaluations)
        return _with(candidate, found, "failed" if failed else "diverged")

    def _best_of_baseline(self, problem: str) -> float:
        evaluations = [self.jobs[Job(self.baseline, problem, k)] for k in range(self.options.max_settings)]
        best = _best(_scores(evaluations))
        if best is None or best <= 0:
            why = next((f" ({evaluation.error})" for evaluation in evaluations if evaluation.error), "")
            raise OptionError(
                f"search: the baseline {self.options.baseline} has no positive score on {problem}{why}; "
                "give a problem that it can learn, and another folder"
            )
        return best


def _scores(evaluations: Sequence[Evaluation]) -> tuple[float | None, ...]:
    return tuple(evaluation.score if evaluation.counts else None for evaluation in evaluations)


def _best(scores: Sequence[float | None]) -> float | None:
    return max((score for score in scores if score is not None), default=None)


def _with(
    candidate: Candidate, found: dict[str, list[Evaluation]], outcome: str, score: float | None = None
) -> Candidate:
    evaluations = [evaluation for each in found.values() for evaluation in each]
    return replace(
        candidate,
        outcome=outcome,
        score=score,
        scores={problem: _scores(each) for problem, each in found.items()},
        seconds=sum(evaluation.seconds for evaluation in evaluations),
        error=next((evaluation.error for evaluation in reversed(evaluations) if evaluation.error), ""),
    )
