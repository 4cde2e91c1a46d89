"""Beam search against greedy decoding and against all that can be written."""

import pytest
import torch
from decoding.references import every_hypothesis, log_probability, markov, same
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmodels.decoding import Hypothesis, beam_search, greedy
from seqmodels.errors import InputError, OptionError

LOGITS = torch.tensor(
    [[0.3, 1.0, -0.5, 0.9], [1.2, -1.0, 0.8, 0.1], [0.0, 0.5, 2.0, 1.9], [0.1, 0.2, 0.3, 0.4]], dtype=torch.double
)
START = torch.tensor([0, 1, 2])


def written(hypothesis, length, end):
    """As greedy decoding writes it."""
    return [*hypothesis.tokens, *[end] * (length - len(hypothesis.tokens))]


@pytest.mark.parametrize("length_penalty", [0.0, 0.7, 2.0])
@pytest.mark.parametrize("end", [None, 3])
def test_a_beam_of_one_is_greedy_decoding(end, length_penalty):
    found = beam_search(markov(LOGITS), None, START, beam_size=1, max_length=6, end=end, length_penalty=length_penalty)
    expected = greedy(markov(LOGITS), None, START, 6, end=end).tolist()
    assert [written(best, 6, end) for [best] in found] == expected


@settings(max_examples=50)
@given(st.lists(st.integers(-2, 2), min_size=16, max_size=16), st.sampled_from([None, 0, 3]))
def test_a_beam_of_one_is_greedy_decoding_also_between_equals(values, end):
    logits = torch.tensor(values).view(4, 4).float()
    found = beam_search(markov(logits), None, START, beam_size=1, max_length=5, end=end)
    expected = greedy(markov(logits), None, START, 5, end=end).tolist()
    assert [written(best, 5, end) for [best] in found] == expected


def test_a_beam_of_one_is_greedy_decoding_where_log_probabilities_round_to_equals():
    logits = torch.tensor([[-100.0, -100.0 + 1e-5, 0.0, -100.0 + 2e-5]])
    assert logits.log_softmax(-1).unique().numel() < 5
    small = torch.tensor([[1e-8, 2e-8, 3e-8, -1e-8]])  # all are log 4 apart from 0, in float32
    for row in (logits, small):
        table = row.expand(4, 4)
        [[best]] = beam_search(markov(table), None, torch.tensor([0]), beam_size=1, max_length=3)
        assert list(best.tokens) == greedy(markov(table), None, torch.tensor([0]), 3)[0].tolist()


@settings(max_examples=40)
@given(
    st.lists(st.floats(-4, 4), min_size=9, max_size=9),
    st.sampled_from([None, 0, 2]),
    st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    st.integers(1, 4),
)
def test_a_wide_beam_finds_all_that_can_be_written(values, end, length_penalty, max_length):
    step = markov(torch.tensor(values, dtype=torch.double).view(3, 3))
    options = {"end": end, "length_penalty": length_penalty, "max_length": max_length}
    found = beam_search(step, None, torch.tensor([0, 1]), beam_size=81, **options)
    for start, hypotheses in enumerate(found):
        same(hypotheses, every_hypothesis(step, start, **options))


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 6), st.sampled_from([0.0, 1.0]))
def test_a_search_that_stops_early_misses_nothing(seed, beam_size, length_penalty):
    """The best of a pool that was closed early are those that a search to the very end finds."""
    logits = torch.randn(4, 4, dtype=torch.double, generator=torch.Generator().manual_seed(seed)) * 2
    options = {"end": 3, "length_penalty": length_penalty, "max_length": 6}
    [found] = beam_search(markov(logits), None, torch.tensor([1]), beam_size=beam_size, **options)
    expected = slow_beam_search(logits.log_softmax(-1).tolist(), 1, beam_size, **options)
    same(found, expected[:beam_size])


def slow_beam_search(table, start, beam_size, end, length_penalty, max_length):
    """Beam by beam, without ever stopping early; but a beam of one, which ends where it ends.

    ``table`` [V][V] has log-probabilities: row v is of what follows token v.
    """
    live, pool = [((), 0.0, start)], []
    for length in range(1, max_length + 1):
        candidates = []
        for tokens, total, last in live:
            candidates += [(tokens, total + value, token) for token, value in enumerate(table[last])]
        candidates.sort(key=lambda candidate: -candidate[1])
        for tokens, total, token in candidates[:beam_size]:
            if token == end:
                pool.append((tokens, total, total / length**length_penalty, True))
        going = [candidate for candidate in candidates if candidate[2] != end][:beam_size]
        live = [((*tokens, token), total, token) for tokens, total, token in going]
        if beam_size == 1 and pool:
            live = []
    pool += [(tokens, total, total / max_length**length_penalty, False) for tokens, total, _ in live]
    return sorted((Hypothesis(*entry) for entry in pool), key=lambda hypothesis: -hypothesis.score)


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_sequences_of_a_batch_are_searched_as_if_alone(length_penalty):
    options = {"beam_size": 3, "max_length": 7, "end": 3, "length_penalty": length_penalty}
    together = beam_search(markov(LOGITS), None, START, **options)
    alone = [beam_search(markov(LOGITS), None, token[None], **options)[0] for token in START]
    assert together == alone


