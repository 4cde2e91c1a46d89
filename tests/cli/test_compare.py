"""``seqmodels compare`` as a person uses it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from patience import PATIENCE

from seqmodels import registry
from seqmodels.cli import main

SMALL = ["--cells", "elman,gru", "--parameters", "3000", "--tolerance", "0.05", "--steps", "6", "--validations", "2"]
TEXT = "how vexingly quick daft zebras jump! " * 600


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current directory, with a text in it."""
    monkeypatch.chdir(tmp_path)
    Path("my.txt").write_text(TEXT)
    return tmp_path


def compare(*options: str) -> int:
    return main(["compare", "--problems", "my.txt", "--seeds", "2", "--workers", "1", *SMALL, *options])


def test_a_study_of_ones_own_text_ends_with_table_picture_and_page(folder, capsys) -> None:
    assert compare() == 0
    said = capsys.readouterr().out
    for cell in ("elman", "gru"):
        assert re.search(rf"\[\d/4\] my/{cell}/final-\d: test \d\.\d+", said)
        assert re.search(rf"^.*\b{cell}\b.*\d\.\d", said, re.MULTILINE)
    assert "report: study/report/index.html" in said
    report = {path.name for path in Path("study/report").iterdir()}
    assert {"index.html", "table.md", "results.csv", "results.json", "figures"} <= report
    assert list(Path("study/report/figures").glob("*.png"))

    page = Path("study/report/index.html").stat().st_mtime_ns
    results = {path: path.stat().st_mtime_ns for path in Path("study").glob("trials/*/*/*/result.json")}
    assert compare() == 0  # again: nothing is trained, the report is written
    assert {path: path.stat().st_mtime_ns for path in results} == results
    assert Path("study/report/index.html").stat().st_mtime_ns > page


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A study of one cell, with two seeds, and the text beside it."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        Path("my.txt").write_text(TEXT)
        assert compare("--cells", "gru") == 0
    return folder / "study"


def test_its_weights_are_used_like_those_of_any_run(trained, capsys) -> None:
    assert main(["generate", str(trained / "trials/my/gru/final-0/best.ckpt"), "--length", "5", "--seed", "1"]) == 0
    assert len(capsys.readouterr().out.rstrip("\n")) == 5


@pytest.fixture
def elsewhere(folder, trained):
    """A study that was trained on a GPU, where its text was, one of whose trials is missing."""
    place = Path("st[/b]")  # brackets are no markup
    shutil.copytree(trained, place)
    study = json.loads((place / "study.json").read_text())
    study["options"]["training"]["accelerator"] = "gpu"
    study["options"]["problems"][0]["data_options"]["path"] = "/elsewhere/my.txt"
    (place / "study.json").write_text(json.dumps(study))
    shutil.rmtree(place / "report")
    shutil.rmtree(place / "trials/my/gru/final-1")
    return place


