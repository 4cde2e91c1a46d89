"""What captions, answers and translations are judged by; Java only where a score has no other form."""

from seqmodels.metrics.answer_accuracy import VqaScores, vqa_accuracy, vqa_scores
from seqmodels.metrics.bleu_score import bleu
from seqmodels.metrics.caption_tokens import tokenize_caption
from seqmodels.metrics.cider_scores import CiderD, cider, cider_d
from seqmodels.metrics.corpus import CorpusScore
from seqmodels.metrics.diversity import distinct, exact_match, oracle
from seqmodels.metrics.java_metrics import meteor, spice
from seqmodels.metrics.rouge_score import rouge_l
from seqmodels.metrics.summary import caption_scores
from seqmodels.metrics.translation import TranslationScores, bleu_chrf
from seqmodels.metrics.vqa_answers import normalise_answer

__all__ = [
    "CiderD",
    "CorpusScore",
    "TranslationScores",
    "VqaScores",
    "bleu",
    "bleu_chrf",
    "caption_scores",
    "cider",
    "cider_d",
    "distinct",
    "exact_match",
    "meteor",
    "normalise_answer",
    "oracle",
    "rouge_l",
    "spice",
    "tokenize_caption",
    "vqa_accuracy",
    "vqa_scores",
]
