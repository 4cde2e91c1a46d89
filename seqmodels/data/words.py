"""Words: what lies between white space, and ``<eos>`` for each line end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from seqmodels.data.tokenizer import Tokenizer, pieces, printable
from seqmodels.errors import OptionError

UNKNOWN = "<unk>"
END_OF_LINE = "<eos>"


class WordTokenizer(Tokenizer):
    """``words``, the most frequent first, ``<unk>`` and ``<eos>`` among them.

    Mikolov's Penn Treebank files give the usual 10,000 words; those files already hold ``<unk>``. Each word decodes to
    itself and a space, each ``<eos>`` to a line feed, so that text can be written as its tokens arrive.

    Example:
        >>> tokenizer = WordTokenizer.build("to be or not to be\\n", None, 1, True)
        >>> tokenizer.tokens
        ['be', 'to', '<eos>', 'not', 'or', '<unk>']
        >>> tokenizer.decode(tokenizer.encode("to see or not\\n"))
        'to <unk> or not \\n'
    """

    unit = "word"

    def __init__(self, words: list[str]) -> None:
        self._words = list(words)
        self._ids = {word: number for number, word in enumerate(self._words)}
        if len(self._ids) != len(self._words):
            raise ValueError("a word occurs twice in the vocabulary")
        self.unknown_id: int = self._ids[UNKNOWN]
        self.line_end_id = self._ids[END_OF_LINE]

    @classmethod
    def build(cls, text: str, vocabulary_size: int | None, min_count: int, unknown: bool) -> WordTokenizer:
        if vocabulary_size is not None and vocabulary_size < 3:
            raise OptionError(f"vocabulary_size is {vocabulary_size}; use 3 or more: <unk>, <eos> and a word")
        counts: Counter[str] = Counter()
        for piece in pieces(text):
            counts.update(_split(piece))
        special = {UNKNOWN: counts[UNKNOWN], END_OF_LINE: counts[END_OF_LINE]}
        for word in special:
            del counts[word]
        ranked = sorted((-count, word) for word, count in counts.items() if count >= min_count)
        if vocabulary_size is not None:
            ranked = ranked[: vocabulary_size - len(special)]
        ranked += [(-count, word) for word, count in special.items()]
        return cls([word for _, word in sorted(ranked)])

    @property
    def tokens(self) -> list[str]:
        return [printable(word) for word in self._words]

    def __len__(self) -> int:
        return len(self._words)

    def encode(self, text: str) -> Int64[Tensor, " N"]:
        ids, unknown = self._ids, self.unknown_id
        return torch.tensor([ids.get(word, unknown) for word in _split(text)], dtype=torch.int64)

    def decode(self, ids: Int[Tensor, " N"] | Sequence[int]) -> str:
        return "".join(self._written(number) for number in self._checked(ids).tolist())

    def unknown_in(self, text: str) -> str | None:
        return next((word for word in _split(text) if word not in self._ids), None)

    def to_dict(self) -> dict[str, Any]:
        return {"unit": self.unit, "words": list(self._words)}

    @classmethod
    def _restore(cls, description: dict[str, Any]) -> WordTokenizer:
        return cls(description["words"])

    def characters_per_token(self) -> Float[Tensor, " V"]:
        """The length of a word and of the space after it; 1 for ``<eos>``; ``<unk>`` counts as it is written."""
        return torch.tensor([float(len(self._written(number))) for number in range(len(self))])

    def _written(self, number: int) -> str:
        return "\n" if number == self.line_end_id else self._words[number] + " "


def _split(text: str) -> list[str]:
    return text.replace("\n", f" {END_OF_LINE} ").split()
