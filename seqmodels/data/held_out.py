"""Which records are trained on and which are held out: as the files say, or fixed by a hash."""

import hashlib
import math
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from seqmodels.data.text_file import read_text
from seqmodels.errors import DataError, OptionError

PARTS = ("train", "validation", "test")
# Karpathy's restval: pictures of COCO's validation set that are trained on.
_SPELLINGS = {"train": "train", "restval": "train", "training": "train", "test": "test", "testing": "test"}
_SPELLINGS |= dict.fromkeys(("validation", "valid", "val", "dev"), "validation")


def split_name(value: object) -> str | None:
    """ "train", "validation" or "test" for the spelling in a file; None: it is no split.

    Example:
        >>> split_name("val"), split_name("restval"), split_name("extra")
        ('validation', 'train', None)
    """
    return _SPELLINGS.get(value.strip().lower()) if isinstance(value, str) else None


def hashed_split(key: str, fractions: Sequence[float] = (0.8, 0.1, 0.1), seed: int = 0) -> str:
    """The split of whatever has that key: the same on every machine, whatever else is in the file.

    Args:
        key: what must not be torn apart, such as the id of a picture.
        fractions: of training, validation and test, expected shares.
        seed: another one gives other splits.

    Example:
        >>> hashed_split("cat.jpg"), hashed_split("dog.jpg", (0, 0, 1))
        ('train', 'test')
    """
    digest = hashlib.sha256(f"{seed}:{key}".encode("utf-8", "surrogatepass")).digest()
    place = int.from_bytes(digest[:6], "big") / 2**48
    if place < fractions[0]:
        return "train"
    return "validation" if place < fractions[0] + fractions[1] or not fractions[2] else "test"


def check_fractions(fractions: Sequence[float]) -> None:
    """Refuse what is no three shares.

    Raises:
        OptionError: not three numbers from 0 that sum to 1.

    Example:
        >>> check_fractions((0.5, 0.25, 0.25))
    """
    try:
        proper = len(fractions) == 3 and all(0 <= fraction <= 1 for fraction in fractions)
        proper = proper and math.isclose(sum(fractions), 1, abs_tol=1e-6)
    except TypeError:
        proper = False
    if not proper:
        raise OptionError(
            f"fractions is {fractions!r}; give three numbers for train, validation and test that sum to 1, "
            f"such as 0.8 0.1 0.1"
        )


def check_shares(fractions: tuple[float, float, float]) -> None:
    """Refuse what is no three shares, and no share for training.

    Raises:
        OptionError: not three numbers from 0 that sum to 1, the first above 0.

    Example:
        >>> check_shares((0.8, 0.1, 0.1))
    """
    check_fractions(fractions)
    if fractions[0] == 0:
        raise OptionError(f"fractions is {list(fractions)}; nothing is left for training, so use a first above 0")


def in_parts(found: Mapping[str, list[Any]], fractions: tuple[float, float, float], seed: int) -> dict[str, list[Any]]:
    """All three parts of what has "train" for certain.

    Without validation records, training records become them, by a hash of their ``key``: the same on every machine,
    whatever else is in the file, and equal records together. So do test records, if there are none either; where the
    hash gives the test none, it has those of validation, with a warning. With validation records alone, they are the
    test's too.

    Args:
        found: Records of the parts that there are.
        fractions: Expected shares of training, validation and test.
        seed: Of the hash.

    Example:
        >>> from seqmodels.data.labelled.records import LabelledText
        >>> texts = [LabelledText("a", str(number), "") for number in range(1000)]
        >>> {part: len(texts) for part, texts in in_parts({"train": texts}, (0.8, 0.1, 0.1), 0).items()}
        {'train': 801, 'validation': 114, 'test': 85}
    """
    parts = dict(found)
    if not parts.get("validation"):
        training, validation, test = fractions
        shares = (training, validation, test)
        if parts.get("test"):  # their share is not needed
            shares = (training / (training + validation), validation / (training + validation), 0.0)
        cut: dict[str, list[Any]] = {part: [] for part in PARTS}
        for record in parts["train"]:
            cut[hashed_split(record.key, shares, seed)].append(record)
        parts = {**cut, "test": parts.get("test") or cut["test"]}
        warn_without_test(parts, fractions)
    return {part: parts.get(part) or parts["validation"] for part in PARTS} | {"train": parts["train"]}


def warn_without_test(parts: Mapping[str, Sequence[Any]], fractions: Sequence[float]) -> None:
    """Say that the test will have what validation has, if it was to have a share and nothing fell into it."""
    if parts["validation"] and not parts["test"] and fractions[2]:
        warnings.warn(
            "no record falls into the test part, so it has those of validation; give a file for the test, or it a "
            "larger share of --data.fractions",
            stacklevel=3,
        )


def read_split_lists(splits: Mapping[str, str | Path]) -> dict[str, str]:
    """Image name -> split, from one file of image names for each split, a name a line.

    Raises:
        OptionError: a split that is none.
        DataError: a file can't be read, or a name is in two splits.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "Flickr_8k.testImages.txt"
        >>> _ = path.write_text("dog.jpg\\ncat.jpg\\n")
        >>> read_split_lists({"test": path})
        {'dog.jpg': 'test', 'cat.jpg': 'test'}
    """
    found: dict[str, str] = {}
    for spelling, path in splits.items():
        split = checked_split(spelling, "splits")
        for number, line in enumerate(read_text(path).split("\n"), 1):
            name = line.strip()
            if name and found.setdefault(name, split) != split:
                raise DataError(
                    f"{path}, line {number}: {name[:100]!r} is in {found[name]} already; keep it in one split"
                )
    return found


def checked_split(spelling: object, option: str) -> str:
    """The split that a key of an option's mapping names.

    Raises:
        OptionError: it names none.

    Example:
        >>> checked_split("val", "path")
        'validation'
    """
    split = split_name(spelling)
    if split is None:
        raise OptionError(f"{option} has the key {spelling!r}; use {', '.join(PARTS)}")
    return split
