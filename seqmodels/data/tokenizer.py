"""Text to numbers and back: what every tokenizer can do, and the two functions that make one."""

from __future__ import annotations

import codecs
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, cached_property
from importlib import import_module
from itertools import pairwise
from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from seqmodels.errors import CheckpointError, InputError, OptionError

# Each unit's file is imported when that unit is used.
_CLASSES = {
    "character": "seqmodels.data.characters:CharacterTokenizer",
    "byte": "seqmodels.data.utf8_bytes:ByteTokenizer",
    "word": "seqmodels.data.words:WordTokenizer",
    "subword": "seqmodels.data.subwords:SubwordTokenizer",
    "sentence": "seqmodels.data.pairs.sentence_tokenizer:SentenceTokenizer",
}


class Tokenizer(ABC):
    """A vocabulary, made from training text by ``build_tokenizer``, and the way text is cut into it."""

    unit: ClassVar[str]
    """``"character"``, ``"byte"``, ``"word"`` or ``"subword"``."""

    unknown_id: int | None = None
    """The token that stands for everything outside the vocabulary; None if nothing is outside, or if it is an error."""

    @classmethod
    @abstractmethod
    def build(cls, text: str, vocabulary_size: int | None, min_count: int, unknown: bool) -> Tokenizer:
        """The tokenizer of a training text; see ``build_tokenizer``."""

    @property
    @abstractmethod
    def tokens(self) -> list[str]:
        """The vocabulary in the order of its numbers, printable: a line feed appears as ``\\n``."""

    @abstractmethod
    def encode(self, text: str) -> Int64[Tensor, " N"]:
        """The numbers of the tokens of ``text``, each in [0, len(self)).

        Raises:
            InputError: something in ``text`` is outside the vocabulary and there is no ``<unk>``.
        """

    @abstractmethod
    def decode(self, ids: Int[Tensor, " N"] | Sequence[int]) -> str:
        """The text that these numbers stand for.

        Raises:
            InputError: a number is outside [0, len(self)).
        """

    def decode_each(self, ids: Int[Tensor, " N"] | Sequence[int]) -> list[str]:
        """What each token adds to the text of those before it; a character of several tokens is the last one's.

        Raises:
            InputError: a number is outside [0, len(self)).
        """
        numbers = self._checked(ids).tolist()

        @cache
        def added(pair: tuple[int, int]) -> str:
            return self.decode(pair)[len(self.decode(pair[:1])) :]

        return [self.decode(numbers[:1]), *map(added, pairwise(numbers))] if numbers else []

    @cached_property
    def line_end_id(self) -> int:
        """The token of a line end, which also begins and ends what is written by the line: captions, translations.

        Raises:
            InputError: the vocabulary has none.
        """
        token = int(self.encode("\n")[-1])
        if token == self.unknown_id:
            raise InputError("the vocabulary has no line end; build it from lines of text")
        return token

    def unknown_in(self, text: str) -> str | None:
        """The first part of ``text`` that is outside the vocabulary; None if there is none."""
        return None

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Everything about the tokenizer as str, int, list and dict, fit for JSON and for any checkpoint."""

    @classmethod
    @abstractmethod
    def _restore(cls, description: dict[str, Any]) -> Tokenizer:
        """The inverse of ``to_dict``."""

    @abstractmethod
    def characters_per_token(self) -> Float[Tensor, " V"] | None:
        """How many characters each token adds to the decoded text; None where that has no fixed answer.

        The nats of a text divided by the sum of this over its tokens, and by ln 2, are bits per character for any unit.
        """

    @staticmethod
    def from_dict(description: dict[str, Any]) -> Tokenizer:
        """The tokenizer that ``to_dict`` described.

        Raises:
            CheckpointError: the description is damaged or of an unknown kind.
        """
        try:
            return _class_of(description["unit"])._restore(description)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            reason = " ".join(str(error).split())
            raise CheckpointError(
                f"the saved tokenizer cannot be read ({type(error).__name__}: {reason}); use an undamaged checkpoint"
            ) from None

    @staticmethod
    def restored(given: Tokenizer | dict[str, Any]) -> Tokenizer:
        """The tokenizer itself, or that of its description, as a checkpoint has it.

        Raises:
            CheckpointError: the description is damaged or of an unknown kind.
        """
        return Tokenizer.from_dict(given) if isinstance(given, dict) else given

    def __len__(self) -> int:
        return len(self.tokens)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tokenizer) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash((self.unit, len(self)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self)} tokens)"

    def _checked(self, ids: Int[Tensor, " N"] | Sequence[int]) -> Int64[Tensor, " N"]:
        ids = torch.as_tensor(ids, dtype=torch.int64).reshape(-1).cpu()
        outside = (ids < 0) | (ids >= len(self))
        if outside.any():
            position = int(outside.nonzero()[0])
            raise InputError(
                f"token {int(ids[position])} at position {position} is outside the vocabulary; "
                f"use numbers from 0 to {len(self) - 1}"
            )
        return ids


def build_tokenizer(
    unit: str, text: str, vocabulary_size: int | None = None, min_count: int = 1, unknown: bool = False
) -> Tokenizer:
    """A tokenizer with the vocabulary of ``text``: give it the training text only.

    Args:
        unit: ``"character"``: Unicode code points. ``"byte"``: the 256 bytes of UTF-8. ``"word"``: what lies between
            white space, and ``<eos>`` for each line end, as Mikolov et al. (2010) and Zaremba et al. (2014) prepare
            the Penn Treebank. ``"subword"``: byte-level byte-pair encoding (Sennrich et al. 2016; Radford et al. 2019).
        vocabulary_size: the most tokens, ``<unk>`` and ``<eos>`` included; the most frequent stay. None: all of them
            (subword: 4,096).
        min_count: characters, words and merges seen less often than this are left out.
        unknown: characters only: unseen ones become ``<unk>`` instead of an error. Always so when the two options
            above left some out. Words always have ``<unk>``; bytes and subwords never need it.

    Raises:
        OptionError: unknown unit, a number that is too small, or an option that the unit does not have.
        InputError: ``text`` is empty, or holds a lone surrogate where UTF-8 is needed.

    Example:
        >>> tokenizer = build_tokenizer("character", "hello")
        >>> tokenizer.tokens
        ['e', 'h', 'l', 'o']
        >>> tokenizer.encode("hole")
        tensor([1, 3, 2, 0])
        >>> tokenizer.decode([1, 0, 2, 2, 3])
        'hello'
        >>> build_tokenizer("word", "the cat\\nthe dog\\n").encode("the cow\\n").tolist()
        [1, 4, 0]
    """
    if unit not in _CLASSES:
        raise OptionError(f"unit {unit!r} is unknown; use one of {', '.join(_CLASSES)}")
    if min_count < 1:
        raise OptionError(f"min_count is {min_count}; use 1 or more")
    if vocabulary_size is not None and vocabulary_size < 1:
        raise OptionError(f"vocabulary_size is {vocabulary_size}; use 1 or more, or leave it away to keep everything")
    if not text:
        raise InputError("the training text is empty, so there is no vocabulary; give some text")
    return _class_of(unit).build(text, vocabulary_size, min_count, unknown)


_AT_ONCE = 2**20  # characters
_BETWEEN_WORDS = re.compile(r"(?<=\S)(?=[ \n])")


def pieces(text: str) -> Iterator[str]:
    """The text, cut between words about every million characters: no tokenizer has a token across such a place.

    What Python makes of a text takes many times its memory, but so only that of a piece.

    Example:
        >>> list(pieces("to be or not to be"))
        ['to be or not to be']
    """
    start = 0
    while found := _BETWEEN_WORDS.search(text, start + _AT_ONCE):
        yield text[start : found.start()]
        start = found.start()
    yield text[start:]


def printable(piece: str) -> str:
    """Control characters, line ends and the like as escapes, all else as it is."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in piece)


def utf8(text: str) -> bytes:
    """The bytes of a text without surrogates (which an argument of a command may hold)."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InputError(
            f"character {text[error.start]!r} at position {error.start} is a lone surrogate, which UTF-8 cannot hold; "
            f"remove it"
        ) from None


def characters_begun(piece: bytes) -> int:
    """How many characters begin in these bytes of UTF-8; continuation bytes (10xxxxxx) begin none."""
    return sum(byte & 0xC0 != 0x80 for byte in piece)


def characters_ended(pieces: Iterable[bytes]) -> list[str]:
    """The characters that end in each of these pieces of UTF-8; bytes after the last one belong to none."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    return [decoder.decode(piece) for piece in pieces]


def _class_of(unit: str) -> type[Tokenizer]:
    module, name = _CLASSES[unit].split(":")
    return getattr(import_module(module), name)
