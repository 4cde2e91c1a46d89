"""``Gathering``: pictures and captions as the readers find them, checked, one picture a key."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from seqmodels.data.bad_records import BadRecords, shown
from seqmodels.data.captions.captioned_image import CaptionedImage
from seqmodels.data.captions.image_folder import ImageFolder, name_fault
from seqmodels.data.held_out import PARTS, hashed_split, split_name


@dataclass
class _Found:
    source: str
    where: str
    name: str | None
    split: str | None
    load: Callable[[], bytes] | None = None
    path: str | None = None
    captions: list[str] = field(default_factory=list)
    usable: bool = True
    faulty: bool = False  # something about it was counted as a bad record already


class Gathering:
    """What the files of one call hold.

    Args:
        bad: where bad records are counted.
        folder: where image files are looked for; None: nowhere, and paths are None.

    Attributes:
        source: the file that is read now, for messages.
        split: that of all its pictures; None: as its records say.

    Example:
        >>> gathering = Gathering(BadRecords(0))
        >>> key = gathering.image("line 1", "dog.jpg", "dog.jpg", "val")
        >>> gathering.caption("line 1", key, " a dog ")
        >>> gathering.images()
        [CaptionedImage(key='dog.jpg', path=None, captions=('a dog',), split='validation')]
    """

    source: str
    split: str | None

    def __init__(self, bad: BadRecords, folder: ImageFolder | None = None) -> None:
        self.bad, self.folder = bad, folder
        self.source, self.split = "", None
        self._found: dict[str, _Found] = {}

    def fault(self, where: str, fault: str) -> None:
        """Count a bad record of the file."""
        self.bad.add(f"{self.source}, {where}", fault)

    def image(
        self,
        where: str,
        key: object,
        name: object = None,
        split: object = None,
        load: Callable[[], bytes] | None = None,
        path: str | None = None,
        again: bool = False,
    ) -> str | None:
        """Take a picture; its key as text, or None if the record is bad.

        Args:
            where: the record in the file.
            key: an integer or a text.
            name: of its file; None: ``load`` reads it, or it is at ``path``.
            split: as spelt in the file; None: the file has no splits.
            load: see ``CaptionedImage``.
            path: of its file, if that needn't be looked for.
            again: whether the format names a picture once for each caption.
        """
        text = key_text(key)
        if text is None:
            self.fault(where, f"the image id is {shown(key)}; it must be an integer or a text")
            return None
        own = None if split is None else split_name(split)
        if split is not None and own is None:
            self.fault(where, f"the split is {shown(split)}; use {', '.join(PARTS)}")
            return None
        own = self.split or own
        earlier = self._found.get(text)
        if earlier is None:
            self._take(text, _Found(self.source, where, None, own, load, path), name)
            return text
        if not again or earlier.source != self.source:
            self.fault(where, f"image {shown(text)} is there already, in {earlier.source}, {earlier.where}")
            return None
        if earlier.split != own:
            self.fault(where, f"image {shown(text)} is in {own or 'no split'} here, in {earlier.split} before")
            return None
        return text

    def _take(self, key: str, found: _Found, name: object) -> None:
        self._found[key] = found
        if found.load is not None or found.path is not None:
            return
        fault = name_fault(name)
        if fault is None:
            found.name = str(name)
            if self.folder is not None:
                try:
                    found.path = self.folder.find(found.name)
                except FileNotFoundError as error:
                    fault = f"the image file {error}"
        if fault is not None:
            found.usable, found.faulty = False, True
            self.fault(found.where, fault)

    def caption(self, where: str, key: str, caption: object) -> None:
        """Take a caption of a picture that was taken before."""
        found = self._found[key]
        fault = caption_fault(caption)
        if fault is None:
            found.captions.append(str(caption).strip())
        else:
            found.faulty = True
            self.fault(where, fault)

    def __contains__(self, key: str) -> bool:
        return key in self._found

    def images(
        self, lists: Mapping[str, str] | None = None, fractions: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 0
    ) -> list[CaptionedImage]:
        """All pictures that have captions, in the order of the files.

        Args:
            lists: image name or key -> split; pictures in none are left out, and a name without picture is bad.
            fractions: see ``hashed_split``; for pictures whose files give no split.
            seed: see ``hashed_split``.
        """
        listed = dict(lists or {})
        images = []
        for key, found in self._found.items():
            split = found.split or hashed_split(key, fractions, seed)
            if lists is not None:
                names = [name for name in _names(key, found) if name in lists]
                if not names:
                    continue
                split = lists[names[0]]
                for name in names:
                    listed.pop(name, None)
            if not found.captions and not found.faulty:
                self.bad.add(f"{found.source}, {found.where}", f"image {shown(key)} has no caption")
            if found.captions and found.usable:
                images.append(CaptionedImage(key, found.path, tuple(found.captions), split, found.load))
        for name, split in listed.items():
            self.bad.add(f"splits, {split}", f"image {shown(name)} is in no caption file")
        return images


def key_text(key: object) -> str | None:
    """The id of a picture as text; None: it is none.

    Example:
        >>> key_text(42), key_text("dog.jpg"), key_text(True), key_text(4.2)
        ('42', 'dog.jpg', None, None)
    """
    if isinstance(key, str):
        return key if key.strip() and not _lone_surrogates(key) else None
    proper = isinstance(key, int) and not isinstance(key, bool) and key.bit_length() < 64
    return str(key) if proper else None


def caption_fault(caption: object) -> str | None:
    """What is wrong with a caption; None: nothing.

    Example:
        >>> caption_fault("a dog"), caption_fault("  "), caption_fault(None)
        (None, 'the caption is empty', 'the caption is null; it must be a text')
    """
    if not isinstance(caption, str):
        return f"the caption is {shown(caption)}; it must be a text"
    if not caption.strip():
        return "the caption is empty"
    return (
        f"the caption {shown(caption)} has half a character (a lone surrogate)" if _lone_surrogates(caption) else None
    )


def _lone_surrogates(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def _names(key: str, found: _Found) -> list[str]:
    """How a split file may call a picture: Flickr30k's leave out the ending."""
    name = (found.name or key).rpartition("/")[2]
    return list(dict.fromkeys([key, name, name.rpartition(".")[0]]))
