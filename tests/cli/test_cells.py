"""``seqmodels cells``: what can be used by name, wherever it comes from."""

import importlib.metadata
import os
import subprocess
import sysconfig
from pathlib import Path

import pytest
from patience import PATIENCE

from seqmodels import cli, get_cell, registry
from seqmodels.trees import sequence_cells

VERSION = importlib.metadata.version("seqmodels")
CELLS = '''
import torch
from seqmodels import Cell

class Decay(Cell):
    """A leaky sum of the input."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = torch.nn.Linear(input_size, hidden_size, bias=False)

    def step(self, x, h):
        return 0.9 * h + self.W(x)

class Thief(Decay):
    citation = "[arxiv:1234.5678] nobody [/1]"

class Odd(Cell):
    def __init__(self, input_size, hidden_size):
        raise RuntimeError("only\\nat full moon")
'''
ENTRY_POINTS = """
[seqmodels.cells]
decay = strangers.cells:Decay
lstm = strangers.cells:Thief
thief = strangers.cells:Thief
odd = strangers.cells:Odd
broken = strangers.broken:Cell
missing = strangers.cells:Missing
number = strangers.cells:torch
"""


def rows(text: str) -> dict[str, list[str]]:
    """The table: name -> parameters, from, source."""
    # The first line has the headings.
    lines = [line for line in text.splitlines() if line.startswith("  ") and line.strip()]
    return {name: [*rest[:-1], rest[-1].strip()] for name, *rest in (line.split(None, 4) for line in lines[1:])}


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal in which nothing is folded."""
    monkeypatch.setenv("COLUMNS", "400")


@pytest.mark.usefixtures("wide")
def test_cells_are_listed_with_parameters_and_citation_those_of_the_literature_last(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cli.main(["cells"]) == 0
    shown = rows(capsys.readouterr().out)
    literature = registry.literature_names()
    first = [name for name in registry.builtin_names() if name not in literature]
    assert [name for name in shown if name in registry.builtin_names()] == [*first, *literature]
    for name in (*sequence_cells(), *literature):
        cell = get_cell(name)
        count = sum(parameter.numel() for parameter in cell(256, 256).parameters())
        assert cell.citation
        assert shown[name] == [f"{count:,}", "seqmodels", VERSION, cell.citation]


@pytest.mark.usefixtures("wide")
def test_sizes_change_the_parameter_count(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["cells", "--input-size", "3", "--hidden-size", "5"]) == 0
    text = capsys.readouterr().out
    assert rows(text)["elman"][0] == str(3 * 5 + 5 * 5 + 5)
    assert "input size 3 and hidden size 5" in text


def test_a_named_cell_is_shown_with_equations_options_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["cells", "lstm", "slstm"]) == 0
    first, second = capsys.readouterr().out.split("slstm (", 1)
    assert first.startswith("lstm (seqmodels.plugins.lstm:LSTM)\n\nLong short-term memory:\n\n    f, i, o = sigmoid(")
    assert "    forget_bias: Where b_f starts. 1 lets" in first
    assert "Source: Beck et al. 2024, arXiv 2405.04517" in second
    assert ">>>" not in first + second


def test_a_cell_without_a_docstring_and_an_unknown_one(
    site: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(site))
    assert cli.main(["cells", "strangers.cells:Thief"]) == 0
    assert capsys.readouterr().out == "strangers.cells:Thief (strangers.cells:Thief)\n\nIt has no docstring.\n"
    assert cli.main(["cells", "lstn"]) == 2
    assert "did you mean 'lstm'?" in capsys.readouterr().err


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages with one that brings good, broken and presumptuous cells."""
    site = tmp_path_factory.mktemp("site")
    (site / "strangers").mkdir()
    (site / "strangers/__init__.py").touch()
    (site / "strangers/cells.py").write_text(CELLS)
    (site / "strangers/broken.py").write_text("import a_package_that_is_not_there")
    info = site / "strangers-0.3.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: strangers\nVersion: 0.3\n")
    (info / "top_level.txt").write_text("strangers\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return site


@pytest.fixture(scope="module")
def listed(site: Path) -> subprocess.CompletedProcess[str]:
    """What the installed command says with those packages there."""
    command = str(Path(sysconfig.get_path("scripts"), "seqmodels"))
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path, "COLUMNS": "400"}
    return subprocess.run([command, "cells"], env=environment, capture_output=True, text=True, timeout=PATIENCE)


def test_a_cell_of_another_package_is_listed(listed: subprocess.CompletedProcess[str]) -> None:
    assert (listed.returncode, listed.stderr) == (0, "")
    assert rows(listed.stdout)["decay"] == ["65,536", "strangers", "0.3", "A leaky sum of the input."]


def test_brackets_in_a_citation_are_no_markup(listed: subprocess.CompletedProcess[str]) -> None:
    assert rows(listed.stdout)["thief"][-1] == "[arxiv:1234.5678] nobody [/1]"


def test_broken_cells_show_their_reasons_and_break_nothing_else(listed: subprocess.CompletedProcess[str]) -> None:
    shown = {name: " ".join(columns) for name, columns in rows(listed.stdout).items()}
    assert shown["broken"].endswith(
        "can't import strangers.broken:Cell: ModuleNotFoundError: No module named 'a_package_that_is_not_there'"
    )
    assert "AttributeError: module 'strangers.cells' has no attribute 'Missing'" in shown["missing"]
    assert shown["number"].endswith("strangers.cells:torch is no subclass of seqmodels.Cell")
    assert shown["odd"].endswith("can't be made: RuntimeError: only at full moon")
    assert set(registry.builtin_names()) <= set(shown)


def test_a_cell_that_asks_for_a_built_in_s_name_is_reported(listed: subprocess.CompletedProcess[str]) -> None:
    assert rows(listed.stdout)["lstm"][1] == "seqmodels"
    note = "asks for the name 'lstm' of a built-in cell; use it as strangers.cells:Thief"
    assert f"strangers.cells:Thief {note}\n" in listed.stdout


@pytest.mark.usefixtures("own_registry")
def test_its_path_still_reaches_it(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(site))
    assert "nobody" in get_cell("strangers.cells:Thief").citation
    assert "nobody" not in get_cell("lstm").citation
