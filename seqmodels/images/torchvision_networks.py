"""torchvision's classification networks, cut at a layer by the name of a node in their graph."""

from __future__ import annotations

import difflib
import functools
import warnings
from typing import Any

from torch import Tensor, nn

from seqmodels.errors import OptionError

# What a network's name begins with -> its last feature maps, [B, F, rows, columns].
_GRIDS = {
    ("resnet", "resnext", "wide_resnet"): "layer4",
    ("vgg", "alexnet", "convnext", "efficientnet", "mobilenet", "squeezenet"): "features",
    ("densenet",): "relu",
    ("inception",): "Mixed_7c",
    ("googlenet",): "inception5b",
    ("shufflenet",): "conv5",
    ("mnasnet",): "layers",
    ("regnet",): "trunk_output",
    ("swin",): "permute",
    ("maxvit",): "blocks",
}
_FULLY_CONNECTED = {"fc6": "classifier.1", "fc7": "classifier.4"}  # of VGG, after their ReLU


@functools.cache
def model_names() -> tuple[str, ...]:
    """The classification networks of torchvision."""
    from torchvision import models

    return tuple(models.list_models(module=models))


def torchvision_weights(name: str) -> Any:
    """The ``WeightsEnum`` of a network."""
    from torchvision.models import get_model_weights

    return get_model_weights(name)


def cut(model: nn.Module, name: str, layer: str | None) -> tuple[nn.Module, str]:
    """Cut a network at a layer; what comes after it is let go.

    Args:
        model: as torchvision makes it.
        name: of the network.
        layer: "fc6" or "fc7" (VGG's 4096 features after the ReLU), "pooled" (input of the last linear layer), "grid"
            (the last feature maps), or a node's name from torchvision's ``get_graph_node_names``. None: "fc7" for VGG,
            "pooled" for the rest.

    Returns:
        The network up to there, and the layer with the default filled in.

    Raises:
        OptionError: The network has no such layer.
    """
    from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

    vgg = name.startswith("vgg")
    layer = layer or ("fc7" if vgg else "pooled")
    average = layer == "pooled" and name.startswith("squeezenet")  # no linear layer: it averages its classes' maps
    # Training adds nodes (auxiliary classifiers, dropout), so the names may differ between training and evaluation.
    modes = get_graph_node_names(model, suppress_diff_warning=True)
    nodes = [_node(model, name, "grid" if average else layer, names) for names in modes]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about those names
        extractor = create_feature_extractor(
            model,
            train_return_nodes={nodes[0]: "features"},
            eval_return_nodes={nodes[1]: "features"},
            suppress_diff_warning=True,
        )
    return _Only(extractor, average), layer


def _node(model: nn.Module, name: str, layer: str, names: list[str]) -> str:
    if layer in _FULLY_CONNECTED and name.startswith("vgg"):
        return _FULLY_CONNECTED[layer]
    if layer == "grid":
        for beginnings, node in _GRIDS.items():
            if name.startswith(beginnings):
                return node
        raise OptionError(f"{name} has no feature maps for layer 'grid'; give 'pooled' or a node's name")
    if layer == "pooled":
        modules = dict(model.named_modules())
        linear = [number for number, node in enumerate(names) if isinstance(modules.get(node), nn.Linear)]
        before = linear[-1] - 1
        while isinstance(modules.get(names[before]), nn.Dropout):
            before -= 1
        return names[before]
    if any(node == layer or node.startswith(layer + ".") for node in names) and layer != names[0]:
        return layer
    near = difflib.get_close_matches(layer, names, 3) or names[-3:]
    raise OptionError(f"{name} has no layer {layer!r}; give 'pooled', 'grid', or a node such as {', '.join(near)}")


class _Only(nn.Module):
    """The one output of an extractor."""

    def __init__(self, extractor: nn.Module, average: bool) -> None:
        super().__init__()
        self.extractor, self.average = extractor, average

    def forward(self, images: Tensor) -> Tensor:
        features: Tensor = self.extractor(images)["features"]
        return features.mean((2, 3)) if self.average else features
