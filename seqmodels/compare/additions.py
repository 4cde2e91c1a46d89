"""A study may grow: cells and problems are added to it, and what it has trained stays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seqmodels.compare.files import check_same, plain
from seqmodels.compare.words import listing
from seqmodels.errors import OptionError


def check_grown(folder: Path, there: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Refuse options with which what a study has trained would have come out otherwise.

    More cells, more problems and another baseline change none of it.

    Args:
        folder: Of the study, for the message.
        there: The options of the study in the folder.
        asked: Those that it is to have.

    Raises:
        OptionError: If a cell or problem is missing, or anything else differs.

    Example:
        >>> there = {"cells": ["lstm"], "problems": [], "contents": {}, "seeds": 3, "baseline": "lstm"}
        >>> check_grown(Path("study"), there, there | {"cells": ["gru", "lstm"], "baseline": "gru"})
        >>> check_grown(Path("study"), there, there | {"seeds": 5})
        Traceback (most recent call last):
        seqmodels.errors.OptionError: study holds another study (its seeds is 3, here 5); give another folder
    """
    asked = plain(dict(asked))
    problems = {problem["name"]: problem for problem in asked["problems"]}
    for kind, had, has in (
        ("cell", there["cells"], asked["cells"]),
        ("problem", [problem["name"] for problem in there["problems"]], problems),
    ):
        if missing := [name for name in had if name not in has]:
            raise OptionError(
                f"{folder} holds a study that has the {kind}{'s' * (len(missing) > 1)} {listing(missing)}, too; name "
                "all that it has, and others if you like, or give another folder"
            )
    as_it_was = {
        "cells": there["cells"],
        "problems": [problems[problem["name"]] for problem in there["problems"]],
        "contents": {name: digest for name, digest in asked["contents"].items() if name in there["contents"]},
        "baseline": there["baseline"],
    }
    check_same(there, {**asked, **as_it_was}, f"{folder} holds another study")


def check_layers(folder: Path, there: list[int], asked: list[int]) -> None:
    """Refuse cells with which other numbers of layers would be tried: the search would have had other settings.

    Raises:
        OptionError: If they differ.
    """
    if there != asked:
        had, has = (listing([str(number) for number in numbers]) for numbers in (there, asked))
        raise OptionError(
            f"{folder} holds a study of models of {had} layers, but with all of these cells the parameters can be met "
            f"with {has} only; give another folder"
        )
