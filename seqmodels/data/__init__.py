"""Texts, tokenizers, loaders, and the sequence problems that cells are compared on.

Names are imported when they are used: tokenizing a prompt needs no Lightning.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqmodels.data.adding import Adding
    from seqmodels.data.arithmetic import Arithmetic
    from seqmodels.data.copying import Copying
    from seqmodels.data.corpora import read_corpus
    from seqmodels.data.memorisation import Memorisation
    from seqmodels.data.polyphonic_music import PolyphonicMusic
    from seqmodels.data.resumable import ResumableLoader
    from seqmodels.data.sequences import SequenceBatch
    from seqmodels.data.sequential_digits import SequentialDigits
    from seqmodels.data.streams import StreamLoader, Window
    from seqmodels.data.text import TextData
    from seqmodels.data.text_file import read_text
    from seqmodels.data.tokenizer import Tokenizer, build_tokenizer
    from seqmodels.data.xml_tags import XMLTags

_MODULES = {
    "Adding": "adding",
    "Arithmetic": "arithmetic",
    "Copying": "copying",
    "Memorisation": "memorisation",
    "PolyphonicMusic": "polyphonic_music",
    "ResumableLoader": "resumable",
    "SequenceBatch": "sequences",
    "SequentialDigits": "sequential_digits",
    "StreamLoader": "streams",
    "TextData": "text",
    "Tokenizer": "tokenizer",
    "Window": "streams",
    "XMLTags": "xml_tags",
    "build_tokenizer": "tokenizer",
    "read_corpus": "corpora",
    "read_text": "text_file",
}

__all__ = [
    "Adding",
    "Arithmetic",
    "Copying",
    "Memorisation",
    "PolyphonicMusic",
    "ResumableLoader",
    "SequenceBatch",
    "SequentialDigits",
    "StreamLoader",
    "TextData",
    "Tokenizer",
    "Window",
    "XMLTags",
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
