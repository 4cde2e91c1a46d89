"""Groups of beams that avoid each other's tokens."""

import itertools

import pytest
import torch
from decoding.references import log_probability, markov

from seqmodels.decoding import beam_search, diverse_beam_search
from seqmodels.errors import OptionError

LOGITS = torch.randn(6, 6, dtype=torch.double, generator=torch.Generator().manual_seed(3)) * 1.5
START = torch.tensor([0, 1, 2, 3])
KINDS = ["hamming", "cumulative", "ngram"]


def constant(*probabilities):
    logits = torch.tensor(probabilities).log()
    return lambda tokens, state: (logits.expand(len(tokens), -1), state)


def tokens_of(found):
    return [h.tokens for h in sorted(found, key=lambda h: h.group)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_one_group_is_beam_search_to_the_last_bit(kind, length_penalty):
    options = {"beam_size": 4, "max_length": 6, "end": 5, "length_penalty": length_penalty}
    expected = beam_search(markov(LOGITS), None, START, **options)
    assert diverse_beam_search(markov(LOGITS), None, START, groups=1, diversity=2.0, kind=kind, **options) == expected


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("diversity", [0.0, 1e-300])
def test_without_diversity_each_group_is_a_search_of_its_own(kind, diversity):
    """Also where penalties are computed, but too small to matter."""
    options = {"max_length": 6, "end": 5, "length_penalty": 0.5}
    expected = beam_search(markov(LOGITS), None, START, beam_size=2, **options)
    found = diverse_beam_search(
        markov(LOGITS), None, START, beam_size=6, groups=3, diversity=diversity, kind=kind, **options
    )
    for hypotheses, alone in zip(found, expected, strict=True):
        assert hypotheses == sorted(hypotheses, key=lambda h: -h.score)
        for group in range(3):
            assert [h for h in hypotheses if h.group == group] == [h._replace(group=group) for h in alone]


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_the_models_without_the_penalty(kind):
    options = {"beam_size": 6, "groups": 3, "max_length": 5, "end": 5, "diversity": 1.0, "kind": kind}
    for start, hypotheses in enumerate(diverse_beam_search(markov(LOGITS), None, START, **options)):
        for found in hypotheses:
            assert found.log_probability == pytest.approx(log_probability(markov(LOGITS), start, found, 5))


@pytest.mark.parametrize("kind", KINDS)
def test_sequences_of_a_batch_are_searched_as_if_alone(kind):
    """Some of them are done earlier than others."""
    options = {"beam_size": 4, "groups": 2, "max_length": 8, "end": 5, "diversity": 0.8, "kind": kind}
    together = diverse_beam_search(markov(LOGITS), None, START, **options)
    alone = [diverse_beam_search(markov(LOGITS), None, token[None], **options)[0] for token in START]
    assert together == alone


def test_hamming_counts_the_choices_of_this_step():
    """log 0.5 - 1 < log 0.3, and log 0.3 - 1 < log 0.2 for the third; but only where both did choose it."""
    step = constant(0.5, 0.3, 0.2)
    [found] = diverse_beam_search(
        step, None, torch.tensor([0]), beam_size=3, groups=3, max_length=2, diversity=1.0, kind="hamming"
    )
    assert tokens_of(found) == [(0, 0), (1, 1), (2, 2)]
    [found] = diverse_beam_search(
        step, None, torch.tensor([0]), beam_size=3, groups=3, max_length=2, diversity=0.6, kind="hamming"
    )
    assert tokens_of(found) == [(0, 0), (1, 1), (0, 0)]  # 0.5 / e ** 0.6 is more than 0.2


def test_cumulative_counts_all_choices_until_now():
    """One penalty isn't enough for another token; from the second step on it is."""
    options = {"beam_size": 2, "groups": 2, "max_length": 3, "diversity": 0.4}
    step = constant(0.6, 0.4 - 0.1, 0.1)  # log(0.6 / 0.3) = 0.69 is between one penalty and two
    [hamming] = diverse_beam_search(step, None, torch.tensor([0]), kind="hamming", **options)
    [cumulative] = diverse_beam_search(step, None, torch.tensor([0]), kind="cumulative", **options)
    assert tokens_of(hamming) == [(0, 0, 0), (0, 0, 0)]
    assert tokens_of(cumulative) == [(0, 0, 0), (0, 1, 1)]


def test_ngram_counts_what_a_token_completes():
    """The first token completes no pair; then 0 0 does, while 1 0 is a pair of nobody's."""
    options = {"beam_size": 2, "groups": 2, "max_length": 4, "diversity": 1.0}
    [found] = diverse_beam_search(constant(0.6, 0.4), None, torch.tensor([0]), kind="ngram", **options)
    assert tokens_of(found) == [(0, 0, 0, 0), (0, 1, 0, 1)]
    [found] = diverse_beam_search(constant(0.6, 0.4), None, torch.tensor([0]), kind="ngram", ngram=1, **options)
    [cumulative] = diverse_beam_search(constant(0.6, 0.4), None, torch.tensor([0]), kind="cumulative", **options)
    assert found == cumulative


def test_the_end_is_not_penalised():
    step = constant(0.3, 0.1, 0.6)
    options = {"beam_size": 2, "groups": 2, "max_length": 3, "diversity": 5.0}
    [found] = diverse_beam_search(step, None, torch.tensor([0]), end=2, **options)
    assert tokens_of(found) == [(), ()]


def test_groups_of_one_that_end_have_no_second_best():
    steps = []
    options = {"beam_size": 2, "groups": 2, "max_length": 3, "end": 2}
    diverse_beam_search(constant(0.3, 0.1, 0.6), None, torch.tensor([0]), trace=steps.append, **options)
    assert [step.ended.tolist() for step in steps] == [[True, True]]


def test_half_precision_is_penalised_in_single_precision():
    """The largest number of half precision is 65,504."""
    logits = torch.tensor([1.0, 0.0, -1.0]).half().expand(3, 3)
    options = {"beam_size": 3, "groups": 3, "max_length": 2, "diversity": 1e5}
    [found] = diverse_beam_search(markov(logits), None, torch.tensor([0]), **options)
    assert tokens_of(found) == [(0, 0), (1, 1), (2, 2)]


def test_all_groups_read_in_one_call():
    rows = []

    def step(tokens, state):
        rows.append(len(tokens))
        return LOGITS[tokens], state

    diverse_beam_search(step, None, START, beam_size=6, groups=3, max_length=4)
    assert rows == [4, 24, 24, 24]


@pytest.mark.parametrize("kind", KINDS)
def test_more_diversity_makes_more_different_tokens(kind):
    options = {"beam_size": 6, "groups": 6, "max_length": 6, "kind": kind}
    counts = []
    for diversity in (0.0, 3.0):
        found = diverse_beam_search(markov(LOGITS), None, START, diversity=diversity, **options)
        counts.append(sum(len({h.tokens for h in hypotheses}) for hypotheses in found))
    assert counts[0] == 4
    assert counts[1] > 12


def test_the_trace_tells_the_groups():
    steps = []
    options = {"beam_size": 4, "groups": 2, "max_length": 5, "end": 5, "diversity": 1.0}
    diverse_beam_search(markov(LOGITS), None, START, trace=steps.append, **options)
    assert steps[0].group.unique().tolist() == [0, 1]
    for before, step in itertools.pairwise(steps):
        assert torch.equal(before.group[step.parent], step.group)
        assert torch.equal(before.tokens[step.parent], step.tokens[:, :-1])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 0}, "groups must be a whole number, 1 or more, not 0"),
        ({"groups": 3}, "beam_size 4 can't be divided into 3 equal groups"),
        ({"groups": 8}, "beam_size 4 can't be divided into 8 equal groups"),
        ({"beam_size": 0}, "beam_size must be a whole number, 1 or more, not 0"),
        ({"diversity": -1.0}, "diversity must be 0 or more, not -1.0"),
        ({"diversity": float("nan")}, "diversity must be 0 or more"),
        ({"ngram": 0}, "ngram must be a whole number, 1 or more"),
        ({"n_best": 5}, "n_best must be a whole number, from 1 to 4"),
    ],
)
def test_values_out_of_range_are_one_line(options, message, one_line):
    with one_line(OptionError, message):
        diverse_beam_search(markov(LOGITS), None, START, **{"beam_size": 4, "groups": 2, "max_length": 3, **options})


@pytest.mark.usefixtures("_types_unchecked")
def test_an_unknown_kind_is_one_line(one_line):
    with one_line(OptionError, "kind must be one of hamming, cumulative, ngram, not 'edit'"):
        diverse_beam_search(markov(LOGITS), None, START, beam_size=4, groups=2, max_length=3, kind="edit")
