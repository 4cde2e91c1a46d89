"""Pictures, the networks that make features of them, and features kept on disk."""

from seqmodels.images.backbones import Backbone
from seqmodels.images.extract import extract_features
from seqmodels.images.given import GivenFeatures, read_features
from seqmodels.images.preprocessing import Preprocessing
from seqmodels.images.reading import decode_image, read_image, to_rgb
from seqmodels.images.store import FeatureStore

__all__ = [
    "Backbone",
    "FeatureStore",
    "GivenFeatures",
    "Preprocessing",
    "decode_image",
    "extract_features",
    "read_features",
    "read_image",
    "to_rgb",
]
