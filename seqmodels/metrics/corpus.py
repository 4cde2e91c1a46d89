"""Candidates beside their references, and what a metric says of them."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from seqmodels.errors import DataError, InputError

Key = Hashable
Tokens = Sequence[Hashable]
"""The tokens of a caption: words, or numbers of a vocabulary."""
Caption = str | Tokens
"""A text, to be split into tokens, or the tokens themselves."""
Candidates = Mapping[Any, Caption] | Sequence[Caption]
"""A caption for each key (hashable); a sequence has the keys 0, 1, ..."""
References = Mapping[Any, Sequence[Caption]] | Sequence[Sequence[Caption]]
"""One or more captions for each key; a sequence has the keys 0, 1, ..."""
Tokenizer = Callable[[str], Sequence[str]]


@dataclass(frozen=True)
class CorpusScore:
    """What a metric says of a corpus.

    Attributes:
        score: Of the corpus.
        scores: Of each candidate, by its key.
    """

    score: float
    scores: dict[Key, float]


class Pair(NamedTuple):
    """The tokens of a candidate and of its references."""

    candidate: tuple[Hashable, ...]
    references: tuple[tuple[Hashable, ...], ...]


def paired(candidates: Candidates, references: References, tokenize: Tokenizer) -> dict[Key, Pair]:
    """The tokens of every candidate beside those of its references, in the candidates' order.

    Raises:
        InputError: ``candidates`` or ``references`` is one string.
        DataError: A candidate without references or the reverse, something else than captions, or nothing at all.
    """
    by_key, references_by_key = _by_key(candidates, "candidates"), tokenized_references(references, tokenize)
    for key in by_key:
        if key not in references_by_key:
            raise DataError(f"candidate {key!r} has no references; give both the same keys")
    for key in references_by_key:
        if key not in by_key:
            raise DataError(f"references {key!r} have no candidate; give both the same keys")
    return {
        key: Pair(_tokens(caption, f"candidate {key!r}", tokenize), references_by_key[key])
        for key, caption in by_key.items()
    }


def tokenized(candidates: Candidates, tokenize: Tokenizer) -> dict[Key, tuple[Hashable, ...]]:
    """The tokens of every caption; errors as :func:`paired`."""
    by_key = _by_key(candidates, "candidates")
    return {key: _tokens(caption, f"candidate {key!r}", tokenize) for key, caption in by_key.items()}


def tokenized_references(references: References, tokenize: Tokenizer) -> dict[Key, tuple[tuple[Hashable, ...], ...]]:
    """The tokens of every reference; errors as :func:`paired`."""
    found = {}
    for key, captions in _by_key(references, "references").items():
        if isinstance(captions, str) or not isinstance(captions, Sequence):
            raise DataError(f"references {key!r} are {type(captions).__name__}; give a list of captions")
        if not captions:
            raise DataError(f"references {key!r} are an empty list; give one caption or more, or leave the key out")
        found[key] = tuple(_tokens(caption, f"a reference of {key!r}", tokenize) for caption in captions)
    return found


def mean(scores: Mapping[Key, float]) -> CorpusScore:
    """The corpus score is the mean over the captions."""
    return CorpusScore(sum(scores.values()) / len(scores), dict(scores))


def _by_key(captions: object, name: str) -> Mapping[Key, object]:
    if isinstance(captions, str) or not isinstance(captions, Mapping | Sequence):
        raise InputError(f"{name} is {type(captions).__name__}; give a mapping from keys, or a list")
    if not captions:
        raise DataError(f"{name} is empty; there is nothing to score")
    return captions if isinstance(captions, Mapping) else dict(enumerate(captions))


def _tokens(caption: object, name: str, tokenize: Tokenizer) -> tuple[Hashable, ...]:
    if isinstance(caption, str):
        return tuple(tokenize(caption))
    if isinstance(caption, Sequence):
        return tuple(caption)
    raise DataError(f"{name} is {type(caption).__name__}; give a string, or a list of tokens")
