import math
from dataclasses import replace

import pytest

from seqmodels.compare.problem import Problem
from seqmodels.compare.report.comparison import compare, finding
from seqmodels.compare.report.grid import Findings
from seqmodels.compare.report.names import NOTHING, short_names
from seqmodels.compare.report.summary import StudyResults, summarize
from seqmodels.compare.report.table import to_markdown, to_text
from seqmodels.compare.results import Result
from seqmodels.errors import OptionError


def answer(study, index=0):
    return finding(study, study.problems[index], summarize(study), compare(study))


def with_results(study, change):
    return replace(study, results=tuple(r for r in map(change, study.results) if r is not None))


def test_names_are_short_where_that_is_clear():
    assert short_names(["gru", "a.b:Mine"]) == {"gru": "gru", "a.b:Mine": "Mine"}
    assert short_names(["a:Mine", "b:Mine", "Mine"])["a:Mine"] == "a:Mine"
    assert short_names(["lstm:a=1", "b:Mine:a=1"]) == {"lstm:a=1": "lstm:a=1", "b:Mine:a=1": "Mine:a=1"}


def test_a_row_counts_every_run(study):
    found = Findings.of(study)
    row = found.row("arithmetic", "elman")
    assert (row.runs, row.tested, row.diverged, row.failed) == (5, 4, 1, 0)
    assert (row.searched, row.search_failed) == (24, 0)
    assert row.search_diverged > 0
    tests = [r.test for r in study.finals("arithmetic", "elman") if math.isfinite(r.test)]
    assert row.test.mean == pytest.approx(sum(tests) / 4)
    assert row.best == max(tests)
    assert found.row("python", "gru").best == min(r.test for r in study.finals("python", "gru"))
    assert row.excess == pytest.approx(0.1)
    assert row.settings.learning_rate == 4e-3
    assert row.tokens_per_second > 0


def test_runs_are_told_apart_by_the_budget_of_their_trials_and_the_largest_counts(study, two_budgets):
    assert two_budgets.budgets == (90_000, 100_000)
    tests = [result.test for result in study.finals("python", "gru")]
    assert [result.test for result in two_budgets.finals("python", "gru")] == tests
    assert [result.test + 1 for result in two_budgets.finals("python", "gru", 90_000)] == pytest.approx(tests)
    row = Findings.of(two_budgets).row("python", "gru")
    assert (row.runs, row.searched, row.excess) == (5, 24, pytest.approx(-5))


def test_answers(study, make_study):
    text = answer(study)
    assert text.startswith("gru beats lstm by 0.0")
    assert "95 % interval" in text
    assert "after correction" in text
    assert "so does MyCell" in text
    assert text.endswith("lstm beats elman.")
    same = make_study(skill={"lstm": 0.0, "gru": 0.0}, search=0)
    assert "gru does not differ from lstm beyond chance (5 seeds; smallest p after correction" in answer(same)
    worse = make_study(skill={"lstm": 0.0, "elman": -0.1}, search=0)
    assert answer(worse).startswith("no cell beats lstm, and elman is worse by 0.1")
    assert "needs at least 2 seeds" in answer(make_study(seeds=1, search=0))
    assert "no other cell" in answer(make_study(skill={"lstm": 0.0}, search=0))
    none = replace(study, results=())
    assert answer(none) == "lstm has no result yet, so no cell can be compared with it."


def test_less_is_better_where_the_problem_says_so(study):
    assert answer(study, 1).startswith("gru beats lstm by 0.0")
    gains = {c.cell: c for c in compare(study) if c.problem == "python"}
    assert gains["gru"].gain.mean > 0
    assert gains["gru"].verdict == "better"
    assert gains["elman"].verdict == "worse"


def test_corrections_are_over_all_problems(study):
    alone = {c.cell: c.p for c in compare(replace(study, problems=study.problems[:1]))}
    together = {c.cell: c.p for c in compare(study) if c.problem == "arithmetic"}
    assert all(together[cell] >= alone[cell] for cell in alone)
    assert together != alone


def test_missing_baseline_and_missing_cells_are_said(study):
    text = answer(with_results(study, lambda r: None if r.trial.cell == "lstm" else r))
    assert "lstm has no result yet" in text
    assert "best so far is gru" in text
    assert "no result yet of MyCell" in answer(with_results(study, lambda r: None if "My" in r.trial.cell else r))


def test_terminal_text_fits_and_names_everything(study):
    for width in (60, 80, 100, 140):
        text = to_text(study, width)
        assert max(map(len, text.splitlines())) <= width
        assert all(name in text for name in ("elman", "lstm", "gru", "MyCell", "arithmetic", "python"))
        assert "1 of 5 runs diverged" in text
        assert "\x1b" not in text
    assert "\x1b[1m" in to_text(study, color=True)


def test_many_problems_have_a_table_each(make_study):
    problems = [Problem(f"problem{i}", "m:M", "d:D", "accuracy", "max") for i in range(8)]
    text = to_text(make_study(problems=problems, search=0), 100)
    assert text.count("on test data") == 8
    assert "ranks: elman" in text


def test_one_problem_says_what_was_trained(make_study):
    text = to_text(make_study(problems=[make_study().problems[0]]), 100)
    assert all(heading in text for heading in ("gain", "parameters", "layers", "runs", "time", "tokens/s"))
    assert "100,100" in text


def test_markdown_is_a_table_a_problem_with_the_best_in_bold(study):
    text = to_markdown(study)
    assert text.startswith("# Is my cell better than an LSTM?\n")
    for line in text.splitlines():
        if line.startswith("| gru"):
            assert "| **" in line
            assert "▲" in line
    tables = [line for line in text.splitlines() if line.startswith("|---")]
    assert len(tables) == 3
    assert "† elman on arithmetic: 1 of 5 runs diverged" in text


def test_names_mean_nothing_in_markdown(make_study):
    assert r"\_odd\|" in to_markdown(make_study(skill={"lstm": 0.0, "_odd|": 0.0}, search=0))


def test_a_study_without_results_has_tables_too(study):
    none = replace(study, results=())
    assert NOTHING in to_text(none)
    assert NOTHING in to_markdown(none)


def test_runs_that_all_failed_are_said(study):
    failed = with_results(study, lambda r: Result(r.trial, "failed", error="no memory") if r.trial.cell == "gru" else r)
    assert "gru on arithmetic: 5 of 5 runs failed" in to_text(failed)


def test_a_search_that_has_ended_without_settings_is_said(given_up):
    assert "gru: none of the settings tried could be trained to the end (4 trials)" in to_text(given_up)
    assert StudyResults.from_dict(given_up.to_dict()).given_up == given_up.given_up


def test_a_study_knows_its_cells(study, one_line):
    with one_line(OptionError, "baseline 'nope'", "lstm"):
        replace(study, baseline="nope")
    with one_line(OptionError, "once"):
        replace(study, cells=(*study.cells, "lstm"))


def test_results_survive_json(study):
    again = StudyResults.from_dict(study.to_dict())
    assert again.to_dict() == study.to_dict()
    assert repr(summarize(again)) == repr(summarize(study))
