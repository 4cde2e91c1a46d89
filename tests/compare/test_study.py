"""Studies: fair, the same numbers wherever they run, and what they may become."""

import dataclasses
import importlib
from pathlib import Path
from typing import Any

import pytest
from small_studies import OPTIONS, Pretend, done, run, study
from trials import numbers

from seqmodels import register_cell
from seqmodels.compare import LocalWorkers, RayWorkers, Result, Space, Study, Training, Trial
from seqmodels.compare.files import read_json, write_json
from seqmodels.compare.problems import get_problem
from seqmodels.errors import OptionError, UnknownCell


def test_every_cell_has_the_same_budget_settings_and_seeds(undisturbed, problem) -> None:
    results = study(undisturbed[0], problem).results
    assert {key for key in results if "final" in key} == {
        f"xml/{c}/final-{n}" for c in ("elman", "gru") for n in (0, 1)
    }
    for result in results.values():
        twin = results[result.trial.key.replace(result.trial.cell, "gru")].trial
        assert abs(result.trial.parameters / 4_000 - 1) < 0.05
        assert twin.seed == result.trial.seed
        if result.trial.phase == "search":
            assert twin.settings == result.trial.settings


def test_two_workers_give_the_numbers_of_one(undisturbed, problem, tmp_path) -> None:
    assert run(tmp_path, problem, LocalWorkers(2)) == undisturbed[1]


def test_a_ray_cluster_of_two_workers_gives_the_same_numbers(undisturbed, problem, tmp_path) -> None:
    pytest.importorskip("ray", reason="needs pip install 'seqmodels[ray]'")
    assert run(tmp_path, problem, RayWorkers(2)) == undisturbed[1]


def test_the_report_names_the_machines_that_trained(problem, tmp_path) -> None:
    made = study(tmp_path, problem, trials=0, space=None)
    made.run(Pretend(lambda trial: done(trial, environment={"processor": f"P{trial.number}", "torch": "2"})))
    assert made.summary().environment == {"processor": "P0; P1", "torch": "2"}
    assert "environment" not in read_json(tmp_path / "study.json")


def test_a_cell_that_diverges_with_all_settings_is_known_to_have_no_final_runs(problem, tmp_path) -> None:
    made = study(tmp_path, problem)
    diverged = Pretend(lambda trial: Result(trial, "diverged") if trial.cell == "gru" else done(trial))
    assert made.summary().given_up == ()
    assert made.run(diverged).given_up == (("xml", "gru", 4_000),)


def test_a_finished_study_runs_nothing_again_and_writes_its_report(undisturbed, problem) -> None:
    folder, expected = undisturbed
    (folder / "report" / "index.html").unlink()

    class Nobody:
        capacity = 1

        def submit(self, *_: Any) -> None:
            raise AssertionError("there is nothing to do")

        def wait(self, *_: Any) -> None: ...

        def cancel(self, *_: Any) -> None: ...

        def close(self) -> None: ...

    assert run(folder, problem, Nobody()) == expected
    assert (folder / "report" / "index.html").exists()


def test_a_loaded_study_is_the_same(undisturbed) -> None:
    loaded = Study.load(undisturbed[0])
    assert sorted(map(numbers, loaded.results.values()), key=lambda values: values[0]) == undisturbed[1]
    assert loaded.plan.next_steps(loaded.results) == []


def test_one_cells_error_stops_no_other_and_it_can_be_tried_again(stranger, problem) -> None:
    made = study(Path("study"), problem, cells=["stranger:Broken", "gru"], trials=0, space=None)
    with LocalWorkers(1) as workers:
        made.run(workers)
        tried = {key: Path("study/trials", key, "error.txt").stat().st_mtime_ns for key in made.results if "Br" in key}
        made.run(workers)
        assert all(Path("study/trials", key, "error.txt").stat().st_mtime_ns == at for key, at in tried.items())
        made.run(workers, retry_failed=True)
        assert all(Path("study/trials", key, "error.txt").stat().st_mtime_ns > at for key, at in tried.items())
    statuses = {key: result.status for key, result in made.results.items()}
    assert statuses == {
        "xml/stranger.Broken/final-0": "failed",
        "xml/stranger.Broken/final-1": "failed",
        "xml/gru/final-0": "finished",
        "xml/gru/final-1": "finished",
    }


