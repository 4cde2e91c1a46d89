"""The texts that a language model was trained on and was not, found by what its checkpoint says of its data."""

from dataclasses import fields
from itertools import pairwise
from pathlib import Path

from seqmodels.data.splits import Text, TextSources
from seqmodels.errors import DataError
from seqmodels.training import read_checkpoint

_PIECE = 500  # characters: long enough that texts of a kind share few


def training_text(checkpoint: str | Path) -> Text:
    """The training part of the text, as ``seqmodels.data.TextData`` had read it; and what it is, in words.

    Nothing is kept for this: Lightning writes the options of the data into each checkpoint. A path in them that is
    relative is one from the current folder, and ``python`` is the standard library of the running interpreter.

    Raises:
        CheckpointError: If the checkpoint is missing or damaged.
        DataError: If it was not trained on ``TextData``, or the text can't be read any more.

    Example:
        >>> training_text(Path("nowhere.ckpt"))
        Traceback (most recent call last):
        ...
        seqmodels.errors.CheckpointError: nowhere.ckpt: there is no such file: check the path
    """
    return _parts_of(checkpoint)["train"]


def held_out_text(checkpoint: str | Path) -> Text:
    """The test part of the same text, or where there is none the validation's.

    Raises:
        CheckpointError: If the checkpoint is missing or damaged.
        DataError: If it was not trained on ``TextData``, the text can't be read any more, or all of it was trained on.
    """
    parts = _parts_of(checkpoint)
    if (part := next((part for part in ("test", "validation") if part in parts), None)) is None:
        raise DataError(f"{checkpoint}: was trained on all of {parts['train'].source}; give a text")
    return parts[part]


def share_read_before(text: str, training: str) -> float:
    """How much of a text stands in the training text, character for character, by pieces of some 500.

    Example:
        >>> share_read_before("a" * 1000 + "b" * 1000, "xx" + "a" * 1500)
        0.5
    """
    count = max(1, len(text) // _PIECE)
    ends = [len(text) * number // count for number in range(count + 1)]
    return sum(text[start:end] in training for start, end in pairwise(ends)) / count


def _parts_of(checkpoint: str | Path) -> dict[str, Text]:
    saved = read_checkpoint(checkpoint)
    options = saved.get("datamodule_hyper_parameters", {})
    if "TextData" not in saved or not options:
        raise DataError(f"{checkpoint}: says of no text that it was trained on; give a text")
    known = {field.name: options[field.name] for field in fields(TextSources) if field.name in options}
    return TextSources(**known).read(options.get("max_characters"))
