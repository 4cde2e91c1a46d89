"""What a beam search finds, and the best of it so far."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F


class Hypothesis(NamedTuple):
    """A sequence that a search found."""

    tokens: tuple[int, ...]
    """What was written, without the token before the first and without the end."""
    log_probability: float
    """Sum of the model's log-probabilities of the tokens, in nats; that of the end included, if it ended."""
    score: float
    """What it is ranked by: the log-probability, divided by length ** length_penalty; the end counts as a token."""
    ended: bool
    """False: max_length was reached, or no rule and no probability left a token to go on with."""
    group: int = 0
    """The group of diverse beam search that found it."""


class Pool:
    """The ``size`` best hypotheses of each of G groups and N items; tensors are [G, N, size], best first."""

    def __init__(self, groups: int, items: int, size: int, max_length: int, score: Tensor) -> None:
        shape = (groups, items, size)
        self.score = score.new_full(shape, -torch.inf)
        self.log_probability = torch.zeros_like(self.score)
        self.ended = torch.zeros(shape, dtype=torch.bool, device=score.device)
        self.length = torch.zeros(shape, dtype=torch.long, device=score.device)
        self.tokens = self.length.new_zeros(*shape, max_length)

    def offer(self, items: Tensor, score: Tensor, log_probability: Tensor, written: Tensor, ended: bool) -> None:
        """Takes in what is among the best of m more for each of n items: scores [G, n, m], -inf for none."""
        size = self.score.shape[2]
        together = torch.cat([self.score[:, items], score], 2)
        best, order = together.sort(dim=2, descending=True, stable=True)
        order = order[:, :, :size]

        def merged(own: Tensor, others: Tensor) -> Tensor:
            return torch.cat([own[:, items], others], 2).gather(2, order)

        length = torch.full_like(score, written.shape[3], dtype=torch.long)
        written = F.pad(written, (0, self.tokens.shape[3] - written.shape[3]))
        everything = torch.cat([self.tokens[:, items], written], 2)
        self.tokens[:, items] = everything.gather(2, order[..., None].expand(-1, -1, -1, everything.shape[3]))
        self.score[:, items] = best[:, :, :size]
        self.log_probability[:, items] = merged(self.log_probability, log_probability)
        self.ended[:, items] = merged(self.ended, torch.full_like(score, ended, dtype=torch.bool))
        self.length[:, items] = merged(self.length, length)

    def best(self, count: int) -> list[list[Hypothesis]]:
        """The ``count`` best of each item, groups taken together; of equal ones that of the first group first."""
        columns = (self.tokens, self.log_probability, self.score, self.ended, self.length)
        tokens, log_probability, score, ended, length = (column.transpose(0, 1).tolist() for column in columns)
        results = []
        for item in range(len(score)):
            found = [
                Hypothesis(tuple(tokens[item][g][k][: length[item][g][k]]), log_probability[item][g][k], value, end, g)
                for g, values in enumerate(score[item])
                for k, (value, end) in enumerate(zip(values, ended[item][g], strict=True))
                if value > -torch.inf
            ]
            results.append(sorted(found, key=lambda hypothesis: -hypothesis.score)[:count])
        return results
