"""Several models that write together."""

import pytest
import torch
from decoding.references import Writer, markov

from seqmodels.decoding import beam_search, ensemble
from seqmodels.errors import InputError, OptionError

FIRST, SECOND = torch.randn(2, 4, 4, generator=torch.Generator().manual_seed(0))
TOKENS = torch.tensor([0, 1, 3])


def test_an_ensemble_of_one_is_that_model():
    logits, _ = ensemble([markov(FIRST)])(TOKENS, None)
    torch.testing.assert_close(logits.softmax(-1), FIRST[TOKENS].softmax(-1))


def test_an_ensemble_of_two_has_the_mean_of_their_probabilities():
    logits, _ = ensemble([markov(FIRST), markov(SECOND)])(TOKENS, (None, None))
    torch.testing.assert_close(logits.exp(), (FIRST[TOKENS].softmax(-1) + SECOND[TOKENS].softmax(-1)) / 2)


def test_weights_are_divided_by_their_sum():
    logits, _ = ensemble([markov(FIRST), markov(SECOND)], weights=[1, 3])(TOKENS, None)
    torch.testing.assert_close(logits.exp(), FIRST[TOKENS].softmax(-1) / 4 + SECOND[TOKENS].softmax(-1) * 3 / 4)


def test_what_no_model_gives_is_impossible_and_what_one_gives_is_not():
    sure = torch.tensor([[0.0, -torch.inf, -torch.inf]])
    other = torch.tensor([[-torch.inf, 0.0, -torch.inf]])
    logits, _ = ensemble([markov(sure), markov(other)])(torch.tensor([0]), None)
    torch.testing.assert_close(logits.exp(), torch.tensor([[0.5, 0.5, 0.0]]))


def test_each_model_has_its_own_state():
    """Twice the same network, once between a network that has other states."""
    writer, other = Writer("lstm"), Writer("gru", layers=1)
    options = {"beam_size": 3, "max_length": 6, "end": 3, "batch_dim": 1}
    alone = beam_search(writer.step, None, TOKENS, **options)
    twice = beam_search(ensemble([writer.step, writer.step]), None, TOKENS, **options)
    mostly = ensemble([writer.step, other.step], weights=[1, 1e-12])
    mixed = beam_search(mostly, (None, None), TOKENS, **{**options, "batch_dim": (1, 1)})
    for expected, *others in zip(alone, twice, mixed, strict=True):
        for found in others:
            assert [h.tokens for h in found] == [h.tokens for h in expected]
            torch.testing.assert_close(
                torch.tensor([h.score for h in found]), torch.tensor([h.score for h in expected])
            )


@pytest.mark.parametrize(
    ("steps", "weights", "message"),
    [
        ([], None, "no model is given"),
        ([markov(FIRST)], [0.5, 0.5], "2 weights are given for 1 models"),
        ([markov(FIRST)], [0.0], "weights must be above 0, not 0.0"),
    ],
)
def test_what_can_not_be_mixed_is_one_line(steps, weights, message, one_line):
    with one_line(OptionError, message):
        ensemble(steps, weights)


def test_other_vocabularies_and_states_are_one_line(one_line):
    with one_line(InputError, "model 1 has 2 tokens, those before 4"):
        ensemble([markov(FIRST), markov(SECOND[:, :2])])(TOKENS, None)
    with one_line(InputError, "the state must be a tuple of 2"):
        ensemble([markov(FIRST), markov(SECOND)])(TOKENS, (None,))