def test_log_probabilities_are_the_models():
    for start, hypotheses in enumerate(beam_search(markov(LOGITS), None, START, beam_size=4, max_length=5, end=3)):
        for found in hypotheses:
            assert found.log_probability == pytest.approx(log_probability(markov(LOGITS), start, found, 3))


def test_the_length_of_the_penalty_counts_the_end():
    [found] = beam_search(markov(LOGITS), None, torch.tensor([2]), beam_size=4, max_length=3, end=3, length_penalty=1.5)
    assert {hypothesis.ended for hypothesis in found} == {True, False}
    for hypothesis in found:
        length = len(hypothesis.tokens) + hypothesis.ended
        assert hypothesis.score == pytest.approx(hypothesis.log_probability / length**1.5)


def test_without_an_end_all_have_the_full_length():
    found = beam_search(markov(LOGITS), None, START, beam_size=3, max_length=4)
    assert all(len(h.tokens) == 4 and not h.ended for hypotheses in found for h in hypotheses)


def test_a_beam_that_never_ends_stops_at_max_length():
    logits = LOGITS.clone()
    logits[:, 3] = -torch.inf
    found = beam_search(markov(logits), None, START, beam_size=3, max_length=50, end=3)
    assert all(len(h.tokens) == 50 and not h.ended for hypotheses in found for h in hypotheses)


def test_more_beams_than_tokens_and_fewer_hypotheses_than_beams():
    [found] = beam_search(markov(LOGITS), None, torch.tensor([0]), beam_size=9, max_length=1, end=3)
    assert [len(h.tokens) for h in found].count(1) == 3
    assert len(found) == 4


def test_n_best_are_the_first_of_all():
    options = {"beam_size": 4, "max_length": 5, "end": 3}
    whole = beam_search(markov(LOGITS), None, START, **options)
    assert beam_search(markov(LOGITS), None, START, n_best=2, **options) == [found[:2] for found in whole]


def test_of_equals_the_smaller_token_comes_first():
    [found] = beam_search(markov(torch.zeros(5, 5)), None, torch.tensor([4]), beam_size=4, max_length=2)
    assert [h.tokens for h in found] == [(0, 0), (0, 1), (0, 2), (0, 3)]


def test_no_sequence_gives_no_list():
    assert beam_search(markov(LOGITS), None, torch.tensor([], dtype=torch.long), beam_size=2, max_length=3) == []


def test_done_sequences_cost_nothing():
    """One ends at once, one at the third token."""
    logits = torch.full((4, 4), -30.0)
    logits[0, 3] = logits[1, 2] = logits[2, 0] = 0
    rows = []

    def step(tokens, state):
        rows.append(len(tokens))
        return logits[tokens], state

    found = beam_search(step, None, torch.tensor([0, 1]), beam_size=2, max_length=20, end=3, n_best=1)
    assert [best.tokens for [best] in found] == [(), (2, 0)]
    assert rows[0] == 2  # the first token needs no copies of the same beam
    assert rows[-1] == 2
    assert len(rows) < 6


@pytest.mark.parametrize("kind", [torch.float64, torch.float32, torch.bfloat16])
def test_scores_are_of_the_logits_type_or_float32(kind):
    logits = LOGITS.to(kind)
    [[best]] = beam_search(markov(logits), None, torch.tensor([2]), beam_size=2, max_length=3, n_best=1)
    exact = log_probability(markov(logits.double()), 2, best, None)
    assert best.log_probability == pytest.approx(exact, rel=1e-12 if kind == torch.float64 else 1e-6)


