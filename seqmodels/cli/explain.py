"""``seqmodels explain``: what the engine makes of a cell."""

import ast
from collections.abc import Sequence
from typing import Any

from seqmodels.cli.arguments import ArgumentParser
from seqmodels.errors import OptionError


def run(arguments: Sequence[str]) -> None:
    """Prints the report of one cell."""
    parser = ArgumentParser("seqmodels explain", description="Show what the engine makes of a cell's step.")
    parser.add_argument("cell", help="a name (seqmodels cells lists them) or package.module:Class")
    parser.add_argument("--input-size", type=int, default=256, help="features of the input (default: %(default)s)")
    parser.add_argument("--hidden-size", type=int, default=256, help="features of a state (default: %(default)s)")
    parser.add_argument("--source", action="store_true", help="show the generated C too")
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="an option of the cell, such as reset=after"
    )
    options = parser.parse_args(arguments[1:])

    from seqmodels.explaining import explain

    own = dict(_option(text) for text in options.option)
    print(explain(options.cell, options.input_size, options.hidden_size, source=options.source, **own))


def _option(text: str) -> tuple[str, Any]:
    """A value is a Python literal, or else text."""
    name, equals, value = text.partition("=")
    if not (name.isidentifier() and equals):
        raise OptionError(f"--option {text!r} is not of the form NAME=VALUE, such as reset=after")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value
