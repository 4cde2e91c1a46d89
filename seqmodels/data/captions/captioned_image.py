"""``CaptionedImage``: the one form of all caption files."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from seqmodels.errors import DataError


@dataclass(frozen=True)
class CaptionedImage:
    """A picture and what people said about it.

    Args:
        key: its id or file name in the caption file; no other picture has it.
        path: the image file; None: unknown, or the picture is not in a file of its own.
        captions: one or more, without white space at either end.
        split: "train", "validation" or "test".
        load: returns the bytes of a picture that is inside another file, such as a Hugging Face dataset.

    Example:
        >>> CaptionedImage("7", None, ("a red square",), "train", load=lambda: b"GIF89a").read_bytes()
        b'GIF89a'
    """

    key: str
    path: str | None
    captions: tuple[str, ...]
    split: str
    load: Callable[[], bytes] | None = field(default=None, repr=False, compare=False)

    def read_bytes(self) -> bytes:
        """The encoded picture, as its file has it.

        Raises:
            DataError: there is no file, or it can't be read.
        """
        if self.load is not None:
            return self.load()
        if self.path is None:
            raise DataError(f"image {self.key!r}: its file is unknown; name the folder of the image files as images")
        try:
            return Path(self.path).read_bytes()
        except OSError as error:
            raise DataError(f"{self.path}: can't be read ({error.strerror}); check the path") from None
