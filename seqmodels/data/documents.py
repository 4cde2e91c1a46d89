"""A text as one sequence of tokens, and where its documents begin."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Int64, Integer
from torch import Tensor

from seqmodels.data.tokenizer import Tokenizer, pieces
from seqmodels.errors import InputError


class Encoded(NamedTuple):
    """Tokens in the smallest integer type that holds the vocabulary."""

    tokens: Integer[Tensor, " N"]
    document_starts: Int64[Tensor, " D"] | None
    characters: int


def encode_text(tokenizer: Tokenizer, text: str, document_separator: str | None = None) -> Encoded:
    """The tokens of a text; no token spans the end of a document, which is after each separator.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> found = encode_text(build_tokenizer("character", "ab|"), "ab|a|b", document_separator="|")
        >>> found.tokens.dtype, found.document_starts
        (torch.uint8, tensor([0, 3, 5]))
    """
    if document_separator is None:
        return Encoded(_encode(tokenizer, text), None, len(text))
    *ended, rest = text.split(document_separator)
    documents = [document + document_separator for document in ended] + [rest] * bool(rest)
    encoded = [_encode(tokenizer, document) for document in documents]
    lengths = torch.tensor([0] + [len(tokens) for tokens in encoded])
    # A document of white space may have no token; the next one begins at the same place.
    starts = lengths.cumsum(0)[:-1].unique()
    return Encoded(torch.cat(encoded), starts, len(text))


def _encode(tokenizer: Tokenizer, text: str) -> Tensor:
    """Piece by piece: numbers of eight bytes each are there of one piece only."""
    dtype = _smallest_type(len(tokenizer))
    try:
        return torch.cat([tokenizer.encode(piece).to(dtype) for piece in pieces(text)])
    except InputError:
        tokenizer.encode(text)  # names the place in the whole text
        raise


def _smallest_type(vocabulary_size: int) -> torch.dtype:
    if vocabulary_size <= 2**8:
        return torch.uint8
    return torch.int16 if vocabulary_size <= 2**15 else torch.int32
