"""BLEU and chrF as papers report them, by sacrebleu."""

from collections.abc import Sequence
from typing import TypedDict

from seqmodels.errors import DataError


class TranslationScores(TypedDict):
    """What :func:`bleu_chrf` says of a corpus of translations."""

    bleu: float
    chrf: float
    bleu_signature: str
    chrf_signature: str


def bleu_chrf(hypotheses: Sequence[str], references: Sequence[str]) -> TranslationScores:
    """BLEU and chrF of a corpus, each from 0 to 100, and the signatures that say how they were computed.

    The texts are plain, as people write them: sacrebleu splits them for BLEU (13a, which doesn't split Chinese or
    Japanese; chrF needs no words). Capitals count. :func:`bleu`, from 0 to 1, is that of image captions.

    Args:
        hypotheses: a translation of each sentence.
        references: the right one of each, in the same order.

    Returns:
        ``bleu``, ``chrf``, ``bleu_signature`` and ``chrf_signature``.

    Raises:
        DataError: there is nothing to score, or not one reference a translation.

    Source: Papineni et al. 2002; Popovic 2015; Post 2018.

    Example:
        >>> scores = bleu_chrf(["The dog runs in the park."], ["The dog runs through the park."])
        >>> round(scores["bleu"], 1), round(scores["chrf"], 1), scores["bleu_signature"]
        (41.1, 59.6, 'nrefs:1|case:mixed|eff:no|tok:13a|smooth:exp|version:...')
    """
    if not hypotheses:
        raise DataError("hypotheses is empty; there is nothing to score")
    if len(hypotheses) != len(references):
        raise DataError(
            f"there are {len(hypotheses):,} hypotheses and {len(references):,} references; give one each, in one order"
        )
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    bleu, chrf = BLEU(force=True), CHRF()  # force: no warning where a text looks tokenised
    return TranslationScores(
        bleu=bleu.corpus_score(hypotheses, [references]).score,
        chrf=chrf.corpus_score(hypotheses, [references]).score,
        bleu_signature=str(bleu.get_signature()),
        chrf_signature=str(chrf.get_signature()),
    )
