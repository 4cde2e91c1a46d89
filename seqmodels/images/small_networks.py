"""Networks without pretrained weights, for small pictures: the pixels themselves, and a few convolutions."""

from jaxtyping import Float
from torch import Tensor, nn


class Pixels(nn.Module):
    """The pixels in one row: [B, 3, S, S] -> [B, 3 S S]."""

    def forward(self, images: Float[Tensor, "B 3 S S"]) -> Float[Tensor, "B F"]:
        """Flatten."""
        return images.flatten(1)


class SmallCNN(nn.Module):
    """Three convolutions of 3 x 3, each with batch normalisation, ReLU and max-pooling by 2, of 32, 64 and F channels.

    Args:
        image_size: S, 8 or more.
        feature_size: F.
        grid: give the last feature maps, [B, F, S // 8, S // 8]; otherwise [B, F], the ReLU of a linear layer of all
            of them, which knows where things are.

    Example:
        >>> import torch
        >>> SmallCNN(64, 16)(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 16])
    """

    def __init__(self, image_size: int, feature_size: int, grid: bool = False) -> None:
        super().__init__()
        blocks: list[nn.Module] = []
        channels = 3
        for following in (32, 64, feature_size):
            blocks += [
                nn.Conv2d(channels, following, 3, padding=1, bias=False),
                nn.BatchNorm2d(following),
                nn.ReLU(),
                nn.MaxPool2d(2),
            ]
            channels = following
        self.features = nn.Sequential(*blocks)
        cells = (image_size // 8) ** 2
        self.head = (
            nn.Identity()
            if grid
            else nn.Sequential(nn.Flatten(), nn.Linear(feature_size * cells, feature_size), nn.ReLU())
        )

    def forward(self, images: Float[Tensor, "B 3 S S"]) -> Tensor:
        """Features, or feature maps."""
        return self.head(self.features(images))
