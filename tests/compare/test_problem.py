"""Problems: made from names, in any process, and errors that say what to mend."""

import math
from dataclasses import replace

import lightning.pytorch as pl
import pytest
import torch

from seqmodels import Cell
from seqmodels.compare import PROBLEMS, Problem, get_problem
from seqmodels.compare.recorder import read_metric
from seqmodels.errors import OptionError


def test_a_strangers_module_gets_what_it_needs_of_its_data(stranger) -> None:
    problem = get_problem("stranger:problem")
    data = problem.make_data(seed=3)
    model = problem.make_model(data, "gru", hidden_size=4, num_layers=2)
    assert (model.rnn.input_size, model.rnn.hidden_size, model.rnn.num_layers) == (2, 4, 2)
    assert (data.seed, problem.make_data(seed=4).seed) == (3, 4)


def test_what_an_argument_has_as_its_default_decides_whether_it_is_taken_from_the_data(stranger) -> None:
    problem = Problem("p", "stranger:Choosy", "stranger:Series", "error", "min", seeded=True)
    model = problem.make_model(problem.make_data(seed=3), "gru", 4, 1)
    assert model.seed == 3
    assert model.length.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("name", PROBLEMS)
def test_every_named_problem_trains_with_options_of_a_cell_and_logs_its_metric(name: str) -> None:
    problem = PROBLEMS[name]
    data = problem.make_data(seed=0)
    model = problem.make_model(data, "elman:nonlinearity=relu", hidden_size=3, num_layers=1)
    assert next(cell.nonlinearity for cell in model.modules() if isinstance(cell, Cell)) == "relu"
    trainer = pl.Trainer(fast_dev_run=1, accelerator="cpu", enable_progress_bar=False, enable_model_summary=False)
    trainer.fit(model, datamodule=data)
    assert read_metric(trainer, f"val_{problem.metric}", problem) >= 0
    trainer.test(model, datamodule=data, verbose=False)
    assert read_metric(trainer, f"test_{problem.metric}", problem) >= 0


def test_the_studys_dropout_is_that_of_the_model_unless_the_problem_has_its_own() -> None:
    problem = PROBLEMS["addition"]  # 0.3, as the task has it by itself
    data = problem.make_data(seed=0)
    assert problem.make_model(data, "gru", 3, 1).hparams["dropout"] == 0
    assert problem.make_model(data, "gru", 3, 1, 0.2).hparams["dropout"] == 0.2
    own = replace(problem, model_options={**problem.model_options, "dropout": 0.1})
    assert own.make_model(data, "gru", 3, 1).hparams["dropout"] == 0.1


def test_options_of_a_cell_reach_the_model() -> None:
    problem = PROBLEMS["xml"]
    rnn = problem.make_model(problem.make_data(0), "lstm:forget_bias=3:layer_norm=true", 5, 1).rnn
    assert rnn.cell.forget_bias == 3
    assert [type(module) for module in rnn.modules()].count(torch.nn.LayerNorm) == 2


def test_trees_have_one_layer(one_line) -> None:
    problem = replace(PROBLEMS["listops"], data_options={"expressions": 20})
    with one_line(OptionError, "problem listops", "takes no num_layers; give 1 layer, not 2"):
        problem.make_model(problem.make_data(0), "gru", 3, 2)


def test_a_text_file_is_a_problem(tmp_path) -> None:
    (tmp_path / "my poem.txt").write_text("hello " * 1000)
    problem = get_problem(str(tmp_path / "my poem.txt"))
    assert (problem.name, problem.metric, problem.mode) == ("my_poem", "bits_per_character", "min")
    assert len(problem.make_data(0).tokenizer) == 6  # h, e, l, o, the space and <unk>


def test_nan_is_never_better() -> None:
    problem = PROBLEMS["xml"]
    assert problem.is_better(0.2, 0.1)
    assert problem.is_better(0.2, math.nan)
    assert not problem.is_better(math.nan, 0.1)
    assert not problem.is_better(math.nan, math.nan)
    assert PROBLEMS["code"].is_better(1.0, 2.0)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("arithmatic", ["did you mean 'arithmetic'?", "known: arithmetic, xml"]),
        ("no.such:thing", ["can't import no.such:thing", "ModuleNotFoundError"]),
        ("stranger:Last", ["that is a type, not a seqmodels.compare.Problem"]),
    ],
)
def test_a_wrong_name_is_one_line(name: str, parts: list[str], stranger, one_line) -> None:
    with one_line(OptionError, *parts):
        get_problem(name)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"name": "a b"}, ["letters, digits"]),
        ({"mode": "most"}, ["give 'max' or 'min'"]),
        ({"data": "stranger:Last"}, ["problem p: data", "no subclass of LightningDataModule"]),
        ({"data": "stranger"}, ["not of the form package.module:name"]),
        ({"data_options": {"colour": 1}}, ["stranger:Series", "colour"]),
        ({"model_options": {"colour": 1}}, ["stranger:Last", "colour"]),
    ],
)
@pytest.mark.usefixtures("_types_unchecked")
def test_a_wrong_problem_is_one_line(change: dict, parts: list[str], stranger, one_line) -> None:
    good = {"name": "p", "model": "stranger:Last", "data": "stranger:Series", "metric": "error", "mode": "min"}
    with one_line(OptionError, *parts):
        problem = Problem(**{**good, **change})
        problem.make_model(problem.make_data(0), "gru", 4, 1)


def test_a_model_without_a_way_for_options_of_cells_is_named(stranger, one_line) -> None:
    problem = get_problem("stranger:problem")
    with one_line(OptionError, "stranger:Last has no argument rnn_options for those of gru:reset=before", "subclass"):
        problem.make_model(problem.make_data(0), "gru:reset=before", 4, 1)
