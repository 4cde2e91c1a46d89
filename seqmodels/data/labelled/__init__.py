"""Texts, series and sentences with classes, from the files in which people have them, in one form each.

Names are imported when they are used.
"""

from typing import TYPE_CHECKING

from seqmodels.lazy import lazy

if TYPE_CHECKING:
    from seqmodels.data.labelled.labelled_data import LabelledData
    from seqmodels.data.labelled.records import LabelledSeries, LabelledText, TaggedSentence
    from seqmodels.data.labelled.series import read_labelled_series
    from seqmodels.data.labelled.tagged import read_tagged_sentences
    from seqmodels.data.labelled.texts import read_labelled_texts
    from seqmodels.data.labelled.unlabelled import read_texts

_MODULES = {
    "LabelledData": "labelled_data",
    "LabelledSeries": "records",
    "LabelledText": "records",
    "TaggedSentence": "records",
    "read_labelled_series": "series",
    "read_labelled_texts": "texts",
    "read_tagged_sentences": "tagged",
    "read_texts": "unlabelled",
}

__all__ = [
    "LabelledData",
    "LabelledSeries",
    "LabelledText",
    "TaggedSentence",
    "read_labelled_series",
    "read_labelled_texts",
    "read_tagged_sentences",
    "read_texts",
]

__getattr__, __dir__ = lazy(__name__, _MODULES)
