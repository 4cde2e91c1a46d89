"""Command-line arguments whose mistakes are one line."""

import argparse
from typing import Any, NoReturn

from seqmodels.errors import OptionError


def names(text: str) -> list[str]:
    """The type of an option that is a list of names with commas between."""
    found = [name.strip() for name in text.split(",") if name.strip()]
    if not found:
        raise argparse.ArgumentTypeError("give at least one name")
    return found


def numbers(text: str) -> list[int]:
    """The type of an option that is a list of whole numbers with commas between."""
    return [int(name) for name in names(text)]


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


class ArgumentParser(argparse.ArgumentParser):
    """argparse that raises OptionError instead of printing its usage and leaving."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message} (see {self.prog} --help)")