def test_a_report_alone_is_of_what_there_is_wherever_it_was_trained(elsewhere, capsys) -> None:
    assert main(["compare", "--report", "--folder", str(elsewhere)]) == 0
    assert f"report: {elsewhere}/report/index.html" in capsys.readouterr().out
    assert "seqmodels compare --problems my.txt" in (elsewhere / "report/index.html").read_text()
    assert not (elsewhere / "trials/my/gru/final-1").exists()

    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w") as closed, pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", closed)
        assert main(["compare", "--report", "--folder", str(elsewhere)]) == 0


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--folder", "nowhere"], "nowhere/study.json does not exist"),
        (["--folder", "x" * 300], "study.json does not exist"),
        (["--engine", "banana"], "--engine has no effect with --report"),
        (["--retry-failed"], "--retry-failed has no effect with --report"),
    ],
)
def test_a_wrong_request_for_a_report_is_one_line_and_leaves_nothing(folder, options, part, capsys) -> None:
    before = list(folder.iterdir())
    assert main(["compare", "--report", *options]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert part in said
    assert list(folder.iterdir()) == before


def test_a_cell_of_ones_own_is_compared_by_its_path(folder, monkeypatch, capsys) -> None:
    Path("mypkg.py").write_text(
        "import torch\nfrom seqmodels import Cell\n\n\nclass Mine(Cell):\n"
        "    def __init__(self, input_size, hidden_size):\n        super().__init__(input_size, hidden_size)\n"
        "        self.W = torch.nn.Linear(input_size + hidden_size, hidden_size)\n\n"
        "    def step(self, x, h):\n        return torch.tanh(self.W(torch.cat([x, h], -1)))\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    assert compare("--cells", "gru,mypkg:Mine", "--seeds", "1") == 0
    assert "Mine" in capsys.readouterr().out


def test_ctrl_c_keeps_what_there_is_and_the_same_command_goes_on(folder) -> None:
    code = "import sys; from seqmodels.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, "compare", "--problems", "my.txt", "--seeds", "2", *SMALL]
    command[command.index("--steps") + 1] = "200"
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while not list(Path("study").glob("trials/*/*/*/last.ckpt")):
            assert process.poll() is None
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert said.strip().endswith("stopped; the same command goes on\nreport so far: study/report/index.html")
    assert "Traceback" not in said
    assert subprocess.run(command, stdout=subprocess.PIPE, timeout=300).returncode == 0
    assert len(list(Path("study").glob("trials/*/*/*/result.json"))) == 4


def test_every_option_is_explained(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    said = capsys.readouterr().out
    options = re.findall(r"^  (--[\w-]+)(.*(?:\n {6,}.*)*)", said, re.MULTILINE)
    assert len(options) > 20
    assert [name for name, text in options if len(re.sub(r"[A-Z.,\s]+", "", text)) < 10] == []


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--cells", "gruu"], ["no cell named 'gruu'", "did you mean 'gru'?"]),
        (["--cells", "gru:resets=before"], ["neither RNN nor GRU has an option 'resets'", "'reset'"]),
        (["--problems", "xmll"], ["no problem 'xmll'", "did you mean 'xml'?"]),
        (["--problems", ","], ["--problems", "give at least one name"]),
        (["--parameters", "1e5"], ["--parameters", "'1e5': give whole numbers with commas between"]),
        (["--parameters", "1000", "--tolerance", "0.0001"], ["can't be met", "give more parameters"]),
        (["--engine", "slurm"], ["no engine 'slurm'", "local or ray"]),
        (["--address", "auto"], ["--engine ray"]),
        (["--learning-rate", "0.1,0.2"], ["learning_rate", "takes a search"]),
        (["--steps", "3", "--validations", "5"], ["3 steps can't be validated 5 times"]),
        (["--baseline", "lstm"], ["baseline lstm is none of the cells"]),
        (["--precision", "12-bit"], ["--precision", "12-bit"]),
        (["--accelerator", "abacus"], ["--accelerator", "abacus"]),
        (["--workers", "0"], ["workers is 0"]),
        (["--folder", "my.txt"], ["my.txt", "give another folder"]),
        (["--folder", "x" * 300], ["xxx", "give another folder"]),
        (["--colour"], ["--colour", "seqmodels compare --help"]),
    ],
)
def test_a_wrong_option_is_one_line(folder, options, parts, capsys) -> None:
    assert compare(*options) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    for part in parts:
        assert part in said


def test_a_wrong_accelerator_leaves_the_folder_to_the_right_one(folder) -> None:
    assert compare("--accelerator", "abacus") == 2
    assert compare("--seeds", "1", "--cells", "gru") == 0


def test_trials_that_fail_are_said_and_change_the_exit_code(folder, monkeypatch, capsys) -> None:
    Path("broken.py").write_text(
        "import torch\nfrom seqmodels import Cell\n\n\nclass Broken(Cell):\n"
        "    def __init__(self, input_size, hidden_size):\n        super().__init__(input_size, hidden_size)\n"
        "        self.W = torch.nn.Linear(input_size + hidden_size, hidden_size)\n\n"
        "    def step(self, x, h):\n        raise RuntimeError('out of order')\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    assert compare("--cells", "gru,broken:Broken", "--seeds", "1") == 1
    said, warned = capsys.readouterr()
    assert "warning: Broken: step fails: RuntimeError: out of order" in warned
    assert "my/broken.Broken/final-0: failed: CellError: Broken: step fails: RuntimeError: out of order" in said
    assert re.search(r"^1 trial failed, of broken:Broken; why: .*/error.txt; --retry-failed", said, re.MULTILINE)


def test_options_are_another_cell_and_are_added_to_a_study(folder, capsys) -> None:
    assert compare("--cells", "gru", "--seeds", "1") == 0
    capsys.readouterr()
    assert compare("--cells", "gru,gru:reset=before", "--seeds", "1") == 0
    said = capsys.readouterr().out
    assert "my/gru.reset=before/final-0" in said
    assert "my/gru/final-0" not in said


def test_literature_stands_for_all_of_its_cells(folder, capsys) -> None:
    assert compare("--cells", "lstm,literature", "--baseline", "gru") == 2
    said = capsys.readouterr().err
    assert f"the baseline gru is none of the cells: lstm, {', '.join(registry.literature_names())}\n" in said
    assert compare("--cells", "lstm,literature:zoneout=0.1", "--baseline", "gru") == 2
    assert "lstm, antisymmetric:zoneout=0.1, atr:zoneout=0.1" in capsys.readouterr().err
