"""The nonlinearity of networks with an orthogonal matrix."""

import torch
from torch import Tensor


def modrelu(z: Tensor, b: Tensor) -> Tensor:
    """sign(z) * relu(|z| + b): shrinks or stretches z and keeps its sign, as Arjovsky et al. 2016, eq. 8, do it."""
    return torch.sign(z) * torch.relu(torch.abs(z) + b)
