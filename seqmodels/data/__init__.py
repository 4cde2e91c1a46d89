"""Texts, tokenizers, loaders, and the sequence problems that cells are compared on.

Names are imported when they are used: tokenizing a prompt needs no Lightning.
"""

from typing import TYPE_CHECKING

from seqmodels.lazy import lazy

if TYPE_CHECKING:
    from seqmodels.data.adding import Adding
    from seqmodels.data.arithmetic import Arithmetic
    from seqmodels.data.bucketed import BucketedLoader
    from seqmodels.data.caption_data import CaptionBatch, CaptionData
    from seqmodels.data.copying import Copying
    from seqmodels.data.corpora import read_corpus
    from seqmodels.data.labelled_text import LabelledTextData
    from seqmodels.data.memorisation import Memorisation
    from seqmodels.data.pair_data import PairBatch, PairData
    from seqmodels.data.polyphonic_music import PolyphonicMusic
    from seqmodels.data.question_data import QuestionBatch, QuestionData
    from seqmodels.data.resumable import ResumableLoader
    from seqmodels.data.sequences import SequenceBatch
    from seqmodels.data.sequential_digits import SequentialDigits
    from seqmodels.data.series import SeriesData
    from seqmodels.data.streams import StreamLoader, Window
    from seqmodels.data.tagged_text import TaggedTextData
    from seqmodels.data.text import TextData
    from seqmodels.data.text_file import read_text
    from seqmodels.data.tokenizer import Tokenizer, build_tokenizer
    from seqmodels.data.tree_data import TreeBatch, TreeData
    from seqmodels.data.xml_tags import XMLTags

_MODULES = {
    "Adding": "adding",
    "Arithmetic": "arithmetic",
    "BucketedLoader": "bucketed",
    "CaptionBatch": "caption_data",
    "CaptionData": "caption_data",
    "Copying": "copying",
    "LabelledTextData": "labelled_text",
    "Memorisation": "memorisation",
    "PairBatch": "pair_data",
    "PairData": "pair_data",
    "PolyphonicMusic": "polyphonic_music",
    "QuestionBatch": "question_data",
    "QuestionData": "question_data",
    "ResumableLoader": "resumable",
    "SequenceBatch": "sequences",
    "SequentialDigits": "sequential_digits",
    "SeriesData": "series",
    "StreamLoader": "streams",
    "TaggedTextData": "tagged_text",
    "TextData": "text",
    "Tokenizer": "tokenizer",
    "TreeBatch": "tree_data",
    "TreeData": "tree_data",
    "Window": "streams",
    "XMLTags": "xml_tags",
    "build_tokenizer": "tokenizer",
    "read_corpus": "corpora",
    "read_text": "text_file",
}

__all__ = [
    "Adding",
    "Arithmetic",
    "BucketedLoader",
    "CaptionBatch",
    "CaptionData",
    "Copying",
    "LabelledTextData",
    "Memorisation",
    "PairBatch",
    "PairData",
    "PolyphonicMusic",
    "QuestionBatch",
    "QuestionData",
    "ResumableLoader",
    "SequenceBatch",
    "SequentialDigits",
    "SeriesData",
    "StreamLoader",
    "TaggedTextData",
    "TextData",
    "Tokenizer",
    "TreeBatch",
    "TreeData",
    "Window",
    "XMLTags",
    "build_tokenizer",
    "read_corpus",
    "read_text",
]

__getattr__, __dir__ = lazy(__name__, _MODULES)
