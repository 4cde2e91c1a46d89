"""What MUT1 and MUT2 do where the paper's equations need input and hidden sizes to agree."""

from torch import nn


def projection(input_size: int, hidden_size: int) -> nn.Module:
    """The identity where the sizes agree, so that the equations are the paper's; else one matrix without bias."""
    return nn.Identity() if input_size == hidden_size else nn.Linear(input_size, hidden_size, bias=False)
