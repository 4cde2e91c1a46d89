"""Words in a sentence."""

from __future__ import annotations

from collections.abc import Sequence


def listing(words: Sequence[str]) -> str:
    """Words as a list in a sentence.

    >>> listing(["gru", "mut1", "mut3"])
    'gru, mut1 and mut3'
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def plural(count: int, word: str) -> str:
    """A count and what is counted.

    >>> plural(1, "seed"), plural(3, "seed")
    ('1 seed', '3 seeds')
    """
    return f"{count:,} {word}{'' if count == 1 else 's'}"
