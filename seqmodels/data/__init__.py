"""Texts, tokenizers and loaders.

Names are imported when they are used: tokenizing a prompt needs no Lightning.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqmodels.data.corpora import read_corpus
    from seqmodels.data.resumable import ResumableLoader
    from seqmodels.data.streams import StreamLoader, Window
    from seqmodels.data.text import TextData
    from seqmodels.data.text_file import read_text
    from seqmodels.data.tokenizer import Tokenizer, build_tokenizer

_MODULES = {
    "ResumableLoader": "resumable",
    "StreamLoader": "streams",
    "TextData": "text",
    "Tokenizer": "tokenizer",
    "Window": "streams",
    "build_tokenizer": "tokenizer",
    "read_corpus": "corpora",
    "read_text": "text_file",
}

__all__ = [
    "ResumableLoader",
    "StreamLoader",
    "TextData",
    "Tokenizer",
    "Window",
    "build_tokenizer",
    "read_corpus",
    "read_text",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
