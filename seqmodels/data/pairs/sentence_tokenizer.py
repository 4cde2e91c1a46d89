"""Sentences as people write them, to tokens and back: punctuation apart from words, lower case, reversed order."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from seqmodels.data.tokenizer import Tokenizer, build_tokenizer
from seqmodels.data.words import WordTokenizer

_OF_WORDS = "'\u2019-"  # as in "dogs'" and "two- or three-legged"
_QUOTES = '"\u201c\u201d\u201e\u00ab\u00bb\u2039\u203a'
_BEFORE = ".,;:!?%\u2026\u3002\u3001\uff0c\uff01\uff1f"
_AFTER = "\u00bf\u00a1$\u00a3#@"


class SentenceTokenizer(Tokenizer):
    """Another tokenizer, and what is done to sentences before it and undone after it.

    What a model was trained with is in its checkpoint: it is given plain sentences and gives plain sentences.

    Words: punctuation and signs of currency and mathematics at either end of a word become words of their own, but for
    apostrophes and hyphens; inside it (``3.14``, ``don't``) all stay. When decoded they join their neighbours again,
    by rules that give back nearly every sentence, but not all.

    Args:
        inner: its tokens are the vocabulary.
        lowercase: what was in capitals isn't restored.
        reverse: the tokens of each line come in reverse order, before its line end.

    Example:
        >>> tokenizer = SentenceTokenizer(build_tokenizer("word", "he said : hello !\\n"), lowercase=True)
        >>> [tokenizer.tokens[number] for number in tokenizer.encode("He said: hello!\\n")]
        ['he', 'said', ':', 'hello', '!', '<eos>']
        >>> tokenizer.decode(tokenizer.encode("He said: hello!\\n"))
        'he said: hello!\\n'

    Source of the reversal: Sutskever, Vinyals and Le 2014, section 3.3.
    """

    unit = "sentence"

    def __init__(self, inner: Tokenizer, lowercase: bool = False, reverse: bool = False) -> None:
        self.inner, self.lowercase, self.reverse = inner, lowercase, reverse
        self.unknown_id = inner.unknown_id

    @classmethod
    def build(cls, text: str, vocabulary_size: int | None, min_count: int, unknown: bool) -> SentenceTokenizer:
        return cls(WordTokenizer.build(split_words(text), vocabulary_size, min_count, unknown))

    @property
    def tokens(self) -> list[str]:
        return self.inner.tokens

    def encode(self, text: str) -> Int64[Tensor, " N"]:
        ids = self.inner.encode(self._prepared(text))
        return _reverse_lines(ids, self.inner.line_end_id) if self.reverse else ids

    def decode(self, ids: Int[Tensor, " N"] | Sequence[int]) -> str:
        if self.reverse:
            ids = _reverse_lines(self._checked(ids), self.inner.line_end_id)
        text = self.inner.decode(ids)
        return join_words(text) if self._splits else text

    def unknown_in(self, text: str) -> str | None:
        return self.inner.unknown_in(self._prepared(text))

    def to_dict(self) -> dict[str, Any]:
        options = {"lowercase": int(self.lowercase), "reverse": int(self.reverse)}
        return {"unit": self.unit, "inner": self.inner.to_dict(), **options}

    @classmethod
    def _restore(cls, description: dict[str, Any]) -> SentenceTokenizer:
        inner = Tokenizer.from_dict(description["inner"])
        return cls(inner, bool(description["lowercase"]), bool(description["reverse"]))

    def characters_per_token(self) -> Float[Tensor, " V"] | None:
        return None if self._splits else self.inner.characters_per_token()

    @property
    def _splits(self) -> bool:
        return self.inner.unit == "word"

    def _prepared(self, text: str) -> str:
        text = text.lower() if self.lowercase else text
        return split_words(text) if self._splits else text


def sentence_tokenizer(
    unit: str, text: str, vocabulary_size: int | None = None, min_count: int = 1, lowercase: bool = False
) -> Tokenizer:
    """The tokenizer of training sentences, one a line: what ``build_tokenizer`` gives, within a ``SentenceTokenizer``
    where words or lower case need it. Nothing that was unseen is an error.

    Example:
        >>> sentence_tokenizer("word", "a dog.\\nA cat.\\n", lowercase=True).tokens
        ['.', '<eos>', 'a', 'cat', 'dog', '<unk>']
    """
    text = text.lower() if lowercase else text
    text = split_words(text) if unit == "word" else text
    inner = build_tokenizer(unit, text, vocabulary_size, min_count, unknown=unit == "character")
    return SentenceTokenizer(inner, lowercase) if lowercase or unit == "word" else inner


def split_words(text: str) -> str:
    """Each line's words and punctuation marks with a space between.

    Example:
        >>> split_words("The dog's (red) ball costs $3.50, doesn't it?")
        "The dog's ( red ) ball costs $ 3.50 , doesn't it ?"
    """
    return "\n".join(" ".join(map(_peeled, line.split())) for line in text.split("\n"))


@lru_cache(maxsize=2**16)
def _peeled(word: str) -> str:
    begin, end = 0, len(word)
    while begin < end and _is_mark(word[begin]):
        begin += 1
    while begin < end and _is_mark(word[end - 1]):
        end -= 1
    return " ".join([*word[:begin], *([word[begin:end]] if begin < end else []), *word[end:]])


def _is_mark(character: str) -> bool:
    kind = unicodedata.category(character)
    return character not in _OF_WORDS and (kind[0] == "P" or kind in ("Sm", "Sc"))


def join_words(text: str) -> str:
    """Undoes ``split_words``, as well as it can be undone.

    Example:
        >>> join_words("The dog's ( red ) ball costs $ 3.50 , doesn't it ? ")
        "The dog's (red) ball costs $3.50, doesn't it?"
    """
    return "\n".join(map(_joined, text.split("\n")))


def _joined(line: str) -> str:
    text, glued, quoted = "", True, False
    for word in line.split():
        kind = unicodedata.category(word) if len(word) == 1 else ""
        quote = word in _QUOTES
        closes = quoted if quote else word in _BEFORE or kind == "Pe"
        text += word if glued or closes else f" {word}"
        glued = not quoted if quote else word in _AFTER or kind == "Ps"
        quoted ^= quote
    return text


def _reverse_lines(ids: Int64[Tensor, " N"], line_end: int) -> Int64[Tensor, " N"]:
    ends = (ids == line_end).numpy()
    line = np.cumsum(ends) - ends
    place = np.where(ends, 1, -np.arange(len(ends)))  # the end after all others, which count down
    return ids[torch.from_numpy(np.lexsort((place, line)))]
