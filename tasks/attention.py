"""Attention: what to look at, given what was read or written so far."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from seqmodels.errors import OptionError


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


class MultiplicativeAttention(nn.Module):
    """A mean of the memory's R entries, weighted by products with the query, for many queries at once::

        score_r = q . W m_r    or, if not learned,    score_r = q . m_r

    Weights and context are as for :class:`AdditiveAttention`.

    Args:
        memory_size: Features of an entry, M.
        query_size: Features of a query, Q.
        learned: Whether there is a W ("general"); without one ("dot") M must be Q.

    Raises:
        OptionError: If M is not Q, and nothing is learned.

    Source: Luong, Pham and Manning 2015, arXiv 1508.04025, eq. 8, "general" and "dot".

    Example:
        >>> attention = MultiplicativeAttention(memory_size=3, query_size=4)
        >>> context, weights = attention(torch.rand(2, 7, 3), torch.rand(2, 5, 4))
        >>> context.shape, weights.shape
        (torch.Size([2, 5, 3]), torch.Size([2, 5, 7]))
    """

    def __init__(self, memory_size: int, query_size: int, learned: bool = True) -> None:
        super().__init__()
        if not learned and memory_size != query_size:
            raise OptionError(
                f"attention 'dot' needs entries and queries of equal size, not {memory_size} and {query_size}; "
                "use 'general', or make them equal"
            )
        # Of the query, not the memory: a decoder copies its memory for each beam, and has nothing more to copy.
        self.from_query = nn.Linear(query_size, memory_size, bias=False) if learned else nn.Identity()

    def forward(
        self, memory: Float[Tensor, "B R M"], query: Float[Tensor, "B T Q"], mask: Bool[Tensor, "B R"] | None = None
    ) -> tuple[Float[Tensor, "B T M"], Float[Tensor, "B T R"]]:
        """Context and weights of each query; entries where ``mask`` is False get no weight."""
        scores = self.from_query(query) @ memory.transpose(1, 2)
        if mask is not None:
            scores = scores.masked_fill(~mask[:, None], -torch.inf)
        weights = scores.softmax(-1)
        return weights @ memory, weights
