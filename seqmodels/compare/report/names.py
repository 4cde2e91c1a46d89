"""How cells and numbers are written, everywhere in a report the same."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import fields

from seqmodels.compare.results import Settings

NOTHING = "\N{EN DASH}"  # where there is no number
_MINUS = "\N{MINUS SIGN}"
SETTINGS = {field.name: field.name.removeprefix("num_").replace("_", " ") for field in fields(Settings)}
"""What a reader calls each setting."""


def short_names(cells: Iterable[str]) -> dict[str, str]:
    """What each cell is called in a report: the class of ``package.module:Class``, unless two would be called the same.

    Options behind a name are part of it.

    >>> short_names(["lstm", "mypkg.cells:Fast", "mypkg.cells:Gru", "other:Gru"])
    {'lstm': 'lstm', 'mypkg.cells:Fast': 'Fast', 'mypkg.cells:Gru': 'mypkg.cells:Gru', 'other:Gru': 'other:Gru'}
    """
    cells = list(dict.fromkeys(cells))
    short = {cell: _without_module(cell) for cell in cells}
    count = Counter(short.values())
    return {cell: name if count[name] == 1 else cell for cell, name in short.items()}


def _without_module(cell: str) -> str:
    parts = cell.split(":")
    return ":".join(parts[1:] if len(parts) > 1 and "=" not in parts[1] else parts)


def decimals_for(spread: float, largest: float) -> int:
    """Decimals that give two digits of an uncertainty; four digits of the largest number where there is none.

    >>> decimals_for(0.0123, 1.5), decimals_for(math.nan, 151.23), decimals_for(30.0, 151.23)
    (3, 1, 0)
    """
    scale, digits = (spread, 2) if math.isfinite(spread) and spread > 0 else (largest, 4)
    if not math.isfinite(scale) or scale == 0:
        return 3
    return min(max(digits - 1 - math.floor(math.log10(abs(scale))), 0), 5)


def fixed(value: float | None, decimals: int) -> str:
    """A number with that many decimals and a true minus.

    >>> fixed(-0.0123, 3), fixed(None, 3), fixed(float("nan"), 3)
    ('−0.012', '–', '–')
    """
    return NOTHING if value is None or not math.isfinite(value) else f"{value:,.{decimals}f}".replace("-", _MINUS)


def signed(value: float | None, decimals: int) -> str:
    """As :func:`fixed`, with a plus where it is above 0.

    >>> signed(0.0123, 3)
    '+0.012'
    """
    return NOTHING if value is None or not math.isfinite(value) else f"{value:+,.{decimals}f}".replace("-", _MINUS)


def probability(p: float | None) -> str:
    """A p value as papers write it.

    >>> probability(0.0123), probability(0.0004), probability(0.3), probability(None)
    ('0.01', '<0.001', '0.30', '–')
    """
    if p is None or not math.isfinite(p):
        return NOTHING
    if p < 0.001:
        return "<0.001"
    return f"{p:.3f}" if p < 0.0095 or 0.045 <= p < 0.055 else f"{p:.2f}"


def duration(seconds: float) -> str:
    """A time as a person says it.

    >>> duration(7.25), duration(95), duration(7260)
    ('7.2 s', '1 min 35 s', '2 h 1 min')
    """
    if not math.isfinite(seconds):
        return NOTHING
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def compact(count: float) -> str:
    """A large number in three digits.

    >>> compact(123456), compact(1234567), compact(950)
    ('123k', '1.23M', '950')
    """
    if not math.isfinite(count):
        return NOTHING
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size * 0.9995:
            return f"{count / size:.3g}{unit}"
    return f"{count:.0f}"
