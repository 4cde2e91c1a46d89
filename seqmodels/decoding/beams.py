"""The beams of a search, and how those of one group choose their next tokens."""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from seqmodels.decoding.largest import largest


class Beams(NamedTuple):
    """What lives on: m beams of each of G groups and n items; rows of logits and states are in this order."""

    items: Tensor
    """[n] the sequences of the batch that are not done."""
    score: Tensor
    """[G, n, m] sum of the model's log-probabilities; -inf for none."""
    ranking: Tensor
    """The same, less the penalties of diversity."""
    written: Tensor
    """[G, n, m, t] tokens."""
    place: Tensor
    """[G, n, m] place in the last step of the trace."""

    def keep(self, kept: Tensor) -> "Beams":
        """Those of these of the n items."""
        return Beams(self.items[kept], *(tensor.index_select(1, kept) for tensor in self[1:]))


class Choice(NamedTuple):
    """What one group goes on with; of equal candidates the first beam's and the first token comes first."""

    parent: Tensor
    """[n, size] the beam of the group that each goes on from."""
    token: Tensor
    """[n, size]."""
    score: Tensor
    """[n, size] sum of the model's log-probabilities; -inf for none."""
    ranking: Tensor
    """[n, size] the same, less the penalties of diversity."""
    end_parent: Tensor
    """[n, size] those that end ..."""
    end_score: Tensor
    """[n, size] ... where this is not -inf."""
    stuck: Tensor
    """[n, m] score of each beam that nothing may follow, else -inf."""
    broken: Tensor
    """[n] where the model's logits are no numbers."""


def choose(
    size: int, end: int | None, allowed: Tensor, logits: Tensor, log_probability: Tensor, score: Tensor, ranking: Tensor
) -> Choice:
    """The best ``size`` that go on, and which of the best ``size`` end.

    Args:
        size: Beams to go on with.
        end: The token that ends.
        allowed: [n * m, V] the logits by which to choose: less penalties, -inf where ruled out.
        logits: [n * m, V] those of the model.
        log_probability: [n * m, V] of the model.
        score: [n, m] of the beams.
        ranking: [n, m] of the beams.
    """
    n, m = score.shape
    # The best of a row by its logits, whose order log-probabilities may lose to rounding. At most one of each row
    # ends, so one more than needed leaves enough that go on.
    value, token = largest(allowed, min(size + 1, allowed.shape[1]))
    own = log_probability.gather(1, token)
    nowhere = value == -torch.inf
    broken = (own.isnan() & ~nowhere).view(n, m, -1).any(2) & (score > -torch.inf)
    own = own.masked_fill(nowhere, -torch.inf)
    gain = own + (value - logits.gather(1, token)).masked_fill(nowhere, 0)  # less the penalty
    width = token.shape[1]
    total = (ranking[:, :, None] + gain.view(n, m, width)).flatten(1)
    best, order = largest(total, min(2 * size, total.shape[1]))
    lacking = max(2 * size - best.shape[1], 0)
    best, order = F.pad(best, (0, lacking), value=-torch.inf), F.pad(order, (0, lacking))
    parent, token = order // width, token.reshape(n, -1).gather(1, order)
    sums = (score[:, :, None] + own.view(n, m, width)).flatten(1).gather(1, order)
    sums = sums.masked_fill(best == -torch.inf, -torch.inf)
    ends = torch.zeros_like(token, dtype=torch.bool) if end is None else token == end
    end_score = sums.masked_fill(~ends, -torch.inf)[:, :size]
    goes_on = (~ends & (sums > -torch.inf)).byte().sort(dim=1, descending=True, stable=True).indices[:, :size]
    lives = sums.masked_fill(ends, -torch.inf).gather(1, goes_on)
    if size == 1:  # greedy decoding: the end leaves nothing to go on with, whatever a length penalty may promise
        lives = lives.masked_fill(end_score > -torch.inf, -torch.inf)
    none = lives == -torch.inf
    goes_on = torch.where(none, goes_on[:, :1], goes_on)  # the model reads nothing that can't be
    return Choice(
        parent.gather(1, goes_on),
        token.gather(1, goes_on),
        lives,
        best.gather(1, goes_on).masked_fill(none, -torch.inf),
        parent[:, :size],
        end_score,
        score.masked_fill(~nowhere[:, 0].view(n, m), -torch.inf),
        broken.any(1),
    )
