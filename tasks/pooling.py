"""Many to one: what a network says at each step as one vector a sequence."""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from seqmodels.errors import OptionError

POOLINGS = ("last", "mean", "max", "attention")


class Pooling(nn.Module):
    """One vector of a sequence's outputs h_1 .. h_n, whatever the longest sequence of its batch.

    - "last": h_n, and of the backward direction h_1: each direction after it has read everything.
    - "mean": sum_t h_t / n.
    - "max": the largest value of each feature.
    - "attention": sum_t a_t h_t, where a = softmax(u_t . q) and u_t = tanh(W h_t + b); the query q is learned.

    An empty sequence (n = 0) gives zeros.

    Args:
        how: One of ``POOLINGS``.
        size: Features of an output, S; of both directions together.
        bidirectional: Whether the second half of the features is of the backward direction.

    Raises:
        OptionError: If there is no such pooling.

    Source: Yang et al. 2016, "Hierarchical attention networks for document classification", eq. 5-7.

    Example:
        >>> import torch
        >>> output = torch.tensor([[[1.0]], [[5.0]], [[3.0]]])
        >>> [float(Pooling(how, 1)(output)) for how in ("last", "mean", "max")]
        [3.0, 3.0, 5.0]
    """

    def __init__(self, how: str, size: int, bidirectional: bool = False) -> None:
        super().__init__()
        if how not in POOLINGS:
            raise OptionError(f"pooling is {how!r}; use one of {', '.join(POOLINGS)}")
        self.how, self.bidirectional = how, bidirectional
        if how == "attention":
            self.hidden = nn.Linear(size, size)
            self.query = nn.Linear(size, 1, bias=False)

    def forward(self, output: Float[Tensor, "T B S"], lengths: Int[Tensor, " B"] | None = None) -> Float[Tensor, "B S"]:
        """The vector of each sequence.

        Args:
            output: Of :class:`RNN`, which is 0 past the end.
            lengths: Steps of each sequence; all of them if not given.
        """
        # An empty sequence is read as one step, whose output is 0.
        lengths = output.new_full(output.shape[1:2], len(output), dtype=torch.long) if lengths is None else lengths
        lengths = lengths.clamp(min=1)
        if self.how == "last":
            return self._last(output, lengths)
        if self.how == "mean":
            return output.sum(0) / lengths[:, None]
        real = torch.arange(len(output), device=output.device)[:, None] < lengths
        if self.how == "max":
            return output.masked_fill(~real[..., None], -torch.inf).amax(0)
        return (self._weights(output, real)[..., None] * output).sum(0)

    def _last(self, output: Tensor, lengths: Tensor) -> Tensor:
        last = output[lengths - 1, torch.arange(len(lengths), device=output.device)]
        if not self.bidirectional:
            return last
        half = output.shape[-1] // 2
        return torch.cat([last[:, :half], output[0, :, half:]], -1)

    def _weights(self, output: Tensor, real: Bool[Tensor, "T B"]) -> Float[Tensor, "T B"]:
        scores = self.query(torch.tanh(self.hidden(output)))[..., 0]
        return scores.masked_fill(~real, -torch.inf).softmax(0)
