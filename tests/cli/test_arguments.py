"""The types of options: lists with commas between."""

import argparse

import pytest

from seqmodels.cli.arguments import names, numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lstm", ["lstm"]),
        ("lstm, gru,,my.cells:Mine,", ["lstm", "gru", "my.cells:Mine"]),
        ("h,sigmoid(*),c", ["h", "sigmoid(*)", "c"]),
        (r"regex:\bself\b,indentation", [r"regex:\bself\b", "indentation"]),
        ("regex:e{1,2}", ["regex:e{1,2}"]),
        ("regex:e{,2},digit,regex:e{3,}", ["regex:e{,2}", "digit", "regex:e{3,}"]),
        ("regex:(a,(b,c))d,digit", ["regex:(a,(b,c))d", "digit"]),
        (r"regex:[^],)(],regex:[\],]", ["regex:[^],)(]", r"regex:[\],]"]),
        (r"regex:\(\,\{,digit", [r"regex:\(\,\{", "digit"]),
        ("a),b,[c,d", ["a)", "b", "[c", "d"]),
    ],
)
def test_commas_within_a_pattern_do_not_part_it(text, expected):
    assert names(text) == expected


def test_whole_numbers():
    assert numbers("1, 20") == [1, 20]


@pytest.mark.parametrize("text", ["", " , "])
def test_there_must_be_a_name(text):
    with pytest.raises(argparse.ArgumentTypeError, match="at least one"):
        names(text)
