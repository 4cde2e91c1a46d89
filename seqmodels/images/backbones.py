"""``Backbone``: a convolutional network cut at a layer, which makes features of pictures."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqmodels.errors import CheckpointError, DataError, InputError, OptionError, SeqmodelsError
from seqmodels.images.networks import make_network
from seqmodels.images.weights import file_digest

if TYPE_CHECKING:
    from PIL.Image import Image


class Backbone(nn.Module):
    """A network that makes features of pictures: images [B, 3, S, S] -> [B, F], or [B, R, F] for a grid of R regions.

    Regions are in reading order, row by row. The pictures are preprocessed with :meth:`preprocess`. Frozen, the network
    stays in evaluation mode and no gradients are kept, whatever ``train()`` says.

    Args:
        name: a classification network of torchvision ("vgg16", "resnet101", ...); "efficientnet_lite0", whose weights
            come from a pip package (Liu 2020, blog.tensorflow.org/2020/03); "small_cnn", three convolutions for
            pictures of 30 to 64 pixels; or "pixels", the pixels themselves.
        layer: where the network is cut. "fc7" (VGG's default): 4096 features, after the ReLU, without dropout; "fc6"
            likewise. "pooled" (default of the rest): the input of the last linear layer. "grid": the last feature
            maps. Or a node from torchvision's ``get_graph_node_names``, such as vgg16's "features.29" (conv5_3, 14 x
            14); four dimensions are taken for [B, F, rows, columns].
        weights: "default", the best of torchvision (ImageNet), or one of its names such as "IMAGENET1K_V1"; "random";
            or the path of a state dictionary (``torch.save`` or safetensors). "small_cnn" has random ones by default.
        image_size: S in pixels; None: what the network was trained with, 64 for "small_cnn", 32 for "pixels".
        feature_size: F of "small_cnn"; the other networks have their own.
        trainable: learn the weights with the rest of the model; None: for "small_cnn" alone.
        seed: of random weights; None: drawn from torch's generator.
        load: False: don't read or download the weights, since ``load_state_dict`` follows.

    Attributes:
        feature_size: F.
        regions: R, or None if the features are [B, F].
        image_size: S.
        trainable: whether the weights are learnt.
        spec: plain values from which :meth:`from_spec` makes the same backbone again.

    Raises:
        OptionError: an option out of range, no such network or layer, or a package that isn't installed.
        DataError: the weights can't be downloaded or read.

    Example:
        >>> import torch
        >>> backbone = Backbone("small_cnn", layer="grid", image_size=30, feature_size=24)
        >>> backbone(torch.zeros(2, 3, 30, 30)).shape, backbone.regions, backbone.feature_size
        (torch.Size([2, 9, 24]), 9, 24)
    """

    def __init__(
        self,
        name: str,
        layer: str | None = None,
        weights: str | Path = "default",
        image_size: int | None = None,
        feature_size: int = 64,
        trainable: bool | None = None,
        seed: int | None = None,
        *,
        load: bool = True,
    ) -> None:
        super().__init__()
        for option, value in (("image_size", image_size), ("feature_size", feature_size)):
            if value is not None and value < 1:
                raise OptionError(f"{option} must be 1 or more, not {value}")
        seed = int(torch.randint(2**31, ())) if seed is None else seed
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would also change the generators of GPUs
            network = make_network(name, layer, str(weights), image_size, feature_size, load)
        self.trainable = name == "small_cnn" if trainable is None else trainable
        self.preprocessing = network.preprocessing
        self.image_size = self.preprocessing.image_size
        self.network = network.module.requires_grad_(self.trainable).eval()
        self.regions, self.feature_size = self._sizes(name, network.layer)
        self.train(self.trainable)
        self.spec: dict[str, str | int | float] = {
            "name": name,
            "layer": network.layer,
            "weights": network.weights,
            "image_size": self.image_size,
            "feature_size": self.feature_size,
            "trainable": int(self.trainable),
        }
        if network.weights == "random":
            self.spec["seed"] = seed
        elif load and Path(network.weights).is_file():
            self.spec["weights_digest"] = file_digest(Path(network.weights))

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any], load: bool = True) -> Backbone:
        """The backbone whose :attr:`spec` this is.

        Args:
            spec: as the attribute gives it.
            load: False: don't read or download the weights, since ``load_state_dict`` follows.

        Raises:
            CheckpointError: it is no spec.
            DataError: the weights can't be downloaded or read, or their file is another one now.

        Example:
            >>> backbone = Backbone("pixels", image_size=8)
            >>> Backbone.from_spec(backbone.spec).spec == backbone.spec
            True
        """
        options = dict(spec) if isinstance(spec, Mapping) else {}
        digest = options.pop("weights_digest", None)
        try:
            options["trainable"] = bool(options["trainable"])
            backbone = cls(**options, load=load)
        except (KeyError, TypeError, AttributeError):
            raise CheckpointError(f"{spec!r} is no spec of a backbone; give what Backbone.spec holds") from None
        if load and digest is not None and backbone.spec.get("weights_digest") != digest:
            raise DataError(
                f"{options['weights']}: holds other weights than when the spec was made; put the old file there"
            )
        backbone.spec = dict(spec)
        return backbone

    def preprocess(self, image: Image) -> Float[Tensor, "3 S S"]:
        """Make an RGB picture the network's input: its short side resized, the middle cut out, channels normalised."""
        return self.preprocessing(image)

    def train(self, mode: bool = True) -> Backbone:
        """Training mode, unless the network is frozen."""
        return super().train(mode and self.trainable)

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B *R F"]:
        """Features of preprocessed pictures.

        Raises:
            InputError: They aren't [B, 3, S, S].
        """
        size = self.image_size
        if images.dim() != 4 or list(images.shape[1:]) != [3, size, size]:
            raise InputError(
                f"images are {list(images.shape)}; they must be [batch, 3, {size}, {size}], as preprocess gives them"
            )
        with contextlib.nullcontext() if self.trainable else torch.no_grad():
            features = self.network(images)
        return features.flatten(2).transpose(1, 2) if features.dim() == 4 else features

    def _sizes(self, name: str, layer: str) -> tuple[int | None, int]:
        """Regions and features, by trying."""
        try:
            with torch.no_grad():
                features = self(torch.zeros(1, 3, self.image_size, self.image_size))
        except SeqmodelsError:
            raise
        except Exception as error:
            reason = " ".join(str(error).split())
            raise OptionError(
                f"{name} can't take image_size={self.image_size} up to layer {layer!r} ({reason}); leave image_size out"
            ) from None
        if not isinstance(features, Tensor) or features.dim() not in (2, 3) or len(features) != 1:
            raise OptionError(f"layer {layer!r} of {name} gives no features [B, F] or maps; give 'pooled' or 'grid'")
        return (features.shape[1] if features.dim() == 3 else None), features.shape[-1]
