"""seqmodels explain: the report, and one line for a mistake."""

import pytest

from seqmodels.cli import main


def test_it_prints_the_report(capsys):
    assert main(["explain", "gru", "--input-size", "5", "--hidden-size", "7", "--option", "reset=after"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("gru: 5 inputs, 7 units\n")
    assert "At every step\n  stage 1 " in shown


def test_it_prints_the_source_if_asked(capsys):
    assert main(["explain", "mut3", "--source"]) == 0
    assert "static void phase_0_1_0(" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["ltsm"], ["no cell", "lstm"]),
        (["gru", "--option", "reset"], ["'reset'", "NAME=VALUE"]),
        (["gru", "--option", "rest=after"], ["'rest'", "'reset'"]),
        (["gru", "--hidden-size", "0"], ["hidden_size must be a positive integer"]),
    ],
)
def test_a_mistake_is_one_line(arguments, parts, capsys):
    assert main(["explain", *arguments]) == 2
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    for part in parts:
        assert part in shown
