"""A run that trains nothing says so, and what to change."""

from pathlib import Path

import pytest

LAST = "runs/version_0/checkpoints/last.ckpt"


def said(capsys):
    """The lines on standard error that are ours."""
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("seqmodels: ")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--trainer.max_epochs", "0"), "--trainer.max_epochs is 0; give 1 or more"),
        (("--trainer.max_steps", "0"), "--trainer.max_steps is 0; give 1 or more"),
        (("--trainer.limit_train_batches", "0"), "--trainer.limit_train_batches is 0; leave it out"),
        (("--trainer.max_time", "00:00:00:00"), "training was stopped before its first batch; look at"),
    ],
)
def test_a_run_without_a_batch_says_so_and_leaves_no_folder(fit, capsys, options, message):
    assert fit(*options) == 0
    (line,) = said(capsys)
    assert line.startswith(f"seqmodels: nothing was trained: {message}")
    assert not Path("runs").exists()


def test_a_run_that_was_finished_says_how_many_epochs_it_has(fit, capsys):
    assert fit("--trainer.max_epochs", "2") == 0
    assert said(capsys) == []
    for options, message in (
        (
            ("--trainer.max_epochs", "2"),
            "2 epochs, and --trainer.max_epochs is 2; give more, such as --trainer.max_epochs 3",
        ),
        (("--trainer.max_epochs", "9", "--trainer.max_steps", "7"), "steps, and --trainer.max_steps is 7; give more"),
    ):
        assert fit("--ckpt_path", LAST, *options) == 0
        (line,) = said(capsys)
        assert line.startswith("seqmodels: nothing was trained: the checkpoint has ")
        assert message in line
    assert [path.name for path in Path("runs").iterdir()] == ["version_0"]
    assert fit("--ckpt_path", LAST, "--trainer.max_epochs", "3") == 0
    assert said(capsys) == []


def test_fewer_epochs_than_the_checkpoint_has_are_refused_with_a_number_that_goes_on(fit, capsys):
    fit("--trainer.max_epochs", "3")
    capsys.readouterr()
    assert fit("--ckpt_path", LAST, "--trainer.max_epochs", "1") == 2
    (line,) = said(capsys)
    assert "of epoch 3, and --trainer.max_epochs is 1; give more, such as --trainer.max_epochs 4" in line
