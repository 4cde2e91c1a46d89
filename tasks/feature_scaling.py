"""Features of pictures, centred and of unit size."""

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor, nn


class FeatureScaling(nn.Module):
    """Each feature less its mean, divided by the standard deviation over all features together::

        y = (x - mean) / sqrt(mean over features of their variances)

    Means and variances are those of all training pictures so far, of all processes. Features of a trained network are
    rarely below zero: what sets a picture apart is small beside what all pictures share, and both are small beside a
    word's embedding. One deviation for all keeps the proportions of distances between pictures.

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
            for moments in _of_all_processes(features.detach().flatten(0, -2).to(self.mean.dtype)):
                self._count(moments[0], moments[1], moments[2:])
        return (features - self.mean) / torch.where(self.variance > 0, self.variance, 1.0).sqrt()

    def _count(self, rows: Tensor, variance: Tensor, mean: Tensor) -> None:
        """The moments of two samples together (Chan, Golub and LeVeque 1979)."""
        count = self.count + rows
        share = rows / count
        difference = mean - self.mean
        between = difference.square().mean() * share * (1 - share)
        self.variance += share * (variance - self.variance) + between
        self.mean += share * difference
        self.count.copy_(count)


def _of_all_processes(rows: Tensor) -> list[Tensor]:
    """Of the rows of each process: how many, the mean of the variances of their features, and the features' means."""
    variance, mean = rows.var(0, correction=0).mean(), rows.mean(0)
    own = torch.cat([torch.stack([variance.new_tensor(len(rows)), variance]), mean])
    if not (dist.is_available() and dist.is_initialized()):
        return [own]
    every = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(every, own)
    return every
