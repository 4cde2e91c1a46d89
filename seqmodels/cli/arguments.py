"""Command-line arguments whose mistakes are one line."""

import argparse
import re
from pathlib import Path
from typing import Any, NoReturn

from seqmodels.errors import OptionError

# What a comma may be within: an escape, a set of characters, a number of repetitions; else any one character.
_WHOLE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d*,\d*\}|.", re.DOTALL)


def names(text: str) -> list[str]:
    r"""The type of an option that is a list of names, or of patterns, with commas between.

    A comma within a regular expression's brackets, or after a backslash, is part of the expression.

    Example:
        >>> names(r"digit, regex:\w{2,}\,?(a,b)*,h")
        ['digit', 'regex:\\w{2,}\\,?(a,b)*', 'h']
    """
    parts, depth = [""], 0
    for piece in _WHOLE.findall(text):
        depth = max(0, depth + (piece == "(") - (piece == ")"))
        if piece == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += piece
    found = [part.strip() for part in parts if part.strip()]
    if not found:
        raise argparse.ArgumentTypeError("give at least one name")
    return found


def numbers(text: str) -> list[int]:
    """The type of an option that is a list of whole numbers with commas between."""
    try:
        return [int(name) for name in names(text)]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: give whole numbers with commas between") from error


def imported_cell(name: str) -> str:
    """The type of ``--cell``: imports the module of a cell, which a checkpoint then may name."""
    from seqmodels.registry import get_cell

    get_cell(name)
    return name


CELL: dict[str, Any] = {
    "type": imported_cell,
    "action": "append",
    "metavar": "MODULE:CLASS",
    "help": "the cell of the checkpoint where it is a class of your own, not installed as a cell",
}
"""``add("--cell", **CELL)`` is for every command that is given checkpoints: they import nothing by themselves."""

SERIES: dict[str, Any] = {
    "type": Path,
    "nargs": "+",
    "action": "extend",
    "default": [],
    "help": "files .npy, each an array [T, I] as it was measured, or of many series, such as .ts",
}
"""``add("--series", **SERIES)`` is for the commands that read series."""


class ArgumentParser(argparse.ArgumentParser):
    """argparse that raises OptionError instead of printing its usage and leaving."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message} (see {self.prog} --help)")
