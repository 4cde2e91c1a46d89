"""What cells remember, and how gradients flow through them."""

from typing import TYPE_CHECKING

from seqmodels.lazy import lazy

if TYPE_CHECKING:
    from seqmodels.inspect.page import ReadText, to_html, write_page
    from seqmodels.inspect.reading import Reading, Units, read
    from seqmodels.inspect.recording import LayerRecording, Recording, names_of, record
    from seqmodels.inspect.text_properties import PROPERTIES, TextProperty, text_property
    from seqmodels.inspect.unit_ranking import UnitScore, rank_units
    from seqmodels.inspect.unit_search import Finding, FoundUnit, UnitSearch, find_units

_MODULES = {
    "Finding": "unit_search",
    "FoundUnit": "unit_search",
    "LayerRecording": "recording",
    "PROPERTIES": "text_properties",
    "ReadText": "page",
    "Reading": "reading",
    "Recording": "recording",
    "TextProperty": "text_properties",
    "UnitScore": "unit_ranking",
    "UnitSearch": "unit_search",
    "Units": "reading",
    "find_units": "unit_search",
    "names_of": "recording",
    "rank_units": "unit_ranking",
    "read": "reading",
    "record": "recording",
    "text_property": "text_properties",
    "to_html": "page",
    "write_page": "page",
}
__getattr__, __dir__ = lazy(__name__, _MODULES)
__all__ = [
    "PROPERTIES",
    "Finding",
    "FoundUnit",
    "LayerRecording",
    "ReadText",
    "Reading",
    "Recording",
    "TextProperty",
    "UnitScore",
    "UnitSearch",
    "Units",
    "find_units",
    "names_of",
    "rank_units",
    "read",
    "record",
    "text_property",
    "to_html",
    "write_page",
]
