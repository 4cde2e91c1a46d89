"""The nonlinearity of networks with an orthogonal matrix."""

import torch
from torch import Tensor


def modrelu(z: Tensor, b: Tensor) -> Tensor:
    """sign(z) * relu(|z| + b): changes the size of z and keeps its sign (Arjovsky et al. 2016, arXiv 1511.06464)."""
    return torch.sign(z) * torch.relu(torch.abs(z) + b)
