"""Features of pictures, centred and of unit size."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class FeatureScaling(nn.Module):
    """Each feature less its mean, divided by the standard deviation over all features together::

        y = (x - mean) / sqrt(mean over features of their variances)

    Means and variances are those of all training pictures seen so far. Features of a trained network are rarely below
    zero: what sets a picture apart is small beside what all pictures share, and both are small beside a word's
    embedding. One deviation for all keeps the proportions of distances between pictures.

    Args:
        size: Features, F.

    Example:
        >>> scaling = FeatureScaling(2)
        >>> _ = scaling(torch.tensor([[1.0, 10.0], [3.0, 10.0]]))
        >>> scaling.eval()(torch.tensor([[3.0, 10.0]]))
        tensor([[1.4142, 0.0000]])
    """

    count: Tensor
    mean: Tensor
    variance: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("variance", torch.zeros(()))

    def forward(self, features: Float[Tensor, "*B F"]) -> Float[Tensor, "*B F"]:
        """The scaled features; in training, after these have been counted."""
        if self.training:
            self._count(features.detach().flatten(0, -2))
        return (features - self.mean) / torch.where(self.variance > 0, self.variance, 1.0).sqrt()

    def _count(self, rows: Tensor) -> None:
        """The moments of two samples together (Chan, Golub and LeVeque 1979)."""
        count = self.count + len(rows)
        share = len(rows) / count
        difference = rows.mean(0) - self.mean
        variance = rows.var(0, correction=0).mean()
        between = difference.square().mean() * share * (1 - share)
        self.variance += share * (variance - self.variance) + between
        self.mean += share * difference
        self.count.copy_(count)
