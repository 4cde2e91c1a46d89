"""Subwords: byte-level byte-pair encoding, learned from the training text by Hugging Face ``tokenizers``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from seqmodels.data.tokenizer import Tokenizer, characters_begun, characters_ended, printable, utf8
from seqmodels.errors import OptionError

_DEFAULT_SIZE = 4096
_LINES_AT_ONCE = 4096
# Of a text without spaces, where learning takes time quadratic in the length of a word; few words are longer.
_LONGEST_WORD = 128  # bytes


class SubwordTokenizer(Tokenizer):
    """Merges of bytes that are frequent in the training text; any text can be written in them and read back exactly.

    Lines are encoded one by one, so no token spans a line end and memory stays small; longer words than
    128 bytes are cut there. ``model`` is the JSON text that ``tokenizers`` writes.

    Example:
        >>> tokenizer = SubwordTokenizer.build("low lower lowest " * 20, 260, 1, True)
        >>> tokenizer.tokens[256:]
        ['lo', 'low', ' low', ' lowe']
        >>> tokenizer.decode(tokenizer.encode("slow é"))
        'slow é'
    """

    unit = "subword"

    def __init__(self, model: str) -> None:
        import tokenizers

        try:
            self._model = tokenizers.Tokenizer.from_str(model)
        except Exception as error:  # they raise bare ones
            raise ValueError(f"no model of tokenizers: {error}") from None
        alphabet = _bytes_of_alphabet()
        numbers = self._model.get_vocab()
        pieces = sorted(numbers, key=numbers.__getitem__)
        self._pieces = [bytes(alphabet[character] for character in piece) for piece in pieces]

    @classmethod
    def build(cls, text: str, vocabulary_size: int | None, min_count: int, unknown: bool) -> SubwordTokenizer:
        import tokenizers
        from tokenizers import Regex, models, pre_tokenizers, trainers

        size = _DEFAULT_SIZE if vocabulary_size is None else vocabulary_size
        if size < 256:
            raise OptionError(f"vocabulary_size is {size}; subwords need 256 or more, one for each byte")
        utf8(text)
        model = tokenizers.Tokenizer(models.BPE())
        bounded = pre_tokenizers.Split(Regex(f".{{1,{_LONGEST_WORD}}}"), "isolated")
        model.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.ByteLevel(add_prefix_space=False), bounded])
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            min_frequency=min_count,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        model.train_from_iterator((line for lines in _lines(text) for line in lines), trainer)
        return cls(model.to_str())

    @property
    def tokens(self) -> list[str]:
        return [printable(piece.decode("utf-8", "backslashreplace")) for piece in self._pieces]

    def __len__(self) -> int:
        return len(self._pieces)

    def encode(self, text: str) -> Int64[Tensor, " N"]:
        utf8(text)
        ids: list[Tensor] = [torch.empty(0, dtype=torch.int64)]
        for lines in _lines(text):
            found = self._model.encode_batch_fast(lines, add_special_tokens=False)
            ids.append(torch.tensor([number for line in found for number in line.ids], dtype=torch.int64))
        return torch.cat(ids)

    def decode(self, ids: Int[Tensor, " N"] | Sequence[int]) -> str:
        return b"".join(self._pieces[number] for number in self._checked(ids).tolist()).decode("utf-8", "replace")

    def decode_each(self, ids: Int[Tensor, " N"] | Sequence[int]) -> list[str]:
        return characters_ended(self._pieces[number] for number in self._checked(ids).tolist())

    def to_dict(self) -> dict[str, Any]:
        return {"unit": self.unit, "model": self._model.to_str()}

    @classmethod
    def _restore(cls, description: dict[str, Any]) -> SubwordTokenizer:
        return cls(description["model"])

    def characters_per_token(self) -> Float[Tensor, " V"]:
        return torch.tensor([float(characters_begun(piece)) for piece in self._pieces])


def _lines(text: str) -> Iterator[list[str]]:
    """The lines with their ends, some thousands at a time."""
    *lines, rest = text.split("\n")  # splitlines() would also cut at U+2028 and others
    lines = [line + "\n" for line in lines] + [rest] * bool(rest)
    for start in range(0, len(lines), _LINES_AT_ONCE):
        yield lines[start : start + _LINES_AT_ONCE]


def _bytes_of_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-ins for the 256 bytes (Radford et al. 2019, ``bytes_to_unicode``)."""
    shown = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in shown]
    return {chr(byte): byte for byte in shown} | {chr(256 + k): byte for k, byte in enumerate(hidden)}
