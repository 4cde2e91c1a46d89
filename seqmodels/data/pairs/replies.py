"""Utterances and replies in English, from the package chatterbot-corpus."""

import importlib.util
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from seqmodels.data.pairs.pair import Pair
from seqmodels.data.text_file import read_text
from seqmodels.errors import DataError, OptionError


def reply_pairs() -> Iterator[Pair]:
    """Each utterance of a conversation with the one that follows it, about 1,180; half of them stand there twice.

    Raises:
        OptionError: the package is missing: pip install chatterbot-corpus.
        DataError: one of its files is damaged.

    Example:
        >>> next(reply_pairs()).source
        'What is AI?'
    """
    found = importlib.util.find_spec("chatterbot_corpus")  # importing it would read all languages' names
    if found is None or found.origin is None:
        raise OptionError("replies need the package chatterbot-corpus: pip install chatterbot-corpus")
    seen = set()
    for path in sorted(Path(found.origin).parent.glob("data/english/*.yml")):
        for number, conversation in enumerate(_conversations(path), 1):
            where = f"{path.name}, conversation {number}"
            if isinstance(conversation, list):  # one is a text by a slip of its author
                for texts in pairwise(conversation):
                    if texts not in seen:
                        seen.add(texts)
                        yield Pair(*texts, where)


def _conversations(path: Path) -> list[Any]:
    import yaml

    try:
        # Makes texts of everything, so nothing in the file can be more than a text.
        return yaml.load(read_text(path), Loader=yaml.BaseLoader)["conversations"]
    except (yaml.YAMLError, LookupError, TypeError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: no conversations can be read ({reason}); install chatterbot-corpus again") from None
