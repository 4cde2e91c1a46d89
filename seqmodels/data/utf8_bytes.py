"""Bytes: the 256 values of a byte of UTF-8, so that no text is ever outside the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor

from seqmodels.data.tokenizer import Tokenizer, characters_begun, characters_ended, utf8
from seqmodels.errors import OptionError


class ByteTokenizer(Tokenizer):
    """Token k is the byte k. Decoding bytes that are not UTF-8, as a model may write, gives U+FFFD for them.

    Example:
        >>> ByteTokenizer().encode("é!")
        tensor([195, 169,  33])
        >>> ByteTokenizer().decode([195, 169, 33, 255])
        'é!\ufffd'
    """

    unit = "byte"

    @classmethod
    def build(cls, text: str, vocabulary_size: int | None, min_count: int, unknown: bool) -> ByteTokenizer:
        if vocabulary_size not in (None, 256) or min_count != 1:
            raise OptionError("there are always 256 bytes; leave vocabulary_size and min_count away")
        return cls()

    @property
    def tokens(self) -> list[str]:
        return [chr(byte) if 32 <= byte < 127 else f"\\x{byte:02x}" for byte in range(256)]

    def __len__(self) -> int:
        return 256

    def encode(self, text: str) -> Int64[Tensor, " N"]:
        return torch.from_numpy(np.frombuffer(utf8(text), dtype=np.uint8).astype(np.int64))

    def decode(self, ids: Int[Tensor, " N"] | Sequence[int]) -> str:
        return bytes(self._checked(ids).tolist()).decode("utf-8", "replace")

    def decode_each(self, ids: Int[Tensor, " N"] | Sequence[int]) -> list[str]:
        return characters_ended(bytes([byte]) for byte in self._checked(ids).tolist())

    def to_dict(self) -> dict[str, Any]:
        return {"unit": self.unit}

    @classmethod
    def _restore(cls, description: dict[str, Any]) -> ByteTokenizer:
        return cls()

    def characters_per_token(self) -> Float[Tensor, " V"]:
        return torch.tensor([float(characters_begun(bytes([byte]))) for byte in range(256)])
