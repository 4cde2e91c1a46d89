"""Pretrained word vectors in text form, as GloVe and word2vec publish them."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seqmodels.data.tokenizer import Tokenizer
from seqmodels.errors import DataError, OptionError

# That of Kim 2014, arXiv 1408.5882. Rare words hardly move from where they begin: from torch's N(0, 1) they would drown
# out the others.
RANGE = 0.25


def load_word_vectors(path: str | Path, tokenizer: Tokenizer) -> tuple[Float[Tensor, "V E"], int]:
    """The vectors of a vocabulary's words, NaN where the file has none, and how many it has.

    A line is a word and its E numbers with single spaces between; word2vec's first line, the two numbers of lines and
    of E, may be there or not. Words are compared as they are spelled; of a word that comes twice the first is taken.

    Args:
        path: The file; it is read line by line, and lines of other words are not looked into.
        tokenizer: With the vocabulary.

    Raises:
        DataError: If the file can't be read, a line has too few or too many numbers or something else than a number,
            or no word of the vocabulary is in it.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> _ = Path("vectors.txt").write_text("the 0.5 -1.0\\ncat 2.0 0.25\\n")
        >>> weight, found = load_word_vectors("vectors.txt", build_tokenizer("word", "the dog"))
        >>> weight.tolist(), found
        ([[nan, nan], [0.5, -1.0], [nan, nan], [nan, nan]], 1)
    """
    numbers = {token: number for number, token in enumerate(tokenizer.tokens)}
    vectors: dict[int, list[float]] = {}
    size = 0
    for line in _lines(Path(path)):
        if not size:
            size = _size(line)
            if line.is_header:
                continue
        number = numbers.get(line.word(size))
        if number is not None and number not in vectors:
            vectors[number] = line.vector(size)
    if not vectors:
        raise DataError(
            f"{path}: has none of the vocabulary's {len(tokenizer):,} words; use vectors of words of this language, "
            "spelled in the same case"
        )
    weight = torch.full((len(tokenizer), size), math.nan)
    weight[list(vectors)] = torch.tensor(list(vectors.values()))
    return weight, len(vectors)


def word_embedding(tokenizer: Tokenizer, size: int | None, vectors: str | None = None) -> nn.Embedding:
    """An embedding of a vocabulary; its words have the vectors of a file, where that has them.

    The other words get vectors drawn from a normal distribution as wide as that of the file's numbers.

    Args:
        tokenizer: With the vocabulary.
        size: Of a vector; that of the file's, if not given.
        vectors: The file, as :func:`load_word_vectors` takes it; if not given, all are drawn from U(-0.25, 0.25).

    Raises:
        DataError: If the file can't be used.
        OptionError: If its vectors have another size.
    """
    if vectors is None:
        if size is None:
            raise OptionError("embedding_size is missing; give the size of a token's vector, or a file of vectors")
        embedding = nn.Embedding(len(tokenizer), size)
        nn.init.uniform_(embedding.weight, -RANGE, RANGE)
        return embedding
    weight, _ = load_word_vectors(vectors, tokenizer)
    if size not in (None, weight.shape[1]):
        raise OptionError(
            f"embedding_size is {size}, but {vectors} has vectors of {weight.shape[1]} numbers; leave embedding_size "
            "away, or give that"
        )
    known = ~weight.isnan()
    drawn = torch.randn_like(weight) * weight[known].std(correction=0)
    return nn.Embedding.from_pretrained(torch.where(known, weight, drawn), freeze=False)


class _Line(NamedTuple):
    place: str
    parts: list[bytes]

    @property
    def is_header(self) -> bool:
        return len(self.parts) == 2 and all(part.isdigit() for part in self.parts)

    def word(self, size: int) -> str:
        """A word may have spaces, as ". . ." of GloVe has; numbers too many are no part of one."""
        first = max(len(self.parts) - size, 1)
        if len(self.parts) <= size or any(map(_is_number, self.parts[1:first])):
            raise DataError(
                f"{self.place}: has {sum(map(_is_number, self.parts[1:]))} numbers after its word, the lines before it "
                f"{size}; mend or remove the line"
            )
        return b" ".join(self.parts[:first]).decode("utf-8", "replace")

    def vector(self, size: int) -> list[float]:
        for part in self.parts[-size:]:
            if not _is_number(part):
                shown = part.decode("utf-8", "replace")
                raise DataError(f"{self.place}: {shown!r} is no number; mend or remove the line")
        return [float(part) for part in self.parts[-size:]]


def _size(first: _Line) -> int:
    size = int(first.parts[1]) if first.is_header else len(first.parts) - 1
    if size < 1:
        raise DataError(f"{first.place}: a word without numbers; give a file whose lines are a word and its vector")
    return size


def _lines(path: Path) -> Iterator[_Line]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line := line.strip():
                    yield _Line(f"{path}, line {number}", line.replace(b"\t", b" ").split(b" "))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); check the path of the word vectors") from None


def _is_number(part: bytes) -> bool:
    try:
        return math.isfinite(float(part))
    except ValueError:
        return False
