"""Decoders over networks of every cell, whose states have the batch on their second dimension."""

import pytest
import torch
from decoding.references import Writer, all_written, ranked, same

from seqmodels.decoding import beam_search, diverse_beam_search, greedy

CELLS = ["elman", "lstm", "peephole", "coupled", "gru", "mut1", "mut2", "mut3"]
START = torch.tensor([0, 1, 2])

# To check types takes as long as the networks. Other files check those of decoders, and of networks.
pytestmark = pytest.mark.usefixtures("_types_unchecked")


@pytest.fixture(params=CELLS)
def writer(request):
    return Writer(request.param)


@pytest.fixture
def step(writer):
    return writer.step


def test_a_beam_of_one_is_greedy_decoding(step):
    found = beam_search(step, None, START, beam_size=1, max_length=6, end=3, batch_dim=1)
    expected = greedy(step, None, START, 6, end=3).tolist()
    assert [[*best.tokens, *[3] * (6 - len(best.tokens))] for [best] in found] == expected


def test_a_wide_beam_finds_all_that_can_be_written(step):
    written = all_written(step, 1, max_length=3, end=3)
    for length_penalty in (0.0, 1.0):
        options = {"end": 3, "max_length": 3, "length_penalty": length_penalty}
        [found] = beam_search(step, None, torch.tensor([1]), beam_size=64, batch_dim=1, **options)
        same(found, ranked(written, length_penalty))


def test_sequences_of_a_batch_are_searched_as_if_alone(step):
    options = {"beam_size": 4, "max_length": 6, "end": 3, "length_penalty": 0.7, "batch_dim": 1}
    together = beam_search(step, None, START, **options)
    for start, found in zip(START, together, strict=True):
        same(found, beam_search(step, None, start[None], **options)[0])


def test_log_probabilities_are_those_of_reading_the_tokens(writer):
    options = {"beam_size": 6, "max_length": 6, "end": 3, "length_penalty": 0.7, "batch_dim": 1}
    searches = [
        beam_search(writer.step, None, START, **options),
        *(
            diverse_beam_search(writer.step, None, START, groups=3, kind=kind, **options)
            for kind in ("hamming", "cumulative", "ngram")
        ),
    ]
    found = [
        (start, hypothesis)
        for search in searches
        for start, hypotheses in enumerate(search)
        for hypothesis in hypotheses
    ]
    assert len(found) == 4 * 3 * 6
    expected = writer.log_probabilities(*zip(*found, strict=True), end=3)
    assert [hypothesis.log_probability for _, hypothesis in found] == pytest.approx(expected)


def test_groups_without_diversity_are_searches_of_their_own(step):
    options = {"max_length": 5, "end": 3, "batch_dim": 1}
    alone = beam_search(step, None, START, beam_size=2, **options)
    found = diverse_beam_search(step, None, START, beam_size=4, groups=2, diversity=0.0, **options)
    for hypotheses, expected in zip(found, alone, strict=True):
        for group in range(2):
            same([h for h in hypotheses if h.group == group], expected)


def test_one_group_is_beam_search_to_the_last_bit(step):
    options = {"beam_size": 3, "max_length": 5, "end": 3, "batch_dim": 1}
    assert diverse_beam_search(step, None, START, groups=1, **options) == beam_search(step, None, START, **options)
