"""Where the layers of RNNs are in a model, and what they ran one after the other."""

import torch
from torch import Tensor, nn

from seqmodels.errors import InputError
from seqmodels.layer import Layer


def layers_of(model: nn.Module) -> dict[int, tuple[str, Layer]]:
    """The layers of all RNNs in a model and their places, by the identity of their cells.

    Example:
        >>> from seqmodels import RNN
        >>> [place for place, layer in layers_of(RNN("gru", 2, 3, num_layers=2)).values()]
        ['layers.0', 'layers.1']
    """
    found = ((place, module) for place, module in model.named_modules() if isinstance(module, Layer))
    return {id(layer.cell): (place, layer) for place, layer in found}


def join_runs(place: str, parts: list[Tensor]) -> Tensor:
    """One sequence [T, B, ...] of those of each time that a layer ran.

    Raises:
        InputError: If its batches had different sizes.
    """
    if len({part.shape[1] for part in parts}) > 1:
        raise InputError(f"{place} ran with batches of different sizes; run the model once, or with one size")
    return torch.cat(parts)
