"""``read_captions``: recognises what people have, and hands it to its reader."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from seqmodels.data.bad_records import BadRecords
from seqmodels.data.captions.captioned_image import CaptionedImage
from seqmodels.data.captions.gathering import Gathering
from seqmodels.data.captions.image_folder import ImageFolder
from seqmodels.data.captions.json_files import gather_coco, gather_karpathy, gather_neuraltalk2, json_format
from seqmodels.data.captions.text_files import gather_csv, gather_flickr30k, gather_token, text_format
from seqmodels.data.held_out import check_fractions, checked_split, read_split_lists
from seqmodels.data.position import check_seed
from seqmodels.data.text_file import read_text
from seqmodels.errors import DataError, OptionError

EMOJI = ("emoji", "emoji-variants")
_JSON: dict[str, Callable[[Any, Gathering], None]] = {
    "coco": gather_coco,
    "karpathy": gather_karpathy,
    "neuraltalk2": gather_neuraltalk2,
}
_TEXT: dict[str, Callable[[str, Gathering], None]] = {
    "csv": gather_csv,
    "token": gather_token,
    "flickr30k": gather_flickr30k,
}
FORMATS = (*_JSON, *_TEXT, "folder", "huggingface", *EMOJI)
_TABLES = ("metadata.csv", "captions.csv", "captions.txt")


def read_captions(
    path: str | Path | Mapping[str, str | Path],
    images: str | Path | None = None,
    *,
    format: str | None = None,
    splits: Mapping[str, str | Path] | None = None,
    fractions: Sequence[float] = (0.8, 0.1, 0.1),
    max_bad: int = 0,
    seed: int = 0,
    emoji_size: int = 64,
) -> list[CaptionedImage]:
    """Pictures and their captions, from any of the files in which they are passed on.

    What a file is, is seen in its content:

    - ``coco``: COCO's captions JSON. Several at once: ``{"train": "captions_train2017.json", "validation":
      "captions_val2017.json"}``.
    - ``karpathy``: ``dataset_coco.json`` and its like, with the splits in it; restval is trained on.
    - ``neuraltalk2``: a JSON list of ``file_path`` and ``captions``, with ``id`` and ``split`` or without.
    - ``csv``: a header with the columns image and caption, and split if there is one; as Kaggle's Flickr8k.
    - ``token``: Flickr8k's ``dog.jpg#0``, a tab, the caption.
    - ``flickr30k``: ``results.csv``, separated by ``|``; the file that goes around needs ``max_bad=1``.
    - ``folder``: a folder of images with ``metadata.csv``, ``captions.csv`` or ``captions.txt`` in it.
    - ``huggingface``: a dataset on the hub, in a folder, or in a ``.parquet`` file, with the columns image and
      captions. Pictures within it have no path; use ``read_bytes``.
    - ``emoji``: the word itself; see ``read_emoji``. ``images`` is then where its pictures are kept.
    - ``emoji-variants``: the same, but skin tones and genders of one emoji may be in different splits.

    Where neither the file nor ``splits`` says what is held out, a hash of the picture's key does: the same on every
    machine, and all captions of a picture together. White space at the ends of a caption is dropped, nothing else.

    Args:
        path: the file, folder or name; or one for each split.
        images: the folder, or one above it, where image files are looked for; None: nowhere, and paths are None.
        format: one of the above, if its content shouldn't decide.
        splits: a file of image names for each split, as ``{"train": "Flickr_8k.trainImages.txt", ...}``, over what
            the files say; pictures in none of them are left out.
        fractions: expected shares of train, validation and test, where a hash decides.
        max_bad: how many bad records are skipped, with one warning. A record is bad if it lacks a field, its caption
            is no text or empty, its id is there twice, its split is none, its file leaves the folder or isn't in it,
            or it has no caption at all.
        seed: of the hash.
        emoji_size: height and width of emoji in pixels.

    Raises:
        OptionError: an option out of range.
        DataError: a file is missing, damaged or no caption file; there are more bad records, or no good one.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "captions.csv"
        >>> _ = path.write_text("image,caption,split\\ndog.jpg,a dog,train\\ndog.jpg,it barks,train\\n")
        >>> read_captions(path)
        [CaptionedImage(key='dog.jpg', path=None, captions=('a dog', 'it barks'), split='train')]
    """
    check_fractions(fractions)
    check_seed(seed)
    if format is not None and format not in FORMATS:
        raise OptionError(f"format is {format!r}; use one of {', '.join(FORMATS)}")
    bad = BadRecords(max_bad)
    if format in EMOJI or (format is None and path in EMOJI):
        from seqmodels.data.captions.emoji_pictures import read_emoji

        if splits is not None:
            raise OptionError("splits is given with emoji, which are split by their names; leave it out")
        return read_emoji(images, emoji_size, fractions, seed, variants_together=(format or path) == EMOJI[0])
    parts = _parts(path)
    lists = None if splits is None else read_split_lists(splits)
    kinds = [(split, file, format or _format(file)) for split, file in parts]
    if images is None and [kind for _, _, kind in kinds] == ["folder"]:
        images = parts[0][1]
    gathering = Gathering(bad, ImageFolder(images) if images is not None else None)
    for split, file, kind in kinds:
        gathering.source, gathering.split = str(file), split
        _gather(file, kind, gathering)
    found = gathering.images(lists, fractions, seed)
    if not found:
        raise DataError(f"{', '.join(str(file) for _, file in parts)}: no image has a caption; check the file")
    bad.warn()
    return found


def _parts(path: str | Path | Mapping[str, str | Path]) -> list[tuple[str | None, str | Path]]:
    if isinstance(path, Mapping):
        found = [(checked_split(split, "path"), file) for split, file in path.items()]
        if not found:
            raise OptionError("path is an empty mapping; give a caption file for each split")
        return [(split, _named(file)) for split, file in found]
    return [(None, _named(path))]


def _named(path: object) -> str | Path:
    if not isinstance(path, str | Path) or not str(path):
        raise OptionError(f"path is {path!r}; give the name of a caption file")
    if "\0" in str(path):
        raise OptionError(f"path is {str(path)!r}; no file name has a NUL character")
    return path


def _format(path: str | Path) -> str:
    """By the content; the reader of JSON and text files finds out the rest."""
    place = Path(path)
    if place.is_dir():
        return "folder" if _table(place) is not None else "huggingface"
    if place.suffix == ".parquet":
        return "huggingface"
    # "owner/name" may be on the hub; what has an ending, or begins like a path, is a file.
    is_name = isinstance(path, str) and not place.exists() and not place.suffix
    return "huggingface" if is_name and not str(path).startswith(("/", ".", "~")) else ""


def _gather(path: str | Path, kind: str, gathering: Gathering) -> None:
    if kind == "huggingface":
        from seqmodels.data.captions.hugging_face import gather_hugging_face

        gather_hugging_face(str(path), gathering)
        return
    if kind == "folder":
        table = _table(Path(path))
        if table is None:
            raise DataError(f"{path}: no {', '.join(_TABLES)} in it; write one with the columns image and caption")
        gathering.source = str(table)
        gather_csv(read_text(table), gathering)
        return
    if kind in _JSON or (not kind and _is_json(Path(path))):
        from seqmodels.data.strict_json import read_json

        value = read_json(path)
        _JSON[kind or json_format(value, path)](value, gathering)
        return
    text = read_text(path)
    _TEXT[kind or text_format(text, path)](text, gathering)


def _table(folder: Path) -> Path | None:
    return next((folder / name for name in _TABLES if (folder / name).is_file()), None)


def _is_json(path: Path) -> bool:
    """Whether its first character opens a list or an object."""
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            start = file.read(4096)
    except OSError:
        return False  # `read_text` says why
    return start.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in (b"{", b"[")
