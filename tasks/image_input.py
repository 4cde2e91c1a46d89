"""What tasks about pictures share: features that come with the batch, or a network of their own that makes them."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqmodels.errors import DataError, OptionError
from seqmodels.restoring import is_restoring


class ImageInput(nn.Module):
    """Features of pictures [B, F], or of the R regions of each [B, R, F].

    Args:
        image: What the data module says of its pictures (its ``image``): ``feature_size`` F, ``regions`` R or None,
            ``backbone``, the specification of the network that makes features (None if they came from elsewhere),
            and ``pixels``: whether batches hold pictures [B, 3, S, S], and the backbone is a part of this model.
        fine_tune: Train the backbone with the model; batches must hold pictures. None: what is usual for the backbone,
            where they do ("small_cnn" learns, pretrained ones don't).

    Raises:
        OptionError: If ``fine_tune`` is asked for where batches hold features.
    """

    def __init__(self, image: dict[str, Any], fine_tune: bool | None) -> None:
        super().__init__()
        if fine_tune is None:
            fine_tune = image["pixels"] and bool(image["backbone"]["trainable"])
        if fine_tune and not image["pixels"]:
            raise OptionError("fine_tune needs pictures in the batches; give the data module store_features=False")
        self.size: int = image["feature_size"]
        self.regions: int | None = image["regions"]
        self.specification: dict[str, Any] | None = image["backbone"]
        self.fine_tune = fine_tune
        self.backbone = _make(image["backbone"], fine_tune, not is_restoring()) if image["pixels"] else None
        self._kept: list[Any] = []  # a backbone that is no part of the model, once answer() or caption() needed it

    def forward(self, image: Tensor) -> Float[Tensor, "B *R F"]:
        """The features of a batch, made here if it holds pictures."""
        if self.backbone is None:
            return image
        with torch.set_grad_enabled(torch.is_grad_enabled() and self.fine_tune):
            return self.backbone(image)

    def train(self, mode: bool = True) -> "ImageInput":
        """A backbone that isn't trained stays in evaluation mode: its batch norms and dropouts rest."""
        super().train(mode)
        if self.backbone is not None and not self.fine_tune:
            self.backbone.eval()
        return self

    @torch.no_grad()
    def read(self, picture: Any, device: torch.device) -> Float[Tensor, "1 *R F"]:
        """The features of one picture: a file, a PIL image, or one of a batch (features, or a preprocessed picture).

        Raises:
            DataError: If the file is missing or no picture.
            OptionError: If the model was trained on features that were made elsewhere.
        """
        if isinstance(picture, Tensor):
            return self(picture[None].to(device))
        if self.specification is None:
            raise OptionError("the model was trained on features made elsewhere; give it features instead of a picture")
        backbone = self.backbone or self._frozen(device)
        return backbone(backbone.preprocess(_opened(picture))[None].to(device))

    def view(self, picture: Any) -> Any:
        """The part of a picture that the network sees, as a PIL image of S x S pixels; None if that isn't known.

        Args:
            picture: A file or a PIL image; of features nothing is known.
        """
        from seqmodels.images import Backbone

        if isinstance(picture, Tensor) or self.specification is None:
            return None
        backbone = self.backbone or (self._kept and self._kept[0]) or Backbone.from_spec(self.specification, load=False)
        return backbone.preprocessing.view(_opened(picture))

    def _frozen(self, device: torch.device) -> Any:
        if not self._kept:
            self._kept.append(_make(self.specification, False).eval())
        return self._kept[0].to(device)


def _opened(picture: Any) -> Any:
    """A file or a PIL image as an RGB picture, however it is kept.

    Raises:
        DataError: If it is missing or no picture.
    """
    from seqmodels.images import read_image, to_rgb

    if not hasattr(picture, "convert"):
        return read_image(picture)
    try:
        return to_rgb(picture)
    except ValueError as error:
        raise DataError(f"the picture can't be read: {error}") from None


def _make(specification: dict[str, Any] | None, trainable: bool, load: bool = True) -> Any:
    from seqmodels.images import Backbone

    if specification is None:
        raise OptionError("pictures in the batches need a backbone; name one in the data module")
    return Backbone.from_spec({**specification, "trainable": trainable}, load)
