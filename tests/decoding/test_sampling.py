"""Greedy decoding and sampling over any structure of states."""

import torch

from seqmodels.decoding import greedy, sample

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
