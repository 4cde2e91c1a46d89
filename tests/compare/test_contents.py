"""Which changes of a file make a study another."""

import importlib
import sys
from pathlib import Path

import pytest

from seqmodels.compare import Problem
from seqmodels.compare.contents import digests

CELL = "from seqmodels import Cell\n\n\nclass Mine(Cell):\n    size = '#'\n"


@pytest.fixture
def digest(tmp_path, monkeypatch):
    """Of a cell whose file has this text."""
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "contents_cell.py"
    path.write_text(CELL)
    importlib.import_module("contents_cell")

    def write(text: str) -> str:
        path.write_text(text)
        return digests(["contents_cell:Mine"], [])["contents_cell:Mine"]

    yield write
    del sys.modules["contents_cell"]


def test_comments_empty_lines_and_spaces_at_ends_change_no_cell(digest) -> None:
    assert digest("# mine\n" + CELL.replace("\n\n\n", "\n\n").replace("'#'", "'#'  # a sign")) == digest(CELL)


@pytest.mark.parametrize("change", [("'#'", "'##'"), ("    size", "    sizes"), ("'#'", "'#' '"), ("size", "\xff(")])
def test_code_does(digest, change) -> None:
    assert digest(CELL.replace(*change)) != digest(CELL)


def test_options_behind_a_name_do_not_hide_the_file(digest) -> None:
    assert digest(CELL) == digests(["contents_cell:Mine:size=3"], [])["contents_cell:Mine:size=3"]


def test_every_byte_of_a_text_counts(tmp_path) -> None:
    path = Path(tmp_path, "my.txt")
    options = {"data_options": {"path": str(path)}}
    problem = Problem("my", "seqmodels.tasks:LanguageModel", "seqmodels.data:TextData", "loss", "min", **options)
    found = []
    for text in ("a\n", "a\n\n", "a # b\n"):
        path.write_text(text)
        found.append(digests([], [problem])[str(path)])
    assert len(set(found)) == 3
