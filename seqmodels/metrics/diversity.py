"""How varied captions are, how good the best of several is, and how many are a reference word for word."""

from collections.abc import Mapping, Sequence
from typing import Literal

from seqmodels.errors import InputError, OptionError
from seqmodels.metrics.caption_tokens import tokenize_caption
from seqmodels.metrics.corpus import Candidates, CorpusScore, Key, References, Tokenizer, mean, paired, tokenized


def distinct(
    captions: Candidates, n: int, per: Literal["words", "ngrams"] = "words", tokenize: Tokenizer = tokenize_caption
) -> float:
    """Distinct-n, from 0 to 1: the different n-grams of all captions together, divided by what ``per`` says.

    Args:
        captions: Captions of a corpus or, as for diverse beam search, of one image.
        n: Tokens of an n-gram, 1 or more.
        per: ``"words"``, the number of all tokens, in Li et al. 2016 and in Vijayakumar et al. 2018 (diverse beam
            search); or ``"ngrams"``, the number of all n-grams, as later work has it. For n = 1 they are the same.
        tokenize: Splits the captions that are strings; lists of tokens are taken as they are.

    Returns:
        0 if there isn't any n-gram.

    Raises:
        OptionError: ``n`` below 1, or another ``per``.
        DataError: No captions, or something else.

    Source: Li et al. 2016, "A diversity-promoting objective function for neural conversation models", section 5.

    Example:
        >>> captions = ["a dog runs", "a dog sits"]
        >>> distinct(captions, 2), distinct(captions, 2, per="ngrams")
        (0.5, 0.75)
    """
    if n < 1:
        raise OptionError(f"n must be 1 or more, not {n}")
    if per not in ("words", "ngrams"):
        raise OptionError(f"per must be 'words' or 'ngrams', not {per!r}")
    lists = list(tokenized(captions, tokenize).values())
    ngrams = [tokens[start : start + n] for tokens in lists for start in range(len(tokens) - n + 1)]
    total = len(ngrams) if per == "ngrams" else sum(map(len, lists))
    return len(set(ngrams)) / total if total else 0.0


def oracle(scores: Mapping[Key, Sequence[float]] | Sequence[Sequence[float]], k: int) -> float:
    """The best of each image's first ``k`` hypotheses, as a judge that knows the references would choose; the mean.

    Args:
        scores: For each image, a score of every hypothesis, the likeliest hypothesis first.
        k: 1 or more.

    Raises:
        OptionError: ``k`` below 1.
        InputError: No images, an image with fewer than ``k`` scores, or a score that is NaN.

    Source: Vijayakumar et al. 2018, "Diverse beam search", where it is oracle accuracy, Oracle@k.

    Example:
        >>> oracle([[0.2, 0.9], [0.5, 0.1]], 1), oracle([[0.2, 0.9], [0.5, 0.1]], 2)
        (0.35, 0.7)
    """
    if k < 1:
        raise OptionError(f"k must be 1 or more, not {k}")
    by_image = scores if isinstance(scores, Mapping) else dict(enumerate(scores))
    if not by_image:
        raise InputError("scores is empty; give those of one image or more")
    best = []
    for key, row in by_image.items():
        if len(row) < k:
            raise InputError(f"scores[{key!r}] has {len(row)} hypotheses; give {k} or lower k")
        if any(score != score for score in row[:k]):
            raise InputError(f"scores[{key!r}] has NaN; give numbers")
        best.append(float(max(row[:k])))
    return sum(best) / len(best)


def exact_match(candidates: Candidates, references: References, tokenize: Tokenizer = tokenize_caption) -> CorpusScore:
    """The share of candidates whose tokens are those of one of their references; 1 or 0 for each.

    Args:
        candidates: A caption for each key.
        references: One or more captions for each key.
        tokenize: Splits the captions that are strings; lists of tokens are taken as they are.

    Raises:
        DataError: A candidate without references, or the reverse.

    Example:
        >>> exact_match(["A dog runs.", "two cats"], [["a dog runs"], ["three cats"]]).score
        0.5
    """
    pairs = paired(candidates, references, tokenize)
    return mean({key: float(pair.candidate in pair.references) for key, pair in pairs.items()})
