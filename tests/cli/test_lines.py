"""Lines that commands read from files, pipes and terminals."""

import io
import sys

import pytest

from seqmodels.cli.lines import lines_of


@pytest.mark.parametrize("typed", [True, False])
def test_who_is_to_type_is_told_so_before_anything_is_waited_for(typed, monkeypatch, capsys):
    said = []

    class Terminal(io.BytesIO):
        def __next__(self):
            said.append(capsys.readouterr().err)
            return super().__next__()

    stdin = io.TextIOWrapper(Terminal(b"one\ntwo\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    monkeypatch.setattr(stdin, "isatty", lambda: typed)
    assert list(lines_of(None)) == ["one", "two"]
    expected = "seqmodels: waits for lines from the terminal; Ctrl-D ends them\n" if typed else ""
    assert said == [expected, "", ""]
