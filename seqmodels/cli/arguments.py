"""Command-line arguments whose mistakes are one line."""

import argparse
from typing import NoReturn

from seqmodels.errors import OptionError


class ArgumentParser(argparse.ArgumentParser):
    """argparse that raises OptionError instead of printing its usage and leaving."""

    def error(self, message: str) -> NoReturn:
        raise OptionError(f"{message} (see {self.prog} --help)")
