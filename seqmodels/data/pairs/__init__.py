"""Pairs of texts, one to be made from the other, from the files in which people have them, in one form.

Names are imported when they are used.
"""

from typing import TYPE_CHECKING

from seqmodels.lazy import lazy

if TYPE_CHECKING:
    from seqmodels.data.pairs.pair import Pair
    from seqmodels.data.pairs.reading import read_pairs
    from seqmodels.data.pairs.sentence_tokenizer import SentenceTokenizer

_MODULES = {"Pair": "pair", "SentenceTokenizer": "sentence_tokenizer", "read_pairs": "reading"}

__all__ = ["Pair", "SentenceTokenizer", "read_pairs"]

__getattr__, __dir__ = lazy(__name__, _MODULES)
