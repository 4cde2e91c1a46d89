"""What cells remember, and how gradients flow through them."""

from typing import TYPE_CHECKING

from seqmodels.lazy import lazy

if TYPE_CHECKING:
    from seqmodels.inspect.reading import Reading, Units, read
    from seqmodels.inspect.recording import LayerRecording, Recording, names_of, record

_MODULES = {
    "LayerRecording": "recording",
    "Reading": "reading",
    "Recording": "recording",
    "Units": "reading",
    "names_of": "recording",
    "read": "reading",
    "record": "recording",
}
__getattr__, __dir__ = lazy(__name__, _MODULES)
__all__ = ["LayerRecording", "Reading", "Recording", "Units", "names_of", "read", "record"]
