"""``read_image``: a picture from a file, as it is meant to be seen, or one line that says what is wrong with it."""

from __future__ import annotations

import io
import stat
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from seqmodels.errors import DataError, OptionError

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 89_000_000
# Formats that Pillow reads by itself; it would start another program for some others (PostScript).
_FORMATS = ("JPEG", "MPO", "PNG", "GIF", "WEBP", "BMP", "TIFF", "PPM")
_BEGINNING = 512  # bytes in which a web page shows itself
_ORIENTATION = 0x0112  # the EXIF tag
_HTML = (b"<!doctype", b"<html", b"<head", b"<?xml")
_HINT = "replace it by a whole picture (JPEG, PNG, GIF, WebP, BMP, TIFF or PPM)"


def read_image(path: str | Path, max_pixels: int = MAX_PIXELS) -> Image:
    """A picture as 8-bit RGB, turned upright as its EXIF orientation says.

    Gray, palette, CMYK and 16-bit pictures are converted (16 bits are scaled to 8), transparent ones are laid on white,
    of animations the first frame is taken.

    Args:
        path: the file.
        max_pixels: width times height of the largest picture that is decoded.

    Raises:
        DataError: the file is missing, empty, truncated, no picture, or the picture is too large.
        OptionError: ``max_pixels`` is out of range.

    Example:
        >>> import pathlib, tempfile
        >>> from PIL import Image
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "gray.png"
        >>> Image.new("L", (4, 3), 128).save(path)
        >>> image = read_image(path)
        >>> image.mode, image.size, image.getpixel((0, 0))
        ('RGB', (4, 3), (128, 128, 128))
    """
    _check_max_pixels(max_pixels)
    with open_picture(path) as file:
        return _decode(file, path, max_pixels)


def decode_image(content: bytes, name: str | Path, max_pixels: int = MAX_PIXELS) -> Image:
    """The same for a picture inside another file, an archive or a table.

    Args:
        content: of the picture's file.
        name: what errors call the picture.
        max_pixels: see :func:`read_image`.

    Raises:
        DataError: the content is empty, truncated, no picture, or the picture is too large.
        OptionError: ``max_pixels`` is out of range.
    """
    _check_max_pixels(max_pixels)
    if not content:
        raise DataError(f"{name}: is empty; {_HINT}")
    _refuse_html(content[:_BEGINNING], name)
    return _decode(io.BytesIO(content), name, max_pixels)


def to_rgb(image: Image) -> Image:
    """An open picture of any kind as :func:`read_image` gives it: 8-bit RGB, upright, on white.

    Raises:
        ValueError: its pixels are numbers whose range isn't known.

    Example:
        >>> from PIL import Image
        >>> to_rgb(Image.new("RGBA", (1, 1), (255, 0, 0, 0))).getpixel((0, 0))
        (255, 255, 255)
    """
    return _on_white(_eight_bits(_upright(image)))


def _check_max_pixels(max_pixels: int) -> None:
    if not 1 <= max_pixels <= _largest(max_pixels):
        raise OptionError(f"max_pixels must be from 1 to {_largest(max_pixels)}, not {max_pixels}")


def _largest(max_pixels: int) -> int:
    """Pixels above which Pillow itself refuses."""
    from PIL import Image

    return 2 * (Image.MAX_IMAGE_PIXELS or max_pixels)


def _decode(file: BinaryIO | io.BytesIO, path: str | Path, max_pixels: int) -> Image:
    from PIL import Image

    largest = _largest(max_pixels)
    Image.init()
    formats = [name for name in _FORMATS if name in Image.OPEN]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Pillow, about damaged EXIF data, which don't name the file
        try:
            with Image.open(file, formats=formats) as image:
                pixels = image.width * image.height
                if pixels <= max_pixels:
                    image.load()
                    return to_rgb(image)
        except Image.DecompressionBombError:
            pixels = largest + 1
        except Image.UnidentifiedImageError:
            raise DataError(f"{path}: is no picture; {_HINT}") from None
        except MemoryError:
            raise DataError(f"{path}: doesn't fit in memory; make the picture smaller") from None
        except Exception as error:  # damaged files make Pillow raise nearly anything
            reason = " ".join(f"{error or type(error).__name__}".split())
            raise DataError(f"{path}: can't be decoded ({reason}); {_HINT}") from None
    more = "more than " if pixels > largest else ""
    raise DataError(
        f"{path}: has {more}{min(pixels, largest)} pixels, above max_pixels={max_pixels}; make the picture smaller"
    )


def open_picture(path: str | Path) -> BinaryIO:
    """Open a file that may be a picture: a regular one, not empty, no web page.

    Raises:
        DataError: It is something else, or can't be opened.
    """
    path = Path(path)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for ever
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise DataError(f"{path}: is {kind}; give the file of a picture")
        if status.st_size == 0:
            raise DataError(f"{path}: is empty; {_HINT}")
        file = path.open("rb")
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file; give the file of a picture") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"{path}: can't be opened ({reason}); give a readable file of a picture") from None
    try:
        _refuse_html(file.read(_BEGINNING), path)
    except BaseException:
        file.close()
        raise
    file.seek(0)
    return file


def _refuse_html(beginning: bytes, name: str | Path) -> None:
    """What servers send in place of a picture that they haven't."""
    if beginning.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_HTML):
        raise DataError(f"{name}: is a web page (HTML), not a picture; download the picture again")


def _upright(image: Image) -> Image:
    """Turned as the EXIF orientation says; Pillow's own ``exif_transpose`` fails on other tags too."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    turn = turns.get(image.getexif().get(_ORIENTATION, 1))
    return image if turn is None else image.transpose(turn)


def _eight_bits(image: Image) -> Image:
    """16 bits scaled to 8; Pillow itself would cut off what is above 255."""
    from PIL import Image

    if image.mode != "I" and not image.mode.startswith("I;16"):
        if image.mode == "F":
            raise ValueError("its pixels are floating-point numbers, whose range isn't known")
        return image
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("its pixels have more than 16 bits, whose range isn't known")
    return Image.fromarray(((values.astype(np.uint32) + 128) // 257).astype(np.uint8))


def _on_white(image: Image) -> Image:
    """A new picture without the EXIF data, so that nobody turns it a second time."""
    from PIL import Image

    if image.mode in ("LA", "La", "PA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
    alpha = image.getchannel("A") if image.mode == "RGBA" else None
    result = Image.new("RGB", image.size, "white")
    result.paste(image.convert("RGB"), mask=alpha)
    return result
