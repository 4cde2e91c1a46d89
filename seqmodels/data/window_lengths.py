"""How an epoch of a stream is cut into windows of truncated backpropagation."""

import numpy as np

_FULL_PROBABILITY = 0.95
_DEVIATION = 5
_SHORTEST = 5


def fixed_lengths(total: int, steps: int, drop_last: bool) -> list[int]:
    """Windows of ``steps``; a shorter last one unless ``drop_last``.

    Example:
        >>> fixed_lengths(10, 4, drop_last=True), fixed_lengths(10, 4, drop_last=False)
        ([4, 4], [4, 4, 2])
    """
    rest = [] if drop_last or total % steps == 0 else [total % steps]
    return [steps] * (total // steps) + rest


def random_lengths(total: int, steps: int, seed: int, epoch: int) -> list[int]:
    """Windows of random length that add up to ``total``, after Merity et al. (2017, section 5).

    A length is drawn around ``steps`` with probability 0.95, else around half of it, with standard deviation 5, and is
    at least 5. Unlike there, every epoch has the same number of windows, which Lightning and learning-rate schedules
    rely on: the few steps that the draws miss or exceed ``total`` by are spread over all windows.

    Example:
        >>> lengths = random_lengths(1000, 70, seed=0, epoch=3)
        >>> len(lengths), sum(lengths), min(lengths) >= 5
        (14, 1000, True)
        >>> lengths == random_lengths(1000, 70, seed=0, epoch=4)
        False
    """
    draw = np.random.default_rng([seed, epoch])
    shortest = min(_SHORTEST, steps)
    mean = max(steps * (_FULL_PROBABILITY + (1 - _FULL_PROBABILITY) / 2), shortest)
    count = max(1, int(total / mean))
    centre = np.where(draw.random(count) < _FULL_PROBABILITY, steps, steps / 2)
    lengths = np.maximum(draw.normal(centre, _DEVIATION).astype(int), shortest)
    while (missing := total - int(lengths.sum())) != 0:
        changeable = np.flatnonzero(lengths > shortest) if missing < 0 else np.arange(count)
        if not len(changeable):  # one window, of a stream shorter than the shortest
            return [total]
        chosen = draw.permutation(changeable)[: abs(missing)]
        lengths[chosen] += np.sign(missing)
    return [int(length) for length in lengths]
