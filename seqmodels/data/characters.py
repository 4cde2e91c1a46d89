"""Characters: one token for each Unicode code point of the training text."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from seqmodels.data.tokenizer import Tokenizer, pieces, printable
from seqmodels.errors import InputError, OptionError

_REPLACEMENT = "\ufffd"


class CharacterTokenizer(Tokenizer):
    """``characters`` in the order of their numbers; ``<unk>``, if wanted, comes last and decodes to U+FFFD.

    Example:
        >>> CharacterTokenizer("helo").encode("hullo")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        seqmodels.errors.InputError: character 'u' (U+0075) at position 1 is not in the vocabulary of 4 characters; ...
        >>> CharacterTokenizer("helo", unknown=True).encode("hullo")
        tensor([0, 4, 2, 2, 3])
    """

    unit = "character"

    def __init__(self, characters: str, unknown: bool = False) -> None:
        if len(set(characters)) != len(characters):
            raise ValueError("a character occurs twice in the vocabulary")
        self.characters = characters
        self.unknown_id = len(characters) if unknown else None
        self._symbols = characters + _REPLACEMENT * unknown
        # One look-up per character keeps ten million of them within a fraction of a second. The last entry is for
        # everything above the highest character of the vocabulary.
        codes = _code_points(characters)
        self._ids = np.full(int(codes.max(initial=0)) + 2, -1 if self.unknown_id is None else self.unknown_id)
        self._ids[codes] = np.arange(len(characters))

    @classmethod
    def build(cls, text: str, vocabulary_size: int | None, min_count: int, unknown: bool) -> CharacterTokenizer:
        counts = np.zeros(sys.maxunicode + 1, dtype=np.int64)
        for piece in pieces(text):
            counts += np.bincount(_code_points(piece), minlength=len(counts))
        seen = np.flatnonzero(counts)
        kept = seen[counts[seen] >= min_count]
        unknown = unknown or len(kept) < len(seen)
        if vocabulary_size is not None and len(kept) + unknown > vocabulary_size:
            unknown = True
            kept = kept[np.argsort(-counts[kept], kind="stable")][: vocabulary_size - 1]
        if not len(kept):
            raise OptionError("no character is left in the vocabulary; raise vocabulary_size or lower min_count")
        return cls("".join(chr(code) for code in np.sort(kept)), unknown)

    @property
    def tokens(self) -> list[str]:
        unknown = [] if self.unknown_id is None else ["<unk>"]
        return [printable(character) for character in self.characters] + unknown

    def __len__(self) -> int:
        return len(self._symbols)

    def encode(self, text: str) -> Int64[Tensor, " N"]:
        ids = self._ids[np.minimum(_code_points(text), len(self._ids) - 1)]
        if self.unknown_id is None and len(ids) and ids.min() < 0:
            position = int(np.argmax(ids < 0))
            raise InputError(
                f"character {text[position]!r} (U+{ord(text[position]):04X}) at position {position} is not in the "
                f"vocabulary of {len(self)} characters; remove it, or train with a text that has it"
            )
        return torch.from_numpy(ids.astype(np.int64, copy=False))

    def decode(self, ids: Int[Tensor, " N"] | Sequence[int]) -> str:
        return "".join(self._symbols[number] for number in self._checked(ids).tolist())

    def unknown_in(self, text: str) -> str | None:
        return next((character for character in text if character not in self.characters), None)

    def to_dict(self) -> dict[str, Any]:
        return {"unit": self.unit, "characters": self.characters, "unknown": int(self.unknown_id is not None)}

    @classmethod
    def _restore(cls, description: dict[str, Any]) -> CharacterTokenizer:
        return cls(description["characters"], bool(description["unknown"]))

    def characters_per_token(self) -> Float[Tensor, " V"]:
        return torch.ones(len(self))


def _code_points(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")
