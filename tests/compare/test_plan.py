"""What is left to do, from the results alone."""

import dataclasses
import math

from seqmodels.compare import Point, Result, Settings, Training
from seqmodels.compare.plan import Plan, Size

SETTINGS = [Settings(learning_rate=rate) for rate in (0.1, 0.01, 0.001)]


def plan(problem, search: bool = True, **changes) -> Plan:
    cells, settings = ("gru", "lstm"), SETTINGS if search else SETTINGS[:1]
    budgets, seeds = changes.get("budgets", (1000,)), changes.get("seeds", 2)
    sizes = {(problem.name, cell, budget, 1): Size(10, budget) for cell in cells for budget in budgets}
    training = Training(steps=90, validations=9)
    return Plan([problem], cells, budgets, settings, search, seeds, 0, training, sizes)


def carry_out(plan: Plan, score, results: dict[str, Result] | None = None) -> dict[str, Result]:
    """Do one step after another, from some results on; ``score`` says what comes of a trial."""
    results = dict(results or {})
    while steps := plan.next_steps(results):
        trial, until = steps[0].trial, steps[0].until
        value = score(trial)
        status = "failed" if math.isnan(value) else "finished" if until == 90 else "stopped"
        history = () if math.isnan(value) else tuple(Point(s, s, s, value) for s in range(10, until + 1, 10))
        results[trial.key] = Result(trial, status, history, value, value)
    return results


def test_the_best_settings_of_the_search_are_those_of_the_final_runs(problem) -> None:
    results = carry_out(plan(problem), lambda trial: trial.settings.learning_rate)
    final = [result.trial for result in results.values() if result.trial.phase == "final"]
    assert [(trial.cell, trial.number) for trial in final] == [("gru", 0), ("lstm", 0), ("gru", 1), ("lstm", 1)]
    assert {trial.settings.learning_rate for trial in final} == {0.1}


def test_cells_choose_for_themselves(problem) -> None:
    wanted = {"gru": 0.1, "lstm": 0.001}
    results = carry_out(plan(problem), lambda trial: -abs(trial.settings.learning_rate - wanted[trial.cell]))
    for cell, rate in wanted.items():
        assert results[f"xml/{cell}/final-0"].trial.settings.learning_rate == rate


def test_hopeless_trials_end_early(problem) -> None:
    results = carry_out(plan(problem), lambda trial: trial.settings.learning_rate)
    search = {key: result.status for key, result in results.items() if "gru/search" in key}
    assert search == {"xml/gru/search-0": "finished", "xml/gru/search-1": "stopped", "xml/gru/search-2": "stopped"}


def test_trials_of_one_number_share_settings_and_seed_whatever_the_cell(problem) -> None:
    steps = plan(problem).next_steps({})
    gru, lstm = ([s.trial for s in steps if s.trial.cell == cell] for cell in ("gru", "lstm"))
    assert [(t.seed, t.settings) for t in gru] == [(t.seed, t.settings) for t in lstm]


def test_no_seed_chooses_and_judges(problem) -> None:
    results = carry_out(plan(problem, seeds=3), lambda trial: 1.0)
    seeds = {phase: {r.trial.seed for r in results.values() if r.trial.phase == phase} for phase in ("search", "final")}
    assert not seeds["search"] & seeds["final"]
    assert len(seeds["final"]) == 3


def test_without_search_all_runs_count(problem) -> None:
    results = carry_out(plan(problem, search=False), lambda trial: 1.0)
    assert len(results) == plan(problem, search=False).number_of_trials == 4
    assert {result.trial.phase for result in results.values()} == {"final"}


def test_a_cell_that_fails_with_all_settings_has_no_final_runs_and_stops_nobody(problem) -> None:
    results = carry_out(plan(problem), lambda trial: math.nan if trial.cell == "gru" else 1.0)
    assert not any("gru/final" in key for key in results)
    assert "xml/lstm/final-1" in results
    assert [entry.cell for entry in plan(problem).given_up(results)] == ["gru"]


def test_a_search_is_given_up_once_nothing_is_left_to_try(problem) -> None:
    made = plan(problem)
    assert made.given_up({}) == []
    results = carry_out(made, lambda trial: trial.settings.learning_rate)
    assert made.given_up(results) == []
    for cell in ("gru", "lstm"):  # the best diverged past the rung at which the others had been stopped
        key = f"xml/{cell}/search-0"
        history = tuple(point for point in results[key].history if point.step <= 30)
        results[key] = dataclasses.replace(results[key], status="diverged", history=history)
    assert [entry.cell for entry in made.given_up(results)] == ["gru", "lstm"]


def test_final_runs_with_other_settings_than_the_search_now_chooses_run_again(problem) -> None:
    made = plan(problem)
    results = carry_out(made, lambda trial: trial.settings.learning_rate)
    best = results["xml/gru/search-0"]
    results[best.trial.key] = dataclasses.replace(best, status="failed", history=(), value=math.nan)
    del results["xml/gru/search-1"]  # as if both had failed, and one were tried again
    assert [step.trial.key for step in made.next_steps(results)] == ["xml/gru/search-1"]
    results = carry_out(made, lambda trial: trial.settings.learning_rate, results)
    assert {results[f"xml/gru/final-{n}"].trial.settings.learning_rate for n in (0, 1)} == {0.01}


def test_each_budget_has_trials_of_its_own(problem) -> None:
    made = plan(problem, budgets=(1000, 2000))
    results = carry_out(made, lambda trial: trial.settings.learning_rate * (-1 if trial.budget == 1000 else 1))
    assert len(made.entries) == 4
    for budget, rate in ((1000, 0.001), (2000, 0.1)):
        final = results[f"xml/gru/{budget}-final-1"].trial
        assert (final.parameters, final.settings.learning_rate) == (budget, rate)
