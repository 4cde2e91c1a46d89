"""``seqmodels search`` as a person uses it."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from patience import PATIENCE

from seqmodels.cli import main
from seqmodels.files.folder_lock import FolderLock
from seqmodels.testing import check_cell

CODE = "import sys; from seqmodels.cli import main; sys.exit(main(sys.argv[1:]))"
SMALL = ["--candidates", "3", "--children", "3", "--parameters", "2500", "--steps", "4", "--filter-steps", "4"]
SMALL += ["--filter-score", "0.01", "--problems", "memory.txt", "--workers", "1"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current directory, with a text in it."""
    monkeypatch.chdir(tmp_path)
    Path("memory.txt").write_text("how vexingly quick daft zebras jump! " * 600)
    return tmp_path


def test_a_search_ends_with_a_cell_that_a_person_can_keep(folder, monkeypatch, capsys) -> None:
    assert main(["search", *SMALL]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^\[1\] \d\.\d+ of the baseline, \d+ s: lstm$", said, re.MULTILINE)
    assert re.search(r"^\d cells trained of \d+ proposed; the best is number \d", said, re.MULTILINE)
    assert Path("search/history.png").stat().st_size > 10_000
    monkeypatch.syspath_prepend(str(folder))
    check_cell("search.best.evolved:Evolved")

    assert main(["search", *SMALL]) == 0  # again: nothing is trained
    assert not re.search(r"^\[", capsys.readouterr().out, re.MULTILINE)


def test_ctrl_c_and_the_same_command_goes_on(folder) -> None:
    command = [sys.executable, "-c", CODE, "search", *SMALL]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        while not Path("search/evaluations.jsonl").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert said.strip() == "stopped; the same command goes on"
    trained = Path("search/evaluations.jsonl").read_bytes()
    assert main(["search", *SMALL]) == 0
    assert Path("search/evaluations.jsonl").read_bytes().startswith(trained)


def test_a_search_that_another_process_runs_is_refused_and_left_as_it_is(folder, capsys) -> None:
    with FolderLock("search", "runs this search"):
        assert main(["search", *SMALL]) == 2
    assert capsys.readouterr().err.endswith("search: another process runs this search; wait for it, or end it\n")
    assert [path.name for path in Path("search").iterdir()] == [".lock"]


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--problems", "xmll"], ["no problem 'xmll'"]),
        (["--candidates", "0"], ["candidates is 0"]),
        (["--filter", "memory.txt"], ["is the filter and a problem"]),
        (["--steps", "many"], ["--steps"]),
        (["--folder", "memory.txt"], ["memory.txt: can't be written", "give another folder"]),
        (["--folder", "x" * 300], ["xxx: can't be written", "give another folder"]),
    ],
)
def test_a_wrong_option_is_one_line(folder, options, parts, capsys) -> None:
    assert main(["search", *SMALL, *options]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    for part in parts:
        assert part in said
