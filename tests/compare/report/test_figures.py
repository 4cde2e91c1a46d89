import xml.etree.ElementTree as ET
from dataclasses import replace

import matplotlib as mpl
import pytest
from matplotlib._pylab_helpers import Gcf

from seqmodels.compare.problem import Problem
from seqmodels.compare.report import style
from seqmodels.compare.report.figures import pictures
from seqmodels.compare.report.importance import importance
from seqmodels.compare.report.sensitivity import sensitivity
from seqmodels.compare.results import Result
from seqmodels.figures import INK, save, to_svg


def named(study):
    return {picture.name: picture.figure for picture in pictures(study)}


@pytest.fixture(scope="module")
def drawn(study):
    return named(study)


def test_a_study_has_these_figures(drawn):
    assert list(drawn) == ["scores", "gains", "curves", "times", "sensitivity-arithmetic", "sensitivity-python"]


def test_every_seed_is_a_point_and_missing_runs_are_none(study, drawn):
    ax = drawn["scores"].axes[0]
    points = [line.get_xdata() for line in ax.lines if line.get_marker() == "o"]
    assert [len(each) for each in points] == [4, 5, 5, 5]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["elman", "lstm", "gru", "MyCell"]
    assert "↑" in ax.get_xlabel()
    assert "↓" in drawn["scores"].axes[1].get_xlabel()


def test_curves_are_means_in_bands_and_divergence_is_a_cross(study, drawn):
    ax = drawn["curves"].axes[0]
    runs = study.finals("arithmetic", "gru")
    (line,) = [line for line in ax.lines if line.get_label() == "gru"]
    assert list(line.get_xdata()) == [point.step for point in runs[0].history]
    assert line.get_ydata()[-1] == pytest.approx(sum(run.history[-1].value for run in runs) / 5)
    assert len(ax.collections) == 4
    assert [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "x"] == [200.0]
    assert len(drawn["times"].axes[0].lines) == len(ax.lines)


def test_the_search_is_shown_with_what_diverged_at_the_edge(study, drawn):
    for problem in study.problems:
        figure = drawn[f"sensitivity-{problem.name}"]
        labels = [ax.get_xlabel() for ax in figure.axes]
        assert labels[:5] == ["learning rate", "initial scale", "gradient clip", "layers", "dropout"]
        rates = figure.axes[0]
        assert rates.get_xscale() == "log"
        crosses = [line for line in rates.lines if line.get_marker() == "x"]
        lost = sum(r.status == "diverged" for r in study.of(problem.name, "gru", "search"))
        assert [len(line.get_xdata()) for line in crosses] == [lost] * 4
        assert {y for line in crosses for y in line.get_ydata()} == {0.0 if problem.mode == "max" else 1.0}


def test_importance_finds_what_mattered(study):
    shares = importance(study, study.problems[0])
    assert next(iter(shares)) == "learning_rate"
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["learning_rate"] > 0.4


def test_importance_needs_trials(make_study):
    few = make_study(search=4)
    assert importance(few, few.problems[0]) is None


def test_trials_that_failed_say_nothing_of_what_mattered(make_study):
    made = make_study(search=6)
    problem = made.problems[0]
    assert importance(made, problem) is not None
    failed = replace(made, results=tuple(replace(r, status="failed") for r in made.results))
    assert importance(failed, problem) is None
    (axes,) = [ax for ax in sensitivity(failed, problem).axes if ax.get_title() == "importance"]
    assert axes.texts[0].get_text() == "needs at least 20 trials"


def test_importance_has_nothing_to_say_of_trials_that_are_alike(study):
    alike = replace(study, results=tuple(replace(r, status="finished", value=0.5, test=0.5) for r in study.results))
    assert importance(alike, study.problems[0]) is None


def test_twelve_cells_all_look_different(make_study):
    many = make_study(skill={f"cell{i}": 0.01 * i for i in range(12)}, baseline="cell3", search=1)
    looks = style.looks(many)
    assert len({look[1:5] for look in looks.values()}) == 12
    assert [cell for cell, look in looks.items() if look.color == INK] == ["cell3"]
    figures = named(many)
    texts = [text.get_text() for text in figures["curves"].legends[0].get_texts()]
    assert texts == [look.label for look in looks.values()]


def test_of_many_cells_the_best_are_told_apart_and_the_others_are_grey(make_study):
    many = make_study(skill={f"cell{i}": 0.01 * (i % 10) + 0.001 * i for i in range(20)}, baseline="cell1", search=1)
    looks = style.looks(many)
    best = {f"cell{i}" for i in (9, 19, 8, 18, 7, 17, 6, 16, 5, 15, 14)}
    assert {cell for cell, look in looks.items() if look.is_told_apart} == best | {"cell1"}
    assert len({look.color for look in looks.values() if not look.is_told_apart}) == 1
    drawn = named(many)
    texts = [text.get_text() for text in drawn["curves"].legends[0].get_texts()]
    assert texts == [*(look.label for look in looks.values() if look.is_told_apart), "8 others"]
    box, canvas = drawn["curves"].legends[0].get_window_extent(), drawn["curves"].bbox
    assert canvas.x0 <= box.x0
    assert box.x1 <= canvas.x1
    for ax in drawn["scores"].axes:
        names = [label.get_text() for label in ax.get_yticklabels()]
        assert (names[0], names[-1]) == ("cell19", "cell0")


