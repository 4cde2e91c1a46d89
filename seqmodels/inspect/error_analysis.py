"""What kinds of errors a character model makes: each oracle in turn takes away those that it could have avoided.

Source: Karpathy, Johnson and Fei-Fei 2015, "Visualizing and understanding recurrent networks" (arXiv:1506.02078),
section 4.4, whose oracles these are. Their order, the limits of memory, rare words and boost, and the following may
differ from the paper's, so compare shares with each other rather than with its figures:

- the n-gram models are relative frequencies in the training text, without smoothing;
- a word is a run of letters, digits and underscores, with apostrophes within; its case matters;
- the memory of a word is the text's n characters before the word;
- punctuation is what Unicode has as punctuation or symbols.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from seqmodels.errors import InputError

RIGHT = 0.5
"""A character is an error if the model gave it a lower probability."""
ORDERS = (1, 2, 3, 4, 5, 6, 7, 8, 9)
MEMORIES = (100, 500, 1000, 5000)
RARE = (0, 1, 2, 3, 4, 5)
BOOSTS = (0.1, 0.2, 0.3, 0.4, 0.5)

_WORD = re.compile(r"\w+(?:['\u2019]\w+)*")
_BEFORE_A_WORD = " \n\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"


class ErrorType(NamedTuple):
    """Errors that an oracle takes away, given what it may use, and that no oracle before it did."""

    oracle: str
    """``n-gram``, ``memory``, ``rare word``, ``word``, ``punctuation`` or ``boost``, in this order."""
    limit: float | None
    """The lowest that does: order n, characters of memory, times in the training text, or probability added."""
    errors: int
    share: float
    """Of all errors, from 0 to 1; all shares together are 1."""


class ErrorTypes(NamedTuple):
    """The errors of a text by type."""

    types: list[ErrorType]
    of: Int64[np.ndarray, " T"]
    """For each character, the place of its type in ``types``; -1 if it is no error."""

    def shares(self) -> dict[str, float]:
        """The share of errors that each oracle takes away, in the order in which they do."""
        found: dict[str, float] = {}
        for kind in self.types:
            found[kind.oracle] = found.get(kind.oracle, 0.0) + kind.share
        return found


def error_types(
    text: str, log_probabilities: Float[np.ndarray, " T"] | Float[Tensor, " T"], training_text: str
) -> ErrorTypes:
    """What kind of error each character of a text is to which the model gave a probability below 0.5.

    1. ``n-gram``: a model of n characters, n from 1 to 9, gives it 0.5 or more, so a better short memory would do.
    2. ``memory``: not the first character of a word that can be found, as a part of another or whole, in the last
       100, 500, 1000 or 5000 characters.
    3. ``rare word``: in a word that is in the training text 0 to 5 times, so more text would do.
    4. ``word``: after a space, a newline or a quote, where the next word has to be chosen.
    5. ``punctuation``: itself punctuation.
    6. ``boost``: the rest, by the probability, up to 0.1 to 0.5, that has to be added.

    Order matters: an error counts for the first oracle that takes it away, with the lowest limit that does.

    Args:
        text: T characters that the model has not been trained on.
        log_probabilities: In nats, of each character given those before it.
        training_text: What the model has been trained on.

    Raises:
        InputError: An empty text, or log-probabilities that are not one number, 0 or below, for each character.

    Example:
        >>> found = error_types("a cat and a cot", np.log([0.9] * 8 + [0.2] + [0.9] * 4 + [0.4, 0.9]), "a cat or two")
        >>> {oracle: share for oracle, share in found.shares().items() if share}
        {'rare word': 1.0}
    """
    log_p = torch.as_tensor(log_probabilities, dtype=torch.float64).detach().cpu().numpy()
    _check(text, log_p, training_text)
    errors = log_p < np.log(RIGHT)
    after_a_word = np.array([False] + [character in _BEFORE_A_WORD for character in text[:-1]])
    oracles: list[tuple[str, Sequence[float | None], np.ndarray]] = [
        ("n-gram", ORDERS, _lowest_order(text, training_text)),
        ("memory", MEMORIES, _nearest_mention(text)),
        ("rare word", RARE, _times_seen(text, training_text)),
        ("word", (None,), np.where(after_a_word, 0, 1)),
        ("punctuation", (None,), np.where(_punctuation(text), 0, 1)),
        ("boost", BOOSTS, np.searchsorted(BOOSTS, RIGHT - np.exp(log_p))),
    ]
    of = np.full(len(text), -1)
    types: list[ErrorType] = []
    for oracle, limits, lowest in oracles:
        for place, limit in enumerate(limits):
            taken = errors & (of == -1) & (lowest == place)
            of[taken] = len(types)
            types.append(ErrorType(oracle, limit, int(taken.sum()), int(taken.sum()) / max(int(errors.sum()), 1)))
    return ErrorTypes(types, of)


def _check(text: str, log_p: Float[np.ndarray, "..."], training_text: str) -> None:
    for what, given in {"text": text, "training_text": training_text}.items():
        if not given:
            raise InputError(f"{what} is empty; give a text")
    if log_p.shape != (len(text),):
        raise InputError(
            f"log_probabilities have shape {list(log_p.shape)}; give one for each of the text's {len(text)} characters"
        )
    wrong = ~(log_p <= 1e-3)  # rounding
    if wrong.any():
        place = int(wrong.argmax())
        raise InputError(
            f"log_probabilities[{place}] is {log_p[place]:g}; give logarithms of probabilities, 0 or below"
        )


# --- oracles: for each character the place of the lowest limit that takes its error away; past the last for none ----


def _lowest_order(text: str, training_text: str) -> Int64[np.ndarray, " T"]:
    """Of the n-gram models that give each character 0.5 or more.

    Of the training text only those places are followed from one order to the next whose n-gram the text has, too.
    """
    both = np.frombuffer((training_text + text).encode("utf-32-le", "surrogatepass"), np.uint32)
    _, characters = np.unique(both, return_inverse=True)
    different = int(characters.max()) + 1
    trained, read = characters[: len(training_text)], characters[len(training_text) :]
    lowest = np.full(len(text), len(ORDERS))
    # Places that have n - 1 characters before them, and these characters as a number, the same for both texts.
    places, contexts = np.arange(len(read)), np.zeros(len(read), dtype=np.int64)
    seen, seen_contexts = np.arange(len(trained)), np.zeros(len(trained), dtype=np.int64)
    for number in range(len(ORDERS)):
        keys, grams = np.unique(contexts * different + read[places], return_inverse=True)
        seen_keys = seen_contexts * different + trained[seen]
        seen_grams = np.searchsorted(keys, seen_keys).clip(max=len(keys) - 1)
        is_in_text = keys[seen_grams] == seen_keys
        times = np.bincount(seen_grams[is_in_text], minlength=len(keys))
        times_of_context = np.bincount(seen_contexts, minlength=int(contexts.max()) + 1)
        enough = (times[grams] > 0) & (times[grams] >= RIGHT * times_of_context[contexts])
        lowest[places[enough]] = np.minimum(lowest[places[enough]], number)
        if len(places) == 1:
            break
        places, contexts = places[:-1] + 1, grams[:-1]
        goes_on = is_in_text & (seen + 1 < len(trained))
        seen, seen_contexts = seen[goes_on] + 1, seen_grams[goes_on]
    return lowest


def _nearest_mention(text: str) -> Int64[np.ndarray, " T"]:
    """Of the memories, in characters before a word, in which the word is found; not for its first character."""
    lowest = np.full(len(text), len(MEMORIES))
    for word in _WORD.finditer(text):
        start, end = word.span()
        found = text.rfind(word[0], max(0, start - MEMORIES[-1]), start)
        if found >= 0:
            lowest[start + 1 : end] = np.searchsorted(MEMORIES, start - found)
    return lowest


def _times_seen(text: str, training_text: str) -> Int64[np.ndarray, " T"]:
    """How often the word that each character is in is in the training text."""
    times = Counter(_WORD.findall(training_text))
    seen = np.full(len(text), len(RARE))
    for word in _WORD.finditer(text):
        seen[word.start() : word.end()] = min(times[word[0]], len(RARE))
    return seen


def _punctuation(text: str) -> Bool[np.ndarray, " T"]:
    return np.array([unicodedata.category(character)[0] in "PS" for character in text])
