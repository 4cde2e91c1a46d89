"""Additions to work out, character by character."""

from collections.abc import Iterator

import numpy as np

from seqmodels.data.pairs.pair import Pair
from seqmodels.data.position import check_positive, check_seed
from seqmodels.errors import OptionError

_MOST_DIGITS = 17  # the sum still fits into 64 bits


def addition_pairs(digits: int = 3, examples: int = 20_000, seed: int = 0) -> Iterator[Pair]:
    """``12+345=`` and ``357``: two numbers of 1 to ``digits`` digits, each number of digits equally likely.

    No addition comes twice, and 12+345 is in the same split as 345+12.

    Args:
        digits: the most digits of a number, 1 to 17.
        examples: how many are drawn; those drawn before are left out, so with few digits there are fewer.
        seed: another one draws others.

    Raises:
        OptionError: an option out of range.

    Source: Zaremba and Sutskever 2014, "Learning to execute", its addition task.

    Example:
        >>> [(pair.source, pair.target) for pair in addition_pairs(examples=2)]
        [('377+13=', '390'), ('16+0=', '16')]
    """
    check_positive(digits=digits, examples=examples)
    check_seed(seed)
    if digits > _MOST_DIGITS:
        raise OptionError(f"digits is {digits}; use 1 to {_MOST_DIGITS}")
    draw = np.random.default_rng(seed)
    power = 10 ** draw.integers(1, digits + 1, (examples, 2))
    numbers = draw.integers(np.where(power == 10, 0, power // 10), power)
    for number, (left, right) in enumerate(dict.fromkeys(map(tuple, numbers.tolist())), 1):
        key = "+".join(map(str, sorted((left, right))))
        yield Pair(f"{left}+{right}=", str(left + right), f"addition {number}", key)
