"""Metrics by their names."""

import pytest

from seqmodels.errors import DataError, OptionError
from seqmodels.metrics import bleu, caption_scores, cider, cider_d, distinct, exact_match, rouge_l

CANDIDATES = {1: "A dog runs on the beach.", "two": "Two cats sleep."}
REFERENCES = {"two": ["Cats sleep.", "Two cats!"], 1: ["A dog runs.", "The dog ran on the sandy beach."]}


def test_every_name_is_the_metric_of_that_name():
    bleus = bleu(CANDIDATES, REFERENCES)
    expected = {
        **{f"bleu_{k}": found.score for k, found in enumerate(bleus, 1)},
        "rouge_l": rouge_l(CANDIDATES, REFERENCES).score,
        "cider_d": cider_d(CANDIDATES, REFERENCES).score,
    }
    assert caption_scores(CANDIDATES, REFERENCES) == expected
    assert list(caption_scores(CANDIDATES, REFERENCES)) == list(expected)
    more = {
        "distinct_2": distinct(CANDIDATES, 2),
        "exact_match": exact_match(CANDIDATES, REFERENCES).score,
        "cider": cider(CANDIDATES, REFERENCES).score,
        "bleu_2": bleus[1].score,
        "distinct_1": distinct(CANDIDATES, 1),
    }
    found = caption_scores(CANDIDATES, REFERENCES, list(more))
    assert found == pytest.approx(more)
    assert list(found) == list(more)


def test_the_tokenizer_is_that_of_every_metric():
    scores = caption_scores(["A b"], [["a b"]], ["bleu_1", "rouge_l", "exact_match", "distinct_1"], tokenize=str.split)
    assert scores == pytest.approx({"bleu_1": 0.5, "rouge_l": 0.5, "exact_match": 0, "distinct_1": 1})


@pytest.mark.parametrize("name", ["bleu", "bleu_0", "bleu_10", "distinct", "CIDEr", ""])
def test_unknown_names_are_refused(one_line, name):
    with one_line(OptionError, f"metrics has {name!r}, which isn't known", "cider_d", "bleu_1 to bleu_9"):
        caption_scores(CANDIDATES, REFERENCES, ["bleu_1", name])


def test_a_name_instead_of_names_is_refused(one_line):
    with one_line(OptionError, "metrics is the string 'bleu_1'; give a list of names"):
        caption_scores(CANDIDATES, REFERENCES, "bleu_1")


def test_misses_name_the_key(one_line):
    with one_line(DataError, "candidate 'three' has no references"):
        caption_scores(CANDIDATES | {"three": "a"}, REFERENCES)
    with one_line(DataError, "references 1 have no candidate"):
        caption_scores({"two": "a"}, REFERENCES)
