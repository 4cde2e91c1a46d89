"""A few records of the validation part with their pictures, to show what a model says of them."""

from collections.abc import Iterator
from typing import Any

from seqmodels.data.picture_data import PictureData
from seqmodels.errors import DataError

LARGEST = 256
"""Pixels of the longer side of a picture that is shown."""


def shown_records(data: PictureData, count: int) -> Iterator[Any]:
    """At most ``count`` records of the validation part, spread evenly over it: always the same ones.

    Neighbours are often alike, such as the questions about one picture.
    """
    part = data.parts["validation"]
    count = min(count, len(part))
    return (part[number * len(part) // count] for number in range(count))


def thumbnail(source: Any) -> Any:
    """A picture as a PIL image of at most 256 x 256 pixels; None where there is none to show, but features alone.

    Args:
        source: An image file, or what gives the picture, as in ``PictureData.picture_sources()``.

    Example:
        >>> from PIL import Image
        >>> thumbnail(lambda: Image.new("RGB", (1024, 512))).size
        (256, 128)
        >>> thumbnail("missing.png") is None
        True
    """
    from seqmodels.images import read_image

    try:
        picture = source() if callable(source) else read_image(source)
    except DataError:
        return None
    picture.thumbnail((LARGEST, LARGEST))
    return picture
