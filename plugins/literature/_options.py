"""Options of cells that are numbers within bounds."""

from seqmodels.errors import OptionError


def at_least(least: int, cell: str, **options: int | None) -> None:
    """``at_least(1, "rhn", depth=depth)``: an error of one line if it is less; None is let through."""
    for name, number in options.items():
        if number is not None and number < least:
            raise OptionError(f"{cell}: {name} must be at least {least}, not {number}")
