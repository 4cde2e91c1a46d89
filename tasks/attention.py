"""Attention: what to look at, given what was read or written so far."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class AdditiveAttention(nn.Module):
    """A mean of the memory's R entries, weighted by a small network's score of each beside the query::

        score_r = v . tanh(W m_r + U q),    weights = softmax(score),    context = sum_r weights_r m_r

    Args:
        memory_size: Features of an entry, M.
        query_size: Features of the query, Q.
        attention_size: Of the hidden layer.

    Source: Bahdanau, Cho and Bengio 2015, arXiv 1409.0473; for pictures Xu et al. 2015, arXiv 1502.03044 ("soft").

    Example:
        >>> attention = AdditiveAttention(memory_size=3, query_size=4, attention_size=5)
        >>> memory = torch.rand(2, 7, 3)
        >>> context, weights = attention(attention.prepare(memory), memory, torch.rand(2, 4))
        >>> context.shape, weights.shape
        (torch.Size([2, 3]), torch.Size([2, 7]))
    """

    def __init__(self, memory_size: int, query_size: int, attention_size: int) -> None:
        super().__init__()
        self.from_memory = nn.Linear(memory_size, attention_size)
        self.from_query = nn.Linear(query_size, attention_size, bias=False)
        self.to_score = nn.Linear(attention_size, 1, bias=False)

    def prepare(self, memory: Float[Tensor, "B R M"]) -> Float[Tensor, "B R A"]:
        """The part that doesn't depend on the query, computed once a sequence."""
        return self.from_memory(memory)

    def forward(
        self,
        prepared: Float[Tensor, "B R A"],
        memory: Float[Tensor, "B R M"],
        query: Float[Tensor, "B Q"],
        mask: Bool[Tensor, "B R"] | None = None,
    ) -> tuple[Float[Tensor, "B M"], Float[Tensor, "B R"]]:
        """Context and weights; entries where ``mask`` is False get no weight."""
        scores = self.to_score(torch.tanh(prepared + self.from_query(query)[:, None]))[..., 0]
        if mask is not None:
            scores = scores.masked_fill(~mask, -torch.inf)
        weights = scores.softmax(-1)
        return (weights[:, None] @ memory)[:, 0], weights
