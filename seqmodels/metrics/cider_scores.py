"""CIDEr and CIDEr-D: how alike a caption and its references are in what is rare in the corpus."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from seqmodels.errors import InputError, OptionError
from seqmodels.metrics.caption_tokens import tokenize_caption
from seqmodels.metrics.corpus import (
    Candidates,
    CorpusScore,
    References,
    Tokenizer,
    Tokens,
    mean,
    paired,
    tokenized_references,
)
from seqmodels.metrics.ngrams import Ngram, count_ngrams

_ORDER = 4  # n-grams of 1 to 4 tokens
_SCALE = 10.0


class CiderD:
    """CIDEr-D with the document frequencies of one corpus, for any number of batches; the reward of self-critical
    training.

    A document is the references of one image. N-grams that are in no document count as if they were in one.

    Args:
        references: The corpus whose documents are counted: one or more captions for each key.
        sigma: Width in tokens of the Gaussian by which a difference in length counts; above 0.
        tokenize: Splits the captions that are strings; lists of tokens are taken as they are, also numbers.

    Attributes:
        frequencies: In how many documents each n-gram is, n from 1 to 4.
        documents: How many there are.

    Raises:
        OptionError: ``sigma`` isn't above 0.
        DataError: Something else than captions in ``references``.

    Source: Vedantam et al. 2015, section 4; Rennie et al. 2017, "Self-critical sequence training".

    Example:
        >>> scorer = CiderD({1: ["a black dog"], 2: ["two cats"], 3: ["the red bus"]})
        >>> candidates = [("a", "black", "dog"), ("two", "dogs")]
        >>> scorer.score(candidates, [[("a", "black", "dog")], [("two", "cats")]]).round(2).tolist()
        [7.5, 1.25]
    """

    def __init__(self, references: References, sigma: float = 6.0, tokenize: Tokenizer = tokenize_caption) -> None:
        documents = tokenized_references(references, tokenize)
        frequencies: Counter[Ngram] = Counter()
        for captions in documents.values():
            frequencies.update({ngram for tokens in captions for ngram in count_ngrams(tokens, _ORDER)})
        self._set(frequencies, len(documents), sigma)

    @classmethod
    def from_frequencies(cls, frequencies: Mapping[Ngram, int], documents: int, sigma: float = 6.0) -> CiderD:
        """With document frequencies that were counted before.

        Args:
            frequencies: In how many documents each n-gram (a tuple of tokens) is, from 1 to ``documents``.
            documents: How many there are.
            sigma: See the class.

        Raises:
            OptionError: A frequency, or ``sigma``, is out of range.
        """
        if documents < 1:
            raise OptionError(f"documents must be 1 or more, not {documents}")
        for ngram, frequency in frequencies.items():
            if not 1 <= frequency <= documents:
                raise OptionError(f"frequencies[{ngram!r}] is {frequency}; use 1 to documents, {documents}")
        scorer = cls.__new__(cls)
        scorer._set(frequencies, documents, sigma)
        return scorer

    def _set(self, frequencies: Mapping[Ngram, int], documents: int, sigma: float) -> None:
        if not sigma > 0:
            raise OptionError(f"sigma must be above 0, not {sigma}")
        self.frequencies, self.documents, self._sigma = dict(frequencies), documents, sigma
        self._highest = math.log(documents)

    def score(self, candidates: Sequence[Tokens], references: Sequence[Sequence[Tokens]]) -> Float[np.ndarray, " N"]:
        """CIDEr-D of N captions, from 0 to 10 [N].

        Args:
            candidates: The tokens of each caption.
            references: The tokens of one or more captions for each candidate; several candidates of the same image may
                share one list, which is then read once.

        Raises:
            InputError: Not as many lists of references as candidates, an empty list, or text instead of tokens.
        """
        if len(candidates) != len(references):
            raise InputError(f"{len(candidates)} candidates but {len(references)} lists of references; give as many")
        references = list(references)  # alive, so that an id is of one
        read: dict[int, _References] = {}
        found = np.zeros(len(candidates))
        for number, (candidate, those) in enumerate(zip(candidates, references, strict=True)):
            if id(those) not in read:
                read[id(those)] = self._read(those, number)
            _check_tokens(candidate, f"candidates[{number}]")
            found[number] = _similarity(self._vector(candidate), read[id(those)], self._sigma)
        return found

    def _read(self, references: Sequence[Tokens], number: int) -> _References:
        if not len(references):
            raise InputError(f"references[{number}] is empty; give one caption or more")
        for tokens in references:
            _check_tokens(tokens, f"references[{number}]")
        return _References([self._vector(tokens) for tokens in references])

    def _vector(self, tokens: Tokens) -> _Vector:
        weights, squares = {}, [0.0] * _ORDER
        for ngram, count in count_ngrams(tokens, _ORDER).items():
            weights[ngram] = weight = count * (self._highest - math.log(self.frequencies.get(ngram, 1)))
            squares[len(ngram) - 1] += weight * weight
        return _Vector(weights, [math.sqrt(square) for square in squares], max(0, len(tokens) - 1))


class _Vector(NamedTuple):
    """A caption: the weight of each n-gram, the norms by n, and its length, which the original counts in bigrams."""

    weights: dict[Ngram, float]
    norms: list[float]
    length: int


class _References:
    """N-gram -> the references it is in, with its weights there: most n-grams of a candidate are in none."""

    def __init__(self, vectors: Sequence[_Vector]) -> None:
        self.norms, self.lengths = [vector.norms for vector in vectors], [vector.length for vector in vectors]
        self.places: dict[Ngram, list[tuple[int, float]]] = {}
        for number, vector in enumerate(vectors):
            for ngram, weight in vector.weights.items():
                if ngram in self.places:
                    self.places[ngram].append((number, weight))
                else:
                    self.places[ngram] = [(number, weight)]


def _similarity(candidate: _Vector, references: _References, sigma: float | None) -> float:
    """Mean cosine over references and n; with ``sigma``, with clipped weights and the penalty on lengths."""
    products = [[0.0] * _ORDER for _ in references.norms]
    for ngram in candidate.weights.keys() & references.places.keys():
        weight, n = candidate.weights[ngram], len(ngram) - 1
        for number, other in references.places[ngram]:
            products[number][n] += (other if sigma is not None and other < weight else weight) * other
    total = 0.0
    for row, norms, length in zip(products, references.norms, references.lengths, strict=True):
        cosines = sum(
            product / (norm * other)
            for product, norm, other in zip(row, candidate.norms, norms, strict=True)
            if norm and other
        )
        if sigma is not None:
            cosines *= math.exp(-((candidate.length - length) ** 2) / (2 * sigma**2))
        total += cosines
    return _SCALE * total / _ORDER / len(references.norms)


def _check_tokens(tokens: object, name: str) -> None:
    if isinstance(tokens, str):
        raise InputError(f"{name} has the text {tokens[:40]!r}; give its tokens, as of tokenize_caption")


def cider_d(
    candidates: Candidates,
    references: References,
    sigma: float = 6.0,
    scorer: CiderD | None = None,
    tokenize: Tokenizer = tokenize_caption,
) -> CorpusScore:
    """CIDEr-D, from 0 to 10: what the COCO caption evaluation calls CIDEr, and papers report (times 100).

    The mean over the references and over n from 1 to 4 of the cosine between vectors of the n-grams' counts, each times
    the logarithm of how rare it is; with the candidate's weights clipped to the reference's, and a Gaussian penalty on
    a difference in length. The corpus score is the mean over the candidates. With the references of a single image
    nothing is rare, so everything is 0.

    Args:
        candidates: A caption for each key.
        references: One or more captions for each key; document frequencies are counted here, so a part of a corpus
            gets other scores than the whole.
        sigma: Width in tokens of the Gaussian; above 0. Unused with ``scorer``.
        scorer: Document frequencies (and ``sigma``) of another corpus instead.
        tokenize: Splits the captions that are strings; lists of tokens are taken as they are.

    Raises:
        OptionError: ``sigma`` isn't above 0.
        DataError: A candidate without references, or the reverse.

    Source: Vedantam et al. 2015, section 4, without its stemming; github.com/tylin/coco-caption, ``cider_scorer.py``,
    with whose numbers it agrees.

    Example:
        >>> references = {1: ["A black dog.", "A dog runs."], 2: ["Two cats sleep."]}
        >>> round(cider_d({1: "a dog runs fast", 2: "two cats sleep"}, references).score, 2)
        5.58
    """
    pairs = paired(candidates, references, tokenize)
    if scorer is None:
        scorer = CiderD({key: pair.references for key, pair in pairs.items()}, sigma)
    scores = scorer.score([pair.candidate for pair in pairs.values()], [pair.references for pair in pairs.values()])
    return mean(dict(zip(pairs, scores.tolist(), strict=True)))


def cider(candidates: Candidates, references: References, tokenize: Tokenizer = tokenize_caption) -> CorpusScore:
    """CIDEr of the paper's equations 2 and 3, times 10: cosines alone, without the clipping and the penalty of CIDEr-D.

    Not what the COCO caption evaluation calls CIDEr; see :func:`cider_d`. Words aren't stemmed here.

    Args:
        candidates: A caption for each key.
        references: One or more captions for each key.
        tokenize: Splits the captions that are strings; lists of tokens are taken as they are.

    Raises:
        DataError: A candidate without references, or the reverse.

    Source: Vedantam et al. 2015, section 3.

    Example:
        >>> references = {1: ["A black dog.", "A dog runs."], 2: ["Two cats sleep."]}
        >>> round(cider({1: "a dog runs fast", 2: "two cats sleep"}, references).score, 2)
        5.6
    """
    pairs = paired(candidates, references, tokenize)
    corpus = CiderD({key: pair.references for key, pair in pairs.items()})
    return mean(
        {
            key: _similarity(corpus._vector(pair.candidate), corpus._read(pair.references, 0), None)
            for key, pair in pairs.items()
        }
    )
