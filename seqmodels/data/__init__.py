"""Texts, tokenizers, loaders, and the sequence problems that cells are compared on.

Names are imported when they are used: tokenizing a prompt needs no Lightning.
"""

from typing import TYPE_CHECKING

from seqmodels.lazy import lazy

if TYPE_CHECKING:
    from seqmodels.data.adding import Adding
    from seqmodels.data.arithmetic import Arithmetic
    from seqmodels.data.caption_data import CaptionBatch, CaptionData
    from seqmodels.data.copying import Copying
    from seqmodels.data.corpora import read_corpus
    from seqmodels.data.memorisation import Memorisation
    from seqmodels.data.polyphonic_music import PolyphonicMusic
    from seqmodels.data.question_data import QuestionBatch, QuestionData
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
    "CaptionBatch": "caption_data",
    "CaptionData": "caption_data",
    "Copying": "copying",
    "Memorisation": "memorisation",
    "PolyphonicMusic": "polyphonic_music",
    "QuestionBatch": "question_data",
    "QuestionData": "question_data",
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
    "CaptionBatch",
    "CaptionData",
    "Copying",
    "Memorisation",
    "PolyphonicMusic",
    "QuestionBatch",
    "QuestionData",
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

__getattr__, __dir__ = lazy(__name__, _MODULES)
