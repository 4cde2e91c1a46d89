"""A run that fails before it begins leaves no folder; what others have put there stays."""

from pathlib import Path

import pytest

from seqmodels.cli.unused_folders import UnusedFolders


@pytest.mark.parametrize(
    "options",
    [
        ("--trainer.val_check_interval", "100000"),
        ("--data.steps", "100000"),
        ("--data.path", "no.txt"),
    ],
)
def test_a_run_that_fails_before_it_begins_leaves_nothing(fit, options):
    assert fit(*options) == 2
    assert not Path("runs").exists()


def test_what_others_have_put_there_stays(fit):
    for folder in ("runs", "runs/version_0"):
        Path(folder).mkdir()
    Path("runs/version_0/config.yaml").write_text("mine")
    assert fit("--data.steps", "100000") == 2
    assert [str(path) for path in sorted(Path("runs").rglob("*"))] == ["runs/version_0", "runs/version_0/config.yaml"]


def test_an_unused_folder_with_something_in_it_stays(tmp_path):
    unused = UnusedFolders(tmp_path / "runs" / "version_0", tmp_path / "runs")
    unused.run.mkdir(parents=True)
    (unused.run / "config.yaml").touch()
    (unused.run / "notes.txt").touch()
    unused.remove()
    assert len(list(unused.run.iterdir())) == 2
    (unused.run / "notes.txt").unlink()
    unused.begun = True
    unused.remove()
    assert unused.run.is_dir()
    unused.begun = False
    unused.remove()
    assert not unused.around.exists()
