"""Models to decode, and searches that are slow but plainly right."""

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence

from seqmodels import RNN
from seqmodels.decoding import Hypothesis


def markov(logits):
    """The next token depends on the last one only: row v of [V, V] follows token v."""
    return lambda tokens, state: (logits[tokens], state)


class Writer(nn.Module):
    """A network whose weights are so large that its distributions are far from flat; as the plain loop, uncompiled."""

    def __init__(self, cell, vocabulary=4, layers=2):
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, 6)
        self.rnn = RNN(cell, 6, 5, layers, backend="reference")
        self.decoder = nn.Linear(5, vocabulary)
        for parameter in self.parameters():
            nn.init.normal_(parameter, std=1.0)
        self.double()

    @torch.no_grad()
    def step(self, tokens, state):
        output, state = self.rnn(self.embedding(tokens)[None], state)
        return self.decoder(output[0]) * 2, state

    @torch.no_grad()
    def log_probabilities(self, starts, hypotheses, end):
        """What the network gives to hypotheses that it reads as a whole, each after its first token."""
        texts = [[start, *h.tokens, *[end] * h.ended] for start, h in zip(starts, hypotheses, strict=True)]
        tokens = pad_sequence([torch.tensor(text) for text in texts])
        output, _ = self.rnn(self.embedding(tokens))
        values = (self.decoder(output) * 2).log_softmax(-1)[:-1].gather(2, tokens[1:, :, None])[..., 0]
        return [float(values[: len(text) - 1, row].sum()) for row, text in enumerate(texts)]


def every_hypothesis(step, start, max_length, end=None, length_penalty=0.0, allows=lambda written, token: True):
    """All that can be written after one token, best first."""
    return ranked(all_written(step, start, max_length, end, allows), length_penalty)


def all_written(step, start, max_length, end=None, allows=lambda written, token: True):
    """All that can be written after one token: (tokens, log-probability, whether it ended)."""
    found = []

    def go_on(token, state, written, total):
        if len(written) == max_length:
            return found.append((written, total, False))
        logits, state = step(torch.tensor([token]), state)
        values = logits[0].log_softmax(-1).tolist()
        nexts = [token for token, value in enumerate(values) if value > -torch.inf and allows(written, token)]
        if not nexts:
            return found.append((written, total, False))
        for token in nexts:
            if token == end:
                found.append((written, total + values[token], True))
            else:
                go_on(token, state, (*written, token), total + values[token])
        return None

    go_on(start, None, (), 0.0)
    return found


def ranked(written, length_penalty):
    """What was written as hypotheses, best first."""
    found = [
        Hypothesis(tokens, total, total / (len(tokens) + ended) ** length_penalty, ended)
        for tokens, total, ended in written
    ]
    return sorted(found, key=lambda hypothesis: -hypothesis.score)


def log_probability(step, start, hypothesis, end):
    """What the model gives to a hypothesis, token after token."""
    total, token, state = 0.0, start, None
    for following in [*hypothesis.tokens, *([end] if hypothesis.ended else [])]:
        logits, state = step(torch.tensor([token]), state)
        total += float(logits[0].log_softmax(-1)[following])
        token = following
    return total


def same(found, expected, tolerance=1e-9):
    """Equal hypotheses in the same order, but for rounding; those of equal score in any order."""
    assert len(found) == len(expected)
    scores = [torch.tensor([h.score for h in hypotheses], dtype=torch.double) for hypotheses in (found, expected)]
    torch.testing.assert_close(*scores, rtol=tolerance, atol=tolerance)
    for left, right in zip(found, expected, strict=True):
        twins = [other for other in expected if abs(other.score - right.score) <= 2 * tolerance]
        assert any((left.tokens, left.ended) == (twin.tokens, twin.ended) for twin in twins)
    assert len({(h.tokens, h.ended) for h in found}) == len(found)
