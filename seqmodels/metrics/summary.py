"""Several metrics of captions by their names."""

import re
from collections.abc import Callable, Sequence

from seqmodels.errors import OptionError
from seqmodels.metrics.bleu_score import bleu
from seqmodels.metrics.caption_tokens import tokenize_caption
from seqmodels.metrics.cider_scores import cider, cider_d
from seqmodels.metrics.corpus import Candidates, CorpusScore, References, Tokenizer, paired
from seqmodels.metrics.diversity import distinct, exact_match
from seqmodels.metrics.java_metrics import meteor, spice
from seqmodels.metrics.rouge_score import rouge_l

_METRICS: dict[str, Callable[[Candidates, References], CorpusScore]] = {
    "rouge_l": rouge_l,
    "cider_d": cider_d,
    "cider": cider,
    "exact_match": exact_match,
    "meteor": meteor,
    "spice": spice,
}
_NUMBERED = re.compile(r"(bleu|distinct)_([1-9])")


def caption_scores(
    candidates: Candidates,
    references: References,
    metrics: Sequence[str] = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider_d"),
    tokenize: Tokenizer = tokenize_caption,
) -> dict[str, float]:
    """The corpus score of each metric, in the order of ``metrics``.

    Args:
        candidates: A caption for each key.
        references: One or more captions for each key.
        metrics: ``bleu_1`` to ``bleu_9``, ``rouge_l``, ``cider_d`` (what the COCO caption evaluation calls CIDEr),
            ``cider``, ``exact_match``, ``distinct_1`` to ``distinct_9`` (of the candidates, per word), and with Java
            ``meteor`` and ``spice``. From 0 to 1, but ``cider_d`` and ``cider`` from 0 to 10.
        tokenize: Splits the captions that are strings; lists of tokens are taken as they are.

    Raises:
        OptionError: There is no such metric, or it needs what isn't installed.
        DataError: A candidate without references, or the reverse; names the key.

    Example:
        >>> candidates = {1: "A dog runs.", 2: "Two cats sleep."}
        >>> references = {1: ["A dog runs!", "The dog ran."], 2: ["Cats sleep.", "Two cats."]}
        >>> scores = caption_scores(candidates, references, ["bleu_1", "exact_match", "distinct_1"])
        >>> {name: round(score, 3) for name, score in scores.items()}
        {'bleu_1': 1.0, 'exact_match': 0.5, 'distinct_1': 1.0}
    """
    if isinstance(metrics, str):
        raise OptionError(f"metrics is the string {metrics!r}; give a list of names")
    numbers = {name: found for name in metrics if (found := _NUMBERED.fullmatch(name))}
    for name in metrics:
        if name not in numbers and name not in _METRICS:
            raise OptionError(
                f"metrics has {name!r}, which isn't known; use bleu_1 to bleu_9, distinct_1 to distinct_9, "
                f"{', '.join(_METRICS)}"
            )
    pairs = paired(candidates, references, tokenize)
    tokens = {key: pair.candidate for key, pair in pairs.items()}
    reference_tokens = {key: pair.references for key, pair in pairs.items()}
    order = max((int(found[2]) for found in numbers.values() if found[1] == "bleu"), default=0)
    bleus = bleu(tokens, reference_tokens, order) if order else ()
    scores = {}
    for name in metrics:
        if name not in numbers:
            scores[name] = _METRICS[name](tokens, reference_tokens).score
        elif name.startswith("bleu"):
            scores[name] = bleus[int(numbers[name][2]) - 1].score
        else:
            scores[name] = distinct(tokens, int(numbers[name][2]))
    return scores