def test_a_cell_far_behind_squeezes_no_other_and_is_pointed_at(make_study):
    skill = {f"cell{i}": 0.01 * i for i in range(11)} | {"lost": -5.0}
    accuracy, bits = named(make_study(skill=skill, baseline="cell3", search=1))["scores"].axes
    assert accuracy.get_xlim()[0] > 0.8
    assert bits.get_xlim()[1] < 2.4
    assert [text.get_text()[:2] for text in accuracy.texts if "←" in text.get_text()] == ["← "]
    assert [text.get_text() for text in bits.texts if "→" in text.get_text()] == ["12.3 →"]


def test_legends_cover_no_data(drawn):
    for figure in (figure for figure in drawn.values() if figure.legends):
        figure.draw_without_rendering()
        box = figure.legends[0].get_window_extent()
        assert not any(box.overlaps(ax.get_window_extent()) for ax in figure.axes)


def test_panels_keep_their_room_with_a_single_trial(make_study, recwarn):
    for figure in named(make_study(seeds=1, search=2, skill={"lstm": 0.0, "gru": 0.1})).values():
        figure.draw_without_rendering()
    assert [str(warning.message) for warning in recwarn if "constrained_layout" in str(warning.message)] == []


def test_parameters_are_shown_where_there_are_several_budgets(two_budgets):
    grown = [replace(r, trial=replace(r.trial, parameters=r.trial.budget + 100)) for r in two_budgets.results]
    ax = named(replace(two_budgets, results=tuple(grown)))["parameters"].axes[0]
    assert ax.get_xscale() == "log"
    assert list(ax.containers[0].lines[0].get_xdata()) == [90_100, 100_100]


def test_all_other_figures_are_of_the_largest_budget(study, two_budgets):
    drawn, expected = named(two_budgets), named(study)
    assert drawn.pop("parameters")
    for name, figure in drawn.items():
        for ax, other in zip(figure.axes, expected[name].axes, strict=True):
            points = [[len(line.get_xdata()) for line in each.lines] for each in (ax, other)]
            assert points[0] == points[1]
    assert importance(two_budgets, study.problems[0]) == importance(study, study.problems[0])


def test_curves_of_runs_that_last_a_given_time_go_along_their_validations(make_study):
    made = make_study(make_study().problems[:1], {"lstm": 0.0}, seeds=3, search=0)
    history = [tuple(replace(p, step=p.step + r.trial.number) for p in r.history) for r in made.results]
    timed = replace(made, results=tuple(replace(r, history=h) for r, h in zip(made.results, history, strict=True)))
    (line,) = named(timed)["curves"].axes[0].lines
    assert list(line.get_xdata()) == [point.step + 1 for point in made.results[0].history]
    assert line.get_ydata()[0] == pytest.approx(sum(r.history[0].value for r in made.results) / 3)
    assert len(named(timed)["times"].axes[0].lines[0].get_xdata()) == 12


def test_names_are_drawn_as_they_are(make_study):
    odd = make_study(skill={"$x^2$ & <b>": 0.0}, baseline="$x^2$ & <b>", seeds=1, search=0)
    svg = to_svg(pictures(odd)[0].figure)
    assert "$x^2$ &amp; &lt;b&gt;" in svg


def test_studies_under_way_have_the_figures_they_can(study, make_study):
    assert named(replace(study, results=())) == {}
    assert list(named(make_study(seeds=0))) == ["sensitivity-arithmetic", "sensitivity-python"]
    one = make_study(problems=[Problem("p", "m:M", "d:D", "loss", "min")], skill={"lstm": 0.0}, seeds=1, search=0)
    assert list(named(one)) == ["scores", "curves", "times"]
    failed = [Result(r.trial, "failed", error="no memory") for r in one.results]
    assert named(replace(one, results=tuple(failed))) == {}


def test_files_are_the_same_whenever_they_are_written(study, tmp_path):
    for run in ("one", "two"):
        save(pictures(study)[0].figure, tmp_path / run, "scores")
    for kind in ("png", "svg", "pdf"):
        one, two = (tmp_path / run / f"scores.{kind}" for run in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
        assert b"Date" not in one.read_bytes()


def test_text_stays_text_and_settings_of_the_user_stay(drawn, tmp_path):
    before = dict(mpl.rcParams)
    save(drawn["scores"], tmp_path, "scores")
    texts = [element.text for element in ET.parse(tmp_path / "scores.svg").iter("{http://www.w3.org/2000/svg}text")]
    assert {"lstm", "arithmetic"} <= set(texts)
    assert dict(mpl.rcParams) == before
    assert Gcf.get_all_fig_managers() == []  # pyplot knows of no figure
