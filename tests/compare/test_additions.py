"""What may be added to a study, and what makes it another."""

from typing import Any

import pytest

from seqmodels.compare.additions import check_grown, check_layers
from seqmodels.errors import OptionError

THERE: dict[str, Any] = {
    "cells": ["lstm", "my:Cell"],
    "problems": [{"name": "xml", "seeded": True}],
    "seeds": 3,
    "baseline": "lstm",
    "contents": {"my:Cell": "abc"},
}


def test_more_cells_and_problems_in_any_order_and_another_baseline_are_no_other_study(tmp_path) -> None:
    asked = {
        "cells": ["gru", "my:Cell", "lstm", "your:Cell"],
        "problems": [{"name": "my", "seeded": False}, {"name": "xml", "seeded": True}],
        "baseline": "gru",
        "contents": {"my:Cell": "abc", "your:Cell": "def"},
    }
    check_grown(tmp_path, THERE, {**THERE, **asked})


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ({"cells": ["gru"]}, "that has the cells lstm and my:Cell, too; name all that it has"),
        ({"problems": [{"name": "my", "seeded": True}]}, "that has the problem xml, too"),
        ({"problems": [{"name": "xml", "seeded": False}]}, "another study"),
        ({"seeds": 5}, "its seeds is 3, here 5"),
        ({"contents": {"my:Cell": "abd"}}, "its contents.my:Cell is abc, here abd"),
        ({"contents": {}}, "its contents.my:Cell is abc, here None"),
    ],
)
def test_anything_else_is_another_study(asked, part, tmp_path, one_line) -> None:
    with one_line(OptionError, str(tmp_path), part, "give another folder"):
        check_grown(tmp_path, THERE, {**THERE, **asked})


def test_cells_that_would_change_what_is_tried_are_refused(tmp_path, one_line) -> None:
    check_layers(tmp_path, [1, 2], [1, 2])
    with one_line(OptionError, "of 1 and 2 layers", "with 1 only", "give another folder"):
        check_layers(tmp_path, [1, 2], [1])
