"""Drawing from a model with gradients, and the reward of what was drawn."""

import pytest
import torch

from seqmodels.data import build_tokenizer
from seqmodels.errors import OptionError
from seqmodels.tasks.self_critical import CaptionReward, draw

END = 2


def _drawn(scores, batch, max_length=4):
    step = lambda tokens, state: (scores.expand(len(tokens), -1), state)  # noqa: E731
    return draw(step, None, torch.zeros(batch, dtype=torch.long), max_length, END)


def test_tokens_come_as_often_as_the_model_says():
    torch.manual_seed(0)
    probabilities = torch.tensor([0.5, 0.3, 0.2])
    first = _drawn(probabilities.log(), batch=20_000).tokens[:, 0]
    assert torch.allclose(first.bincount(minlength=3) / len(first), probabilities, atol=0.01)


def test_after_the_end_comes_the_end_and_counts_nothing():
    torch.manual_seed(0)
    drawn = _drawn(torch.zeros(3), batch=200)
    before = torch.cat([torch.ones(200, 1), (drawn.tokens != END).float().cumprod(1)[:, :-1]], 1).bool()
    assert torch.equal(drawn.alive, before)
    assert (drawn.tokens[~drawn.alive] == END).all()
    assert torch.allclose(drawn.log_probabilities, torch.tensor(1 / 3).log().expand(200, 4))


def test_the_gradient_raises_what_was_rewarded():
    """Of a single step: d(loss)/d(score k) = -sum of reward * (1[k drawn] - p(k)), a mean over the sequences."""
    torch.manual_seed(0)
    scores = torch.tensor([0.1, -0.4, 0.3], requires_grad=True)
    drawn = _drawn(scores, batch=50, max_length=1)
    reward = torch.rand(50)
    total, count = drawn.loss(reward)
    (total / count).backward()
    chosen = torch.nn.functional.one_hot(drawn.tokens[:, 0], 3)
    expected = -(reward[:, None] * (chosen - scores.detach().softmax(0))).mean(0)
    assert torch.allclose(scores.grad, expected, atol=1e-6)


def test_a_reward_needs_captions():
    with pytest.raises(OptionError, match="CaptionData"):
        CaptionReward(object(), build_tokenizer("word", "a dog\n"))
