"""Training, validation and test records: as files and datasets have them, the rest cut off the training records."""

from collections.abc import Mapping
from typing import Any

from seqmodels.data.captions.splits import SPLITS as PARTS
from seqmodels.data.captions.splits import check_fractions, hashed_split
from seqmodels.errors import OptionError


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
    whatever else is in the file, and equal records together. So do test records, if there are none either. With
    validation records alone, they are the test's too.

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
    return {part: parts.get(part) or parts["validation"] for part in PARTS} | {"train": parts["train"]}
