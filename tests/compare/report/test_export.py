import csv
import json
import math
from dataclasses import replace

import pytest

from seqmodels.compare.report import StudyResults, write_report
from seqmodels.compare.report.export import export


def read(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def folder(study, tmp_path):
    files = export(study, tmp_path)
    assert sorted(file.name for file in files) == ["curves.csv", "results.csv", "results.json", "summary.csv"]
    return tmp_path


def test_results_have_a_line_a_run(study, folder):
    lines = read(folder / "results.csv")
    assert len(lines) == len(study.results)
    line, result = lines[0], study.results[0]
    assert (line["problem"], line["cell"], line["phase"]) == ("arithmetic", "elman", "final")
    assert float(line["test"]) == result.test
    assert float(line["learning_rate"]) == result.trial.settings.learning_rate
    assert (int(line["steps"]), int(line["budget"])) == (600, 100_000)
    (failed,) = [line for line in lines if line["status"] == "failed"]
    assert (failed["test"], failed["error"]) == ("", "RuntimeError: <b>out of memory</b> & more")


def test_curves_have_a_line_a_validation(study, folder):
    lines = read(folder / "curves.csv")
    assert len(lines) == sum(len(result.history) for result in study.results)
    assert float(lines[0]["value"]) == study.results[0].history[0].value


def test_runs_under_several_budgets_are_told_apart(two_budgets, tmp_path):
    export(two_budgets, tmp_path)
    lines = read(tmp_path / "curves.csv")
    keys = {tuple(line[name] for name in ("problem", "cell", "budget", "phase", "number", "step")) for line in lines}
    assert len(keys) == len(lines)
    assert {line["budget"] for line in read(tmp_path / "results.csv")} == {"90000", "100000"}


def test_summary_has_a_line_a_cell_and_problem(study, folder):
    lines = {(line["problem"], line["cell"]): line for line in read(folder / "summary.csv")}
    assert len(lines) == 8
    assert lines["arithmetic", "gru"]["verdict"] == "better"
    assert lines["arithmetic", "lstm"]["verdict"] == "baseline"
    assert (lines["arithmetic", "lstm"]["gain"], lines["arithmetic", "elman"]["diverged"]) == ("", "1")
    gru = lines["python", "gru"]
    assert float(gru["gain_low"]) < float(gru["gain"]) < float(gru["gain_high"])
    assert float(gru["p"]) < float(gru["p_corrected"])


def test_json_is_strict_and_gives_the_study_back(study, folder):
    def refuse(name):
        raise AssertionError(f"{name} is not JSON")

    values = json.loads((folder / "results.json").read_text("utf-8"), parse_constant=refuse)
    again = StudyResults.from_dict(values)
    assert again.problems == study.problems
    assert repr(again.results) == repr(study.results)


def test_a_study_without_results_has_files_of_headings(study, tmp_path):
    export(replace(study, results=(), options={"odd": math.nan, "path": tmp_path}), tmp_path)
    assert read(tmp_path / "results.csv") == []
    lines = read(tmp_path / "summary.csv")
    assert len(lines) == 8
    assert {(line["runs"], line["hidden_size"], line["parameters"], line["mean"]) for line in lines} == {
        ("0", "", "", "")
    }


@pytest.mark.parametrize("cells", [1, 12])
def test_the_report_is_a_folder(make_study, tmp_path, cells):
    skill = {f"cell{i}": i / 100 for i in range(cells)}
    one = make_study().problems[:1]
    write_report(make_study(skill=skill, baseline="cell0", seeds=2, search=0, problems=one), tmp_path)
    top = {path.name for path in tmp_path.iterdir()}
    assert top == {"index.html", "table.md", "results.csv", "curves.csv", "summary.csv", "results.json", "figures"}
    figures = {path.name for path in (tmp_path / "figures").iterdir()}
    names = ["scores", "curves", "times"] + ["gains"] * (cells > 1)
    assert figures == {f"{name}.{kind}" for name in names for kind in ("png", "svg", "pdf")}
