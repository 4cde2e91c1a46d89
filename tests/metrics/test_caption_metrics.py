"""BLEU, ROUGE-L and CIDEr-D beside the COCO caption evaluation, on real captions and on any tokens."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from pycocoevalcap.rouge.rouge import Rouge

from seqmodels.errors import DataError, InputError, OptionError
from seqmodels.metrics import bleu, cider_d, rouge_l, tokenize_caption
from seqmodels.metrics.rouge_score import longest_common_subsequence

METRICS = {
    "bleu": (bleu, lambda gts, res: Bleu(4).compute_score(gts, res, verbose=0)),
    "rouge_l": (lambda candidates, references: [rouge_l(candidates, references)], Rouge().compute_score),
    "cider_d": (lambda candidates, references: [cider_d(candidates, references)], Cider().compute_score),
}
TOKENS = st.lists(st.sampled_from("abcde"), max_size=9)
# The original fails if no reference has a token.
CORPORA = st.lists(st.tuples(TOKENS, st.lists(TOKENS, min_size=1, max_size=3)), min_size=1, max_size=5).filter(
    lambda corpus: any(tokens for _, those in corpus for tokens in those)
)


def agree(metric, candidates, references):
    ours, theirs = METRICS[metric]
    found = ours(candidates, references)
    score, scores = theirs(
        {key: [" ".join(tokens) for tokens in those] for key, those in references.items()},
        {key: [" ".join(tokens)] for key, tokens in candidates.items()},
    )
    assert np.allclose([one.score for one in found], score, rtol=0, atol=1e-6)
    assert all(list(one.scores) == list(candidates) for one in found)
    assert np.allclose([list(one.scores.values()) for one in found], np.reshape(scores, (len(found), -1)), atol=1e-6)


@pytest.mark.parametrize("metric", METRICS)
def test_real_captions_score_as_in_the_original(coco_captions, metric):
    tokens = {key: [tokenize_caption(caption) for caption in those] for key, those in coco_captions.items()}
    agree(metric, {key: those[0] for key, those in tokens.items()}, {key: those[1:] for key, those in tokens.items()})


@pytest.mark.parametrize("metric", METRICS)
@given(corpus=CORPORA)
@settings(max_examples=60)
def test_any_tokens_score_as_in_the_original(metric, corpus):
    """Also candidates and references without tokens."""
    agree(metric, {n: one for n, (one, _) in enumerate(corpus)}, {n: those for n, (_, those) in enumerate(corpus)})


@given(TOKENS, TOKENS)
def test_the_longest_common_subsequence_is_that_of_the_table(first, second):
    table = np.zeros((len(first) + 1, len(second) + 1), int)
    for i, left in enumerate(first, 1):
        for j, right in enumerate(second, 1):
            table[i, j] = table[i - 1, j - 1] + 1 if left == right else max(table[i - 1, j], table[i, j - 1])
    assert longest_common_subsequence(first, second) == table[-1, -1]


def test_text_is_tokenized_and_tokens_are_taken_as_they_are():
    text = bleu({"x": "A DOG, runs."}, {"x": ["a dog runs"]})[2].score
    assert text == bleu({"x": ["a", "dog", "runs"]}, {"x": [("a", "dog", "runs")]})[2].score
    assert text == pytest.approx(1)
    assert bleu(["A DOG, runs."], [["a dog runs"]], tokenize=str.split)[0].score < 0.01


@pytest.mark.parametrize("metric", [bleu, rouge_l, cider_d])
@pytest.mark.parametrize(
    ("candidates", "references", "part"),
    [
        ({1: "a", 7: "b"}, {1: ["a"]}, "candidate 7 has no references"),
        ({1: "a"}, {1: ["a"], "seven": ["b"]}, "references 'seven' have no candidate"),
        ({1: "a"}, {1: []}, "references 1 are an empty list"),
        (["a"], [["a"], ["b"]], "references 1 have no candidate"),
        ({}, {}, "is empty"),
    ],
)
def test_misses_name_the_key(one_line, metric, candidates, references, part):
    with one_line(DataError, part):
        metric(candidates, references)


def test_references_that_are_one_text_are_refused(one_line):
    with one_line(DataError, "references 1 are str; give a list of captions"):
        rouge_l({1: "a dog"}, {1: "a dog"})


def test_candidates_that_are_one_text_are_refused(one_line):
    with one_line(InputError, "candidates is str; give a mapping from keys, or a list"):
        rouge_l("a dog", [["a dog"]])


@pytest.mark.usefixtures("_types_unchecked")
@pytest.mark.parametrize(
    ("candidates", "references", "part"),
    [({1: None}, {1: ["a"]}, "candidate 1 is NoneType"), ({1: "a"}, {1: [3]}, "a reference of 1 is int")],
)
def test_what_is_no_caption_is_refused(one_line, candidates, references, part):
    with one_line(DataError, part, "give a string, or a list of tokens"):
        rouge_l(candidates, references)


def test_references_without_tokens_are_like_nothing():
    assert cider_d([["a"]], [[[]]]).score == 0
    assert rouge_l([["a"]], [[[]]]).score == 0


def test_bleu_of_no_ngrams_is_refused(one_line):
    with one_line(OptionError, "order must be 1 or more, not 0"):
        bleu(["a"], [["a"]], order=0)
