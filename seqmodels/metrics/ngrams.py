"""Runs of n tokens, counted."""

from collections import Counter
from collections.abc import Hashable, Sequence

Ngram = tuple[Hashable, ...]


def count_ngrams(tokens: Sequence[Hashable], most: int) -> Counter[Ngram]:
    """How often each n-gram occurs, n from 1 to ``most``.

    Example:
        >>> dict(count_ngrams(("a", "b", "a"), 2))
        {('a',): 2, ('b',): 1, ('a', 'b'): 1, ('b', 'a'): 1}
    """
    counts: Counter[Ngram] = Counter()
    for n in range(1, most + 1):
        counts.update(zip(*(tokens[start:] for start in range(n)), strict=False))  # the shifted ones are shorter
    return counts
