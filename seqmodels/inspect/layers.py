"""Where the layers of RNNs are in a model."""

from torch import nn

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