@pytest.mark.parametrize("form", ["tensor", "tuple", "dict", "nested"])
def test_states_follow_their_beams(form):
    """Each state is the sum of the tokens read; the next token's probability depends on it."""
    forms = {
        "tensor": (lambda sums: sums[:, None], lambda state: state[:, 0], 0),
        "tuple": (lambda sums: (sums[None], sums[None, :, None]), lambda state: state[1][0, :, 0], 1),
        "dict": (lambda sums: {"a": sums, "b": None, "c": 7}, lambda state: state["a"], 0),
        "nested": (
            lambda sums: {"rnn": (sums[None], [sums[None]]), "memory": sums},
            lambda state: (state["rnn"][1][0][0] + state["memory"] + state["rnn"][0][0]) / 3,
            {"rnn": 1, "memory": 0},
        ),
    }
    pack, unpack, batch_dim = forms[form]

    def step(tokens, state):
        sums = (torch.zeros(len(tokens)) if state is None else unpack(state)) + tokens
        return torch.stack([(sums * 1.7).sin() * 2, (sums * 0.9).cos() * 2, sums.sin()], 1).double(), pack(sums)

    options = {"max_length": 4, "end": 2, "length_penalty": 1.0}
    found = beam_search(step, None, torch.tensor([0, 1]), beam_size=81, batch_dim=batch_dim, **options)
    for start, hypotheses in enumerate(found):
        same(hypotheses, every_hypothesis(step, start, **options), 1e-6)


def test_the_trace_is_the_tree_of_the_beams():
    steps = []
    found = beam_search(markov(LOGITS), None, START, beam_size=3, max_length=5, end=3, trace=steps.append)
    for time, step in enumerate(steps):
        assert step.tokens.shape == (len(step.item), time + 1)
        assert not step.group.any()
        assert ((step.tokens[:, -1] == 3) == step.ended).all()
        if time:
            before = steps[time - 1]
            assert not before.ended[step.parent].any()
            assert torch.equal(before.tokens[step.parent], step.tokens[:, :-1])
            assert torch.equal(before.item[step.parent], step.item)
            assert (step.log_probability < before.log_probability[step.parent]).all()
        else:
            assert torch.equal(step.parent, step.item)
    leaves = {
        (int(item), tuple(tokens.tolist()), float(value))
        for step in steps
        for item, tokens, value in zip(step.item, step.tokens, step.log_probability, strict=True)
    }
    for item, hypotheses in enumerate(found):
        for h in hypotheses:
            assert (item, h.tokens + (3,) * h.ended, h.log_probability) in leaves


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam_size": 0}, "beam_size must be a whole number, 1 or more, not 0"),
        ({"max_length": 0}, "max_length must be a whole number, 1 or more"),
        ({"n_best": 4}, "n_best must be a whole number, from 1 to 3, not 4"),
        ({"n_best": 0}, "n_best"),
        ({"end": 4}, "end: there is no token 4, the model has 4"),
        ({"end": -1}, "end must be a whole number, 0 or more"),
        ({"length_penalty": -0.5}, "length_penalty must be from 0 to 10"),
        ({"length_penalty": float("nan")}, "length_penalty must be from 0 to 10"),
    ],
)
def test_values_out_of_range_are_one_line(options, message, one_line):
    with one_line(OptionError, message):
        beam_search(markov(LOGITS), None, START, **{"beam_size": 3, "max_length": 5, **options})


@pytest.mark.parametrize(
    ("state", "batch_dim", "kind", "message"),
    [
        (torch.zeros(2, 3, 4), 0, InputError, "has 2 sequences along dimension 0 instead of 3; name the right one"),
        ((torch.zeros(3), torch.zeros(3)), (0, 0, 0), OptionError, "another structure than the state"),
        (torch.zeros(3), 1, OptionError, "batch_dim must be a dimension"),
        (torch.zeros(3), "0", OptionError, "batch_dim must be a dimension"),
    ],
)
def test_a_state_that_does_not_fit_is_one_line(state, batch_dim, kind, message, one_line):
    with one_line(kind, message):
        beam_search(markov(LOGITS), state, START, beam_size=2, max_length=3, batch_dim=batch_dim)


@pytest.mark.parametrize(
    ("logits", "message"),
    [
        (torch.zeros(2, 4), "logits [3, V], not [2, 4]"),
        (torch.zeros(1, 3, 4), "not [1, 3, 4]"),
        (torch.zeros(3, 4, dtype=torch.long), "torch.int64"),
        (torch.full((3, 4), torch.nan), "sequence 0 are not all numbers"),
        (torch.tensor([[0.0, 1.0], [torch.inf, 0.0], [0.0, 0.0]]), "sequence 1 are not all numbers"),
    ],
)
def test_logits_that_can_not_be_used_are_one_line(logits, message, one_line):
    with one_line(InputError, message):
        beam_search(lambda tokens, state: (logits, state), None, START, beam_size=2, max_length=3)
