"""Command-line arguments whose mistakes are one line."""

import argparse
from typing import NoReturn

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


class ArgumentParser(argparse.ArgumentParser):
    """argparse that raises OptionError instead of printing its usage and leaving."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message} (see {self.prog} --help)")