def test_a_strangers_module_and_data_are_compared(stranger) -> None:
    made = Study(
        "study",
        ["stranger:Leaky", "gru"],
        ["stranger:problem"],
        parameters=2_000,
        tolerance=0.05,
        training=Training(steps=4, validations=2),
        seeds=1,
        baseline="gru",
    )
    workers = LocalWorkers(1)
    results = made.run(workers).results
    workers.close()
    assert [(result.trial.cell, result.status) for result in results] == [
        ("stranger:Leaky", "finished"),
        ("gru", "finished"),
    ]


def test_layers_with_which_a_cell_misses_the_budget_are_left_out_for_all(problem, tmp_path) -> None:
    made = study(tmp_path, problem, parameters=30_000, tolerance=0.01, space=Space(num_layers="1,2,3"), trials=20)
    assert {settings.num_layers for settings in made.plan.settings} == {1, 3}
    off = {key: abs(size.parameters / 30_000 - 1) for key, size in made.plan.sizes.items()}
    assert off["xml", "elman", 30_000, 2] < 0.01 < off["xml", "gru", 30_000, 2]
    assert "30,000 parameters (with 2 layers some cell would miss them: left out)" in made.describe_budget()
    assert made.summary().options["num_layers"] == "1,3"


def test_where_one_problem_has_one_layer_all_have(problem, tmp_path) -> None:
    trees = dataclasses.replace(get_problem("listops"), data_options={"expressions": 20})
    made = Study(tmp_path, problems=[problem, trees], **{**OPTIONS, "tolerance": 0.3})
    assert {settings.num_layers for settings in made.plan.settings} == {1}


