"""Real trainings of candidates."""

from pathlib import Path

import pytest

from seqmodels.compare import Problem, Settings, Training
from seqmodels.compare.search.trainer import Trainer

OPTIONS = {"batch_size": 4, "eval_batch_size": 4, "steps": 10, "windows": 7, "eval_windows": 3}
XML = Problem("xml", "seqmodels.tasks:LanguageModel", "seqmodels.data:XMLTags", "accuracy", "max", {}, OPTIONS, True)
LOSS = Problem("loss", "seqmodels.tasks:LanguageModel", "seqmodels.data:XMLTags", "loss", "min", {}, OPTIONS, True)


def trainer(folder: Path, *settings: Settings) -> Trainer:
    training = Training(steps=10, validations=2)
    return Trainer(folder, {"xml": XML, "loss": LOSS}, 3_000, {"xml": training, "loss": training}, settings)


def test_the_score_is_the_best_in_validation(tmp_path: Path) -> None:
    made = trainer(tmp_path, Settings(learning_rate=0.02), Settings(learning_rate=1e-9))
    learned, not_learned = made("gru", "xml", 0), made("gru", "xml", 1)
    assert learned.status == "finished"
    assert learned.score > not_learned.score >= 0
    assert learned.seconds > 0


def test_of_a_loss_less_is_more(tmp_path: Path) -> None:
    made = trainer(tmp_path, Settings(learning_rate=0.02), Settings(learning_rate=1e-9))
    assert made("gru", "loss", 0).score > made("gru", "loss", 1).score > 0


@pytest.mark.parametrize("problem", ["xml", "loss"])
def test_a_cell_that_can_not_be_trained_has_no_score(problem: str, stranger: Path) -> None:
    found = trainer(stranger, Settings())("stranger:Broken", problem, 0)
    assert found.status == "failed"
    assert not found.counts
    assert "this cell is broken" in found.error
