"""``Pair``: the one form of all sources of pairs."""

from typing import NamedTuple


class Pair(NamedTuple):
    """A text and what is to be made of it, such as a sentence and its translation.

    Example:
        >>> Pair("ein Hund", "a dog", "train.tsv, line 1")
        Pair(source='ein Hund', target='a dog', where='train.tsv, line 1', key='', split=None)
    """

    source: str
    """One line, without white space at either end; so is the target."""
    target: str
    where: str
    """Its place, for messages."""
    key: str = ""
    """Pairs of one key are never on both sides of a split; ``read_pairs`` takes the source where a file has none."""
    split: str | None = None
    """"train", "validation" or "test"; None: the file doesn't say."""
