"""BLEU as the COCO caption evaluation has it."""

import math
from collections.abc import Sequence

from seqmodels.errors import OptionError
from seqmodels.metrics.caption_tokens import tokenize_caption
from seqmodels.metrics.corpus import Candidates, CorpusScore, Pair, References, Tokenizer, paired
from seqmodels.metrics.ngrams import Ngram, count_ngrams

# Of the original: no division by zero, and nearly 0 for what has no match.
_TINY, _SMALL = 1e-15, 1e-9


def bleu(
    candidates: Candidates, references: References, order: int = 4, tokenize: Tokenizer = tokenize_caption
) -> tuple[CorpusScore, ...]:
    """BLEU-1 to BLEU-``order``, each from 0 to 1: how many n-grams of the candidates are in their references.

    The corpus score is of the counts of all candidates together, not the mean of the candidates' scores. The brevity
    penalty takes the reference whose length is closest, of two the shorter one.

    Args:
        candidates: A caption for each key.
        references: One or more captions for each key.
        order: Longest n-grams, 1 or more.
        tokenize: Splits the captions that are strings; lists of tokens are taken as they are.

    Raises:
        OptionError: ``order`` below 1.
        DataError: A candidate without references, or the reverse.

    Source: Papineni et al. 2002; github.com/tylin/coco-caption, ``bleu_scorer.py``, with whose numbers it agrees.

    Example:
        >>> scores = bleu(["A dog runs."], [["A dog runs!", "The dog ran."]], order=2)
        >>> [round(found.score, 3) for found in scores]
        [1.0, 1.0]
    """
    if order < 1:
        raise OptionError(f"order must be 1 or more, not {order}")
    pairs = paired(candidates, references, tokenize)
    counts = {key: _counts(pair, order) for key, pair in pairs.items()}
    totals = [sum(column) for column in zip(*counts.values(), strict=True)]
    corpus = _scores(totals, order)
    single = {key: _scores(one, order) for key, one in counts.items()}
    return tuple(CorpusScore(corpus[k], {key: found[k] for key, found in single.items()}) for k in range(order))


def _counts(pair: Pair, order: int) -> list[int]:
    """Lengths of the candidate and of the closest reference, n-grams that match, n-grams."""
    length = len(pair.candidate)
    closest = min((abs(len(reference) - length), len(reference)) for reference in pair.references)[1]
    most: dict[Ngram, int] = {}
    for reference in pair.references:
        for ngram, count in count_ngrams(reference, order).items():
            most[ngram] = max(most.get(ngram, 0), count)
    matches = [0] * order
    for ngram, count in count_ngrams(pair.candidate, order).items():
        matches[len(ngram) - 1] += min(count, most.get(ngram, 0))
    return [length, closest, *matches, *(max(0, length - n) for n in range(order))]


def _scores(counts: Sequence[int], order: int) -> list[float]:
    length, closest = counts[:2]
    ratio = (length + _TINY) / (closest + _SMALL)
    penalty = math.exp(1 - 1 / ratio) if ratio < 1 else 1.0
    product, found = 1.0, []
    for k, (matches, all_of_them) in enumerate(zip(counts[2 : 2 + order], counts[2 + order :], strict=True), 1):
        product *= (matches + _TINY) / (all_of_them + _SMALL)
        found.append(penalty * product ** (1 / k))
    return found
