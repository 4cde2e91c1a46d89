"""The three kinds of records that have classes. Each says which, and by what key it goes into a part."""

import hashlib
from typing import NamedTuple

import numpy as np
from jaxtyping import Float32


class LabelledText(NamedTuple):
    """A text and its class.

    Example:
        >>> LabelledText("number", "How far is Denver?", "questions.txt, line 1").classes
        ('number',)
    """

    label: str
    text: str
    """Without line ends, and without white space at either end."""
    where: str
    """The file and the line, for messages."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class of the record."""
        return (self.label,)

    @property
    def key(self) -> str:
        """What must not be in two parts."""
        return self.text


class LabelledSeries(NamedTuple):
    """A series and its class, or the class of each of its steps.

    Example:
        >>> LabelledSeries(("a", "b"), np.zeros((2, 3), np.float32), "x.npz, X[0]").classes
        ('a', 'b')
    """

    label: str | tuple[str, ...]
    values: Float32[np.ndarray, "T I"]
    where: str

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class of the record."""
        return (self.label,) if isinstance(self.label, str) else self.label

    @property
    def key(self) -> str:
        """What must not be in two parts."""
        return hashlib.sha256(self.values.tobytes()).hexdigest()


class TaggedSentence(NamedTuple):
    """Words with a tag each.

    Example:
        >>> TaggedSentence(("It", "rains"), ("PRON", "VERB"), "x.conllu, line 3").key
        'It rains'
    """

    words: tuple[str, ...]
    tags: tuple[str, ...]
    where: str

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class of the record."""
        return self.tags

    @property
    def key(self) -> str:
        """What must not be in two parts."""
        return " ".join(self.words)
