"""The equations of CIDEr, and the scorer that keeps document frequencies."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmodels.errors import InputError, OptionError
from seqmodels.metrics import CiderD, cider, cider_d

REFERENCES = {
    1: ["a black dog runs on the beach", "the dog is running"],
    2: ["two cats sleep on a red couch", "a cat and a cat"],
    3: ["a red bus on the street"],
}
CANDIDATES = {1: "a dog runs on the beach", 2: "two cats on a couch", 3: "a red bus"}
TOKENS = st.lists(st.sampled_from("abcd"), max_size=7)
CORPORA = st.lists(st.tuples(TOKENS, st.lists(TOKENS, min_size=1, max_size=3)), min_size=1, max_size=4)


def equation(candidate, references, corpus):
    """Equations 1 to 3 of the paper, with its relative frequencies, times 10."""

    def vector(tokens, n):
        ngrams = [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]

        def rarity(ngram):
            documents = sum(
                any(ngram == tuple(one[i : i + n]) for one in those for i in range(len(one))) for those in corpus
            )
            return math.log(len(corpus) / max(1, documents))

        return {ngram: ngrams.count(ngram) / len(ngrams) * rarity(ngram) for ngram in ngrams}

    def cosine(left, right):
        norms = math.hypot(*left.values()) * math.hypot(*right.values())
        return sum(weight * right.get(ngram, 0) for ngram, weight in left.items()) / norms if norms else 0

    return 10 * np.mean([[cosine(vector(candidate, n), vector(one, n)) for n in (1, 2, 3, 4)] for one in references])


@given(CORPORA)
@settings(max_examples=60)
def test_cider_is_the_mean_cosine_of_the_paper(pairs):
    corpus = [those for _, those in pairs]
    found = cider([one for one, _ in pairs], corpus)
    expected = [equation(one, those, corpus) for one, those in pairs]
    assert list(found.scores.values()) == pytest.approx(expected, abs=1e-6)
    assert found.score == pytest.approx(np.mean(expected), abs=1e-6)


def test_cider_d_punishes_repetition_and_length_where_cider_does_not():
    # "red" alone: one direction in the space of words, however often it is said.
    references = {1: [["red"]], 2: [["blue"]]}
    for times in (2, 20):
        candidates = {1: ["red"] * times, 2: ["blue"]}
        assert cider(candidates, references).scores[1] == pytest.approx(2.5)
        expected = 2.5 / times * math.exp(-((times - 1) ** 2) / 72)
        assert cider_d(candidates, references).scores[1] == pytest.approx(expected)


def test_a_scorer_of_the_same_corpus_gives_the_same_scores():
    expected = cider_d(CANDIDATES, REFERENCES)
    scorer = CiderD(REFERENCES)
    assert cider_d(CANDIDATES, REFERENCES, scorer=scorer) == expected
    batch = [caption.split() for caption in CANDIDATES.values()]
    found = scorer.score(batch, [[one.split() for one in those] for those in REFERENCES.values()])
    assert found.tolist() == pytest.approx(list(expected.scores.values()))


def test_a_scorer_keeps_the_frequencies_of_its_corpus():
    scorer = CiderD(REFERENCES)
    assert scorer.documents == 3
    assert scorer.frequencies[("a",)] == 3  # documents, not captions
    assert scorer.frequencies[("a", "cat")] == 1
    again = CiderD.from_frequencies(scorer.frequencies, scorer.documents)
    alone = {1: CANDIDATES[1]}
    expected = cider_d(CANDIDATES, REFERENCES).scores[1]
    assert cider_d(alone, {1: REFERENCES[1]}, scorer=again).score == pytest.approx(expected)
    assert cider_d(alone, {1: REFERENCES[1]}).score == 0  # in a corpus of one nothing is rare


def test_tokens_may_be_numbers():
    words = sorted({word for those in REFERENCES.values() for one in those for word in one.split()})
    numbers = {word: number for number, word in enumerate(words)}
    encoded = {key: [[numbers[word] for word in one.split()] for one in those] for key, those in REFERENCES.items()}
    candidates = [[numbers[word] for word in CANDIDATES[key].split()] for key in REFERENCES]
    found = CiderD(encoded).score(candidates, list(encoded.values()))
    assert found.tolist() == pytest.approx(list(cider_d(CANDIDATES, REFERENCES).scores.values()))


def test_candidates_of_one_image_share_its_references():
    scorer, those = CiderD(REFERENCES), [one.split() for one in REFERENCES[1]]
    batch = [caption.split() for caption in CANDIDATES.values()]
    together = scorer.score(batch, [those] * 3)
    apart = [scorer.score([one], [list(those)])[0] for one in batch]
    assert together.tolist() == pytest.approx(apart)
    assert together.argmax() == 0
    assert together[0] > 0


def test_a_batch_without_captions_has_no_scores():
    assert CiderD(REFERENCES).score([], []).shape == (0,)


@pytest.mark.parametrize(
    ("candidates", "references", "part"),
    [
        ([("a",)], [], "1 candidates but 0 lists of references"),
        ([("a",)], [[]], "references[0] is empty"),
        (["a dog"], [[("a",)]], "candidates[0] has the text 'a dog'; give its tokens"),
        ([("a",)], [["a dog"]], "references[0] has the text 'a dog'; give its tokens"),
    ],
)
def test_what_is_wrong_with_a_batch(one_line, candidates, references, part):
    with one_line(InputError, part):
        CiderD(REFERENCES).score(candidates, references)


@pytest.mark.parametrize("sigma", [0.0, -1.0, math.nan])
def test_a_width_that_is_none_is_refused(one_line, sigma):
    with one_line(OptionError, "sigma must be above 0"):
        CiderD(REFERENCES, sigma=sigma)


@pytest.mark.parametrize(
    ("frequencies", "documents", "part"),
    [
        ({("a",): 4}, 3, "frequencies[('a',)] is 4; use 1 to documents, 3"),
        ({("a",): 0}, 3, "frequencies[('a',)] is 0"),
        ({}, 0, "documents must be 1 or more, not 0"),
    ],
)
def test_impossible_frequencies_are_refused(one_line, frequencies, documents, part):
    with one_line(OptionError, part):
        CiderD.from_frequencies(frequencies, documents)
