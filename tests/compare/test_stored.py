"""A study read from its folder alone."""

import sys
from pathlib import Path

import pytest

from seqmodels.compare import LocalWorkers, Point, Result, StoredStudy, Study, Training
from seqmodels.compare.files import write_json
from seqmodels.errors import DataError, SeqmodelsError


@pytest.fixture
def ended(stranger: Path) -> Study:
    """A study of a text, in which a stranger's cell diverged with all settings."""
    Path("my.txt").write_text("how vexingly quick daft zebras jump! " * 600)
    training = Training(steps=12, validations=4)
    options = {"parameters": 3_000, "tolerance": 0.2, "training": training, "trials": 3, "seeds": 1}
    made = Study("study", ["gru", "stranger:Leaky"], ["my.txt"], **options)
    while steps := made.plan.next_steps(made.results):
        trial, until = steps[0].trial, steps[0].until
        if trial.cell == "gru":
            value = 3.0 + trial.number
            history = tuple(Point(step, step, step, value) for step in (6, 12) if step <= until)
            result = Result(trial, "finished" if until == 12 else "stopped", history, value)
        else:
            result = Result(trial, "diverged")
        write_json(made.folder_of(trial) / "result.json", result.to_dict())
        made._read_results()
    made.run(LocalWorkers(1))
    return made


def test_a_report_needs_neither_the_data_nor_the_cells(ended, monkeypatch) -> None:
    for name in ("my.txt", "stranger.py", "study/report/index.html"):
        Path(name).unlink()
    monkeypatch.delitem(sys.modules, "stranger")
    with pytest.raises(SeqmodelsError):
        Study.load("study")
    assert ended.summary().given_up == (("my", "stranger:Leaky", 3_000),)
    assert StoredStudy.load("study").write_report() == ended.summary()
    assert Path("study/report/index.html").exists()


def test_what_is_left_to_do_is_known_without_the_data(ended) -> None:
    stored = StoredStudy.load("study")
    assert stored.plan.next_steps(stored.results) == []
    del stored.results["my/gru/final-0"]
    assert [step.trial.key for step in stored.plan.next_steps(stored.results)] == ["my/gru/final-0"]


def test_a_file_of_another_version_is_named(tmp_path, one_line) -> None:
    write_json(tmp_path / "study.json", {"options": {}})
    with one_line(DataError, "study.json is of another version"):
        StoredStudy.load(tmp_path)
