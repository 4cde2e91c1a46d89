"""What cells remember, and how gradients flow through them."""

from typing import TYPE_CHECKING

from seqmodels.lazy import lazy

if TYPE_CHECKING:
    from seqmodels.inspect.attention_pictures import attention_matrix, attention_on_picture, attention_picture
    from seqmodels.inspect.codes import Codes, token_codes
    from seqmodels.inspect.error_analysis import ErrorType, ErrorTypes, error_types
    from seqmodels.inspect.gradient_maps import GradientNorms, gradient_map, gradient_norms
    from seqmodels.inspect.gradient_monitor import GradientFlow
    from seqmodels.inspect.jacobians import LayerJacobians, RecurrentMatrix, recurrent_matrices, step_jacobians
    from seqmodels.inspect.page import ModelUnits, RankedUnit, ReadText, to_html, write_page
    from seqmodels.inspect.reading import Reading, Units, read
    from seqmodels.inspect.reading_gates import text_saturation
    from seqmodels.inspect.recording import LayerRecording, Recording, gates_of, names_of, record
    from seqmodels.inspect.saturation import GateSaturation, gate_saturation, tanh_saturation
    from seqmodels.inspect.text_properties import PROPERTIES, TextProperty, text_property
    from seqmodels.inspect.trained_on import held_out_text, training_text
    from seqmodels.inspect.unit_ranking import UnitScore, areas_under_curve, rank_units
    from seqmodels.inspect.unit_search import Finding, FoundUnit, UnitSearch, find_units

_MODULES = {
    "Codes": "codes",
    "ErrorType": "error_analysis",
    "ErrorTypes": "error_analysis",
    "Finding": "unit_search",
    "FoundUnit": "unit_search",
    "GateSaturation": "saturation",
    "GradientFlow": "gradient_monitor",
    "GradientNorms": "gradient_maps",
    "LayerJacobians": "jacobians",
    "LayerRecording": "recording",
    "ModelUnits": "page",
    "PROPERTIES": "text_properties",
    "RankedUnit": "page",
    "ReadText": "page",
    "Reading": "reading",
    "Recording": "recording",
    "RecurrentMatrix": "jacobians",
    "TextProperty": "text_properties",
    "UnitScore": "unit_ranking",
    "UnitSearch": "unit_search",
    "Units": "reading",
    "areas_under_curve": "unit_ranking",
    "attention_matrix": "attention_pictures",
    "attention_on_picture": "attention_pictures",
    "attention_picture": "attention_pictures",
    "error_types": "error_analysis",
    "find_units": "unit_search",
    "gate_saturation": "saturation",
    "gates_of": "recording",
    "gradient_map": "gradient_maps",
    "gradient_norms": "gradient_maps",
    "held_out_text": "trained_on",
    "names_of": "recording",
    "rank_units": "unit_ranking",
    "read": "reading",
    "record": "recording",
    "recurrent_matrices": "jacobians",
    "step_jacobians": "jacobians",
    "tanh_saturation": "saturation",
    "text_property": "text_properties",
    "text_saturation": "reading_gates",
    "to_html": "page",
    "token_codes": "codes",
    "training_text": "trained_on",
    "write_page": "page",
}
__getattr__, __dir__ = lazy(__name__, _MODULES)
__all__ = [
    "PROPERTIES",
    "Codes",
    "ErrorType",
    "ErrorTypes",
    "Finding",
    "FoundUnit",
    "GateSaturation",
    "GradientFlow",
    "GradientNorms",
    "LayerJacobians",
    "LayerRecording",
    "ModelUnits",
    "RankedUnit",
    "ReadText",
    "Reading",
    "Recording",
    "RecurrentMatrix",
    "TextProperty",
    "UnitScore",
    "UnitSearch",
    "Units",
    "areas_under_curve",
    "attention_matrix",
    "attention_on_picture",
    "attention_picture",
    "error_types",
    "find_units",
    "gate_saturation",
    "gates_of",
    "gradient_map",
    "gradient_norms",
    "held_out_text",
    "names_of",
    "rank_units",
    "read",
    "record",
    "recurrent_matrices",
    "step_jacobians",
    "tanh_saturation",
    "text_property",
    "text_saturation",
    "to_html",
    "token_codes",
    "training_text",
    "write_page",
]
