"""``Preprocessing``: a picture of any size made the tensor that a network was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jaxtyping import Float
from torch import Tensor

if TYPE_CHECKING:
    from PIL.Image import Image

_LONGEST = 20  # times the short side


@dataclass(frozen=True)
class Preprocessing:
    """The short side resized, the middle cut out, each channel normalised; on the CPU, always the same.

    Attributes:
        image_size: S, the sides of the result in pixels.
        resize_size: the short side before the middle is cut out, in pixels.
        mean: of each channel, subtracted; channels go from 0 to 1.
        deviation: of each channel, by which the rest is divided.
        interpolation: "bilinear" or "bicubic".

    Example:
        >>> from PIL import Image
        >>> preprocess = Preprocessing(image_size=8, resize_size=8)
        >>> image = preprocess(Image.new("RGB", (30, 20), "white"))
        >>> image.shape, image.max()
        (torch.Size([3, 8, 8]), tensor(1.))
    """

    image_size: int
    resize_size: int
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    deviation: tuple[float, float, float] = (0.5, 0.5, 0.5)
    interpolation: str = "bilinear"

    def __call__(self, image: Image) -> Float[Tensor, "3 S S"]:
        """Preprocess one RGB picture."""
        from torchvision.transforms import functional as F

        values = F.pil_to_tensor(self.view(image)).float() / 255
        return F.normalize(values, list(self.mean), list(self.deviation))

    def view(self, image: Image) -> Image:
        """What is left of a picture, S x S pixels, before its channels are normalised."""
        from torchvision.transforms import InterpolationMode
        from torchvision.transforms import functional as F

        width, height = image.size
        longest = _LONGEST * min(width, height)
        if max(width, height) > longest:  # a strip would grow to gigabytes, to be cut off again
            left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
            image = image.crop((left, top, left + min(width, longest), top + min(height, longest)))
        image = F.resize(image, [self.resize_size], InterpolationMode(self.interpolation))
        return F.center_crop(image, [self.image_size])
