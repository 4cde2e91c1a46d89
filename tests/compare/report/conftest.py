"""Made-up studies: numbers drawn from a seed, shaped as training gives them."""

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import replace

import pytest

from seqmodels.compare.problem import Problem
from seqmodels.compare.report.summary import StudyResults
from seqmodels.compare.results import Point, Result, Settings, Trial

SKILL = {"elman": -0.08, "lstm": 0.0, "gru": 0.03, "mypkg.cells:MyCell": 0.012}
PROBLEMS = (
    Problem("arithmetic", "m:M", "d:D", "accuracy", "max", title="accuracy"),
    Problem("python", "m:M", "d:D", "bits_per_character", "min"),
)


def curve(final: float, first: float, rng: random.Random, points: int = 12) -> tuple[Point, ...]:
    values = [first + (final - first) * (1 - math.exp(-4 * (i + 1) / points)) for i in range(points)]
    return tuple(
        Point(
            50 * (i + 1),
            1.5 * (i + 1) * rng.uniform(0.95, 1.05),
            80_000 * (i + 1),
            v + rng.gauss(0, 0.003),
            2 / (i + 1),
        )
        for i, v in enumerate(values)
    )


def trial(problem: str, cell: str, phase: str, number: int, settings: Settings, parameters: int = 100_100) -> Trial:
    return Trial(problem, cell, phase, number, 1000 + number, 96, parameters, settings)


def final(problem: Problem, cell: str, number: int, skill: float, rng: random.Random) -> Result:
    ease = random.Random(f"{problem.name}{number}").gauss(0, 0.01)  # of the seed, common to all cells
    score = 0.85 + skill + ease + rng.gauss(0, 0.004)
    test = score if problem.mode == "max" else 4 - 2 * score
    history = curve(test, 0.1 if problem.mode == "max" else 5.0, rng)
    made = trial(problem.name, cell, "final", number, Settings(4e-3, 1.2, 2.0, 1 + (cell == "gru"), 0.1))
    return Result(made, "finished", history, history[-1].value, test)


def searched(problem: Problem, cell: str, number: int, skill: float, rng: random.Random) -> Result:
    drawn = random.Random(number)  # the same settings for all cells
    settings = Settings(
        10 ** drawn.uniform(-4, -1), 2 ** drawn.uniform(-2, 2), 10 ** drawn.uniform(-1, 1), drawn.choice([1, 2]),
        drawn.choice([0.0, 0.1, 0.2, 0.3, 0.5]),
    )  # fmt: skip
    made = trial(problem.name, cell, "search", number, settings)
    off = math.log10(settings.learning_rate / 5e-3)
    if settings.learning_rate > 0.05:
        return Result(made, "diverged", error="the loss was nan at step 37")
    score = 0.85 + skill - 0.1 * off**2 - 0.05 * settings.dropout + rng.gauss(0, 0.01)
    value = score if problem.mode == "max" else 4 - 2 * score
    return Result(made, "stopped" if number % 3 else "finished", curve(value, 0.1, rng, 5), value)


def make(
    problems: Iterable[Problem] = PROBLEMS,
    skill: dict[str, float] = SKILL,
    seeds: int = 5,
    search: int = 24,
    baseline: str = "lstm",
) -> StudyResults:
    problems, rng = tuple(problems), random.Random(0)
    pairs = [(problem, cell) for problem in problems for cell in skill]
    results = [final(p, c, number, skill[c], rng) for p, c in pairs for number in range(seeds)]
    results += [searched(p, c, number, skill[c], rng) for p, c in pairs for number in range(search)]
    return StudyResults(
        title="Is my cell better than an LSTM?",
        problems=problems,
        cells=tuple(skill),
        baseline=baseline,
        budget="100,000 parameters, 600 steps of 32 x 50 tokens",
        results=tuple(results),
        options={"parameters": 100_000, "seeds": seeds, "command": "seqmodels compare --cells lstm,gru"},
        environment={"seqmodels": "0.1.0", "torch": "2.14.1", "processor": "2 cores"},
    )


@pytest.fixture(scope="session")
def make_study() -> Callable[..., StudyResults]:
    """``make_study(problems=..., skill={cell: skill}, seeds=5, search=24, baseline="lstm")``."""
    return make


@pytest.fixture(scope="session")
def study() -> StudyResults:
    """Four cells, two problems, five seeds: gru better, elman worse, MyCell hardly different; a few runs went wrong."""
    made = make()
    results = list(made.results)
    for index, result in enumerate(results):
        if (result.trial.cell, result.trial.phase, result.trial.number) == ("elman", "final", 3):
            trial = result.trial
            if trial.problem == "arithmetic":
                results[index] = Result(trial, "diverged", result.history[:4], error="the loss was nan at step 212")
            else:
                results[index] = Result(trial, "failed", error="RuntimeError: <b>out of memory</b> & more")
    return StudyResults(**{**vars(made), "results": tuple(results)})


@pytest.fixture(scope="session")
def two_budgets(study: StudyResults) -> StudyResults:
    """The same twice, with 100,000 parameters and, worse by 1, with 90,000; all models have 95,000."""

    def under(budget: int, less: float) -> list[Result]:
        trials = [replace(result.trial, budget=budget, parameters=95_000) for result in study.results]
        return [replace(r, trial=t, test=r.test - less) for r, t in zip(study.results, trials, strict=True)]

    results = (*under(100_000, 0.0), *under(90_000, 1.0))
    return replace(study, results=results, options={"parameters": [100_000, 90_000]})


@pytest.fixture(scope="session")
def given_up(make_study: Callable[..., StudyResults]) -> StudyResults:
    """Three cells on a problem; all trials of gru's search have diverged."""
    made = make_study(PROBLEMS[:1], {"lstm": 0.0, "gru": 0.1, "elman": -0.1}, search=4)
    others = [result for result in made.results if result.trial.cell != "gru"]
    lost = [Result(r.trial, "diverged", error="the loss was nan") for r in made.of("arithmetic", "gru", "search")]
    return replace(made, results=(*others, *lost), given_up=(("arithmetic", "gru", 100_000),))
