"""Greedy decoding and sampling over any structure of states."""

import pytest
import torch

from seqmodels.decoding import greedy, sample
from seqmodels.errors import InputError, OptionError

PROBABILITIES = torch.tensor([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]])


def markov(tokens, state):
    """The next token depends on the last one; the state, a nested structure, counts steps."""
    return PROBABILITIES[tokens].log(), {"steps": state["steps"] + 1}


START = torch.tensor([0, 1, 2])


def test_greedy_takes_the_likeliest_each_time():
    assert greedy(markov, {"steps": torch.zeros(3)}, START, 4).tolist() == [[0] * 4, [1] * 4, [2] * 4]


def test_state_is_handed_from_step_to_step():
    seen = []

    def step(tokens, state):
        seen.append(float(state["steps"][0]))
        return markov(tokens, state)

    greedy(step, {"steps": torch.zeros(3)}, START, 4)
    assert seen == [0, 1, 2, 3]


@pytest.mark.parametrize("write", [greedy, sample])
def test_no_graph_of_the_steps_is_kept(write):
    weights, seen = PROBABILITIES.clone().requires_grad_(), []

    def step(tokens, state):
        logits = weights[tokens]
        seen.append(logits.requires_grad)
        return logits, state

    write(step, None, START, 2)
    assert seen == [False, False]


def test_samples_have_the_models_distribution():
    start = torch.full((4000,), 1)
    drawn = sample(markov, {"steps": torch.zeros(1)}, start, 1, generator=torch.Generator().manual_seed(0))
    counts = drawn[:, 0].bincount(minlength=3) / 4000
    torch.testing.assert_close(counts, PROBABILITIES[1], rtol=0, atol=0.03)


def test_temperature_sharpens_the_distribution():
    start = torch.full((4000,), 1)
    options = {"generator": torch.Generator().manual_seed(0), "temperature": 0.5}
    counts = sample(markov, {"steps": torch.zeros(1)}, start, 1, **options)[:, 0].bincount(minlength=3) / 4000
    sharper = PROBABILITIES[1] ** 2
    torch.testing.assert_close(counts, sharper / sharper.sum(), rtol=0, atol=0.03)


def test_what_is_ruled_out_is_never_drawn():
    drawn = sample(markov, {"steps": torch.zeros(1)}, START, 200, top_k=2, generator=torch.Generator().manual_seed(0))
    before = torch.cat([START[:, None], drawn[:, :-1]], 1)
    worst = PROBABILITIES.argmin(-1)
    assert not ((drawn == worst[before]) & (before != 2)).any()


def test_nothing_to_write_is_an_empty_result():
    assert sample(markov, {"steps": torch.zeros(3)}, START, 0).shape == (3, 0)


def countdown(calls):
    """Token v leads to v - 1, and 0 to itself."""

    def step(tokens, state):
        calls.append(len(tokens))
        return torch.nn.functional.one_hot((tokens - 1).clamp(min=0), 5) * 100.0, state

    return step


@pytest.mark.parametrize("decode", [greedy, sample])
def test_after_its_end_a_sequence_is_filled_with_it(decode):
    written = decode(countdown([]), None, torch.tensor([4, 2, 1]), 5, end=1)
    assert written.tolist() == [[3, 2, 1, 1, 1], [1] * 5, [0] * 5]


@pytest.mark.parametrize("decode", [greedy, sample])
def test_writing_stops_once_all_have_ended(decode):
    calls = []
    written = decode(countdown(calls), None, torch.tensor([4, 2]), 30, end=1)
    assert written.tolist() == [[3, 2, *[1] * 28], [1] * 30]
    assert len(calls) == 3


def test_min_p_rules_out_what_is_far_less_likely_than_the_likeliest():
    options = {"min_p": 0.3, "generator": torch.Generator().manual_seed(0)}
    drawn = sample(markov, {"steps": torch.zeros(1)}, torch.zeros(500, dtype=torch.long), 1, **options)
    assert drawn.unique().tolist() == [0]
    drawn = sample(markov, {"steps": torch.zeros(1)}, torch.ones(500, dtype=torch.long), 1, **options)
    assert drawn.unique().tolist() == [1, 2]


@pytest.mark.parametrize("decode", [greedy, sample])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": -1}, "length must be a whole number, 0 or more, not -1"),
        ({"end": 3}, "end: there is no token 3, the model has 3"),
        ({"end": -1}, "end must be a whole number, 0 or more, not -1"),
    ],
)
def test_values_out_of_range_are_one_line(decode, options, message, one_line):
    with one_line(OptionError, message):
        decode(markov, {"steps": torch.zeros(3)}, START, **{"length": 2, **options})


@pytest.mark.parametrize("decode", [greedy, sample])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_logits_that_are_not_numbers_are_one_line(decode, value, one_line):
    logits = torch.tensor([[0.0, 1.0], [value, 0.0], [0.0, -torch.inf]])
    with one_line(InputError, "step: the logits of sequence 1 are not all numbers; look for NaN in the model"):
        decode(lambda tokens, state: (logits, state), None, START, 2)


def test_logits_of_another_shape_are_one_line(one_line):
    with one_line(InputError, "step must give floating-point logits [3, V], not [3]"):
        greedy(lambda tokens, state: (torch.zeros(3), state), None, START, 2)
