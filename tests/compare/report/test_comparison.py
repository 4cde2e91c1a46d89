"""What is said of cells, the baseline among them, that lost some of their runs or all."""

from dataclasses import replace

import pytest

from seqmodels.compare.report.comparison import compare, finding
from seqmodels.compare.report.summary import summarize
from seqmodels.compare.results import Result


@pytest.fixture
def one_problem(make_study):
    """``one_problem({cell: skill})``."""
    return lambda skill: make_study(make_study().problems[:1], skill, search=0)


def lose(study, cell, runs):
    """The study in which the first runs of a cell diverged."""
    gone = [result.trial.key for result in study.finals("arithmetic", cell)][:runs]
    lost = [Result(r.trial, "diverged", error="the loss was nan") if r.trial.key in gone else r for r in study.results]
    return replace(study, results=tuple(lost))


def answer(study):
    return finding(study, study.problems[0], summarize(study), compare(study))


def test_a_better_cell_that_lost_a_run_is_undecided_and_not_among_those_that_do_not_differ(one_problem):
    study = lose(one_problem({"lstm": 0.0, "gru": 0.1, "twin": 0.001}), "gru", 1)
    gru, twin = compare(study)
    assert (gru.verdict, twin.verdict) == ("unknown", "same")
    assert gru.p < 0.05
    assert answer(study).startswith("twin does not differ from lstm beyond chance (5 seeds; smallest p ")
    assert answer(study).endswith(", of twin); undecided: gru (better on the seeds that ended, but 1 run did not).")


def test_alone_it_is_undecided(one_problem):
    study = lose(one_problem({"lstm": 0.0, "gru": 0.1}), "gru", 1)
    assert answer(study).startswith("undecided: gru (better on the seeds that ended, but 1 run did not); the best so")


def test_a_baseline_that_lost_runs_beats_nobody(one_problem):
    study = lose(one_problem({"lstm": 0.0, "elman": -0.1}), "lstm", 2)
    (elman,) = compare(study)
    assert elman.p < 0.05
    assert elman.verdict == "unknown"
    assert "undecided: elman (worse on the seeds that ended, but 2 runs of the baseline did not)" in answer(study)


def test_whoever_is_worse_on_the_seeds_that_ended_loses_though_it_lost_runs_too(one_problem):
    (elman,) = compare(lose(one_problem({"lstm": 0.0, "elman": -0.1}), "elman", 1))
    assert (elman.verdict, elman.why_unknown) == ("worse", "")
    (gru,) = compare(lose(one_problem({"lstm": 0.0, "gru": 0.1}), "lstm", 1))
    assert (gru.verdict, gru.why_unknown) == ("better", "")


def test_while_some_are_undecided_nobody_is_said_to_beat_nobody(one_problem):
    study = lose(one_problem({"lstm": 0.0, "gru": 0.1, "elman": -0.1}), "gru", 1)
    assert answer(study).startswith("elman is worse than lstm by 0.")
    assert "; undecided: gru (" in answer(study)


def test_cells_that_nothing_is_to_come_of_are_not_waited_for(given_up, one_problem):
    assert answer(given_up).endswith("; gru could not be trained.")
    assert "yet" not in answer(given_up)
    assert answer(replace(given_up, given_up=())).endswith("; no result yet of gru.")
    assert answer(replace(given_up, baseline="gru")).startswith("gru could not be trained, so no cell can be compared")
    alone = answer(lose(one_problem({"lstm": 0.0, "gru": 0.1}), "gru", 5))
    assert alone.startswith("there is a result of lstm alone, 0.8")
    assert alone.endswith("; gru could not be trained.")