@pytest.mark.parametrize(
    ("changes", "kind", "parts"),
    [
        (
            {"parameters": 2_000, "tolerance": 1e-6},
            OptionError,
            ["can't be met within", "give more parameters, or a tolerance of 0.0"],
        ),
        ({"cells": ["gru", "gru"]}, OptionError, ["the cell gru is there twice"]),
        ({"problems": []}, OptionError, ["problems is empty; give one or more"]),
        ({"problems": ["a/my.txt", "b/my.txt"]}, OptionError, ["my is there twice", "called alike, rename one"]),
        ({"cells": ["gruu"]}, UnknownCell, ["did you mean 'gru'?"]),
        ({"baseline": "mut1"}, OptionError, ["baseline mut1 is none of the cells: elman, gru"]),
        ({"seeds": 0}, OptionError, ["seeds is 0"]),
        ({"tolerance": 2.0}, OptionError, ["tolerance is 2"]),
        ({"seed": 20_250_101}, OptionError, ["seed is 20250101", "give 0 to"]),
        ({"trials": 0}, OptionError, ["learning_rate", "takes trials"]),
    ],
)
def test_a_wrong_option_is_one_line(changes, kind, parts, problem, tmp_path, one_line, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("a", "b"):
        Path(folder).mkdir()
        Path(folder, "my.txt").write_text("how vexingly quick daft zebras jump! ")
    with one_line(kind, *parts):
        Study(tmp_path, **{**OPTIONS, "problems": [problem], **changes})


def test_a_folder_with_another_study_is_left_alone(undisturbed, problem, one_line) -> None:
    with one_line(OptionError, "holds another study", "training.steps is 12, here 16"):
        study(undisturbed[0], problem, training=Training(steps=16, validations=4))


def test_a_study_grows_and_what_it_has_trained_stays(problem, tmp_path) -> None:
    def come(trial: Trial) -> Result:
        trained.append(trial.key)
        (tmp_path / "trials" / trial.key).mkdir(parents=True)
        write_json(tmp_path / "trials" / trial.key / "result.json", done(trial).to_dict())
        return done(trial)

    trained: list[str] = []
    options: dict[str, Any] = {"trials": 0, "space": None, "seeds": 1}
    study(tmp_path, problem, **options).run(Pretend(come))
    assert sorted(trained) == ["xml/elman/final-0", "xml/gru/final-0"]
    more = ["lstm", "gru", "elman", "gru:layer_norm=true"]
    results = study(tmp_path, problem, cells=more, baseline="lstm", **options).run(Pretend(come))
    assert sorted(trained[2:]) == ["xml/gru.layer_norm=true/final-0", "xml/lstm/final-0"]
    assert (results.cells, results.baseline, len(results.results)) == (tuple(more), "lstm", 4)
    assert Study.load(tmp_path).cells == more


def test_several_budgets_show_what_parameters_buy(problem, tmp_path) -> None:
    training = Training(steps=2, validations=1)
    options: dict[str, Any] = {"trials": 0, "space": None, "seeds": 1, "training": training}
    results = run(tmp_path, problem, LocalWorkers(1), parameters=[6_000, 3_000], **options)
    assert [values[0] for values in results] == [
        f"xml/{cell}/{budget}-final-0" for cell in ("elman", "gru") for budget in (3000, 6000)
    ]
    assert (tmp_path / "report" / "figures" / "parameters.png").exists()


def test_trials_of_a_given_time_are_tried_chosen_and_tested(problem, tmp_path) -> None:
    training = Training(steps=4, seconds=0.5, validations=2)  # many more than 4 steps in half a second
    with LocalWorkers(1) as workers:
        results = study(tmp_path, problem, cells=["gru"], seeds=1, training=training).run(workers).results
    assert {(result.trial.phase, result.status) for result in results} == {
        ("search", "finished"),
        ("final", "finished"),
    }
    assert all(result.history[-1].step > 4 and result.seconds >= 0.5 for result in results)


@pytest.mark.usefixtures("own_registry")
def test_a_class_is_known_by_its_path_as_no_other_process_knows_its_name(stranger, problem, monkeypatch) -> None:
    module = importlib.import_module("stranger")
    register_cell("leaky-of-a-stranger")(module.Leaky)
    assert study(Path("study"), problem, cells=[module.Leaky, "gru"]).cells == ["stranger:Leaky", "gru"]
    monkeypatch.setattr(module.Leaky, "__module__", "__main__")
    with pytest.raises(OptionError, match="put it into a file"):
        study(Path("study"), problem, cells=[module.Leaky])


def test_a_cell_or_a_text_that_has_changed_is_another_study(stranger, one_line) -> None:
    Path("my.txt").write_text("how vexingly quick daft zebras jump! " * 600)
    options: dict[str, Any] = {"parameters": 2_000, "tolerance": 0.1, "seeds": 1}
    options["training"] = Training(steps=1, validations=1)
    with LocalWorkers(1) as workers:
        Study("study", ["stranger:Leaky"], ["my.txt"], **options).run(workers)
    Study("study", ["stranger:Leaky"], ["my.txt"], **options)
    Path("my.txt").write_text("pack my box with five dozen liquor jugs " * 600)
    with one_line(OptionError, "holds another study", "my.txt"):
        Study("study", ["stranger:Leaky"], ["my.txt"], **options)


def test_a_mistake_found_while_a_study_is_made_leaves_its_folder_free(problem, tmp_path) -> None:
    study(tmp_path, problem, training=Training(steps=8, validations=2))
    assert study(tmp_path, problem).training.steps == 12


@pytest.mark.parametrize("workers", [LocalWorkers, RayWorkers])
def test_nobody_is_no_workforce(workers, one_line) -> None:
    with one_line(OptionError, "workers is 0"):
        workers(0)
