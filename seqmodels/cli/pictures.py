"""The pictures that a command is given, or their features where those were made elsewhere."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqmodels.errors import DataError, OptionError

if TYPE_CHECKING:
    from seqmodels.tasks import Captioner, VisualQuestionAnswerer

FEATURES: dict[str, Any] = {
    "type": Path,
    "metavar": "FILE",
    "help": "of a model that was trained with --data.features: such a file or folder; --image is then a key of it",
}
"""``add("--features", **FEATURES)`` is for the commands that look at pictures."""


def picture_of(model: "Captioner | VisualQuestionAnswerer", image: Path, options: argparse.Namespace) -> Any:
    """What such a model looks at: a picture's file, or the features of that key.

    Raises:
        OptionError: If ``--features`` is missing, or for another model.
        DataError: If there are no such features.
    """
    from seqmodels.images import read_features

    elsewhere = model.image_input.specification is None
    if options.features is None:
        if elsewhere:
            raise OptionError(f"{image}: the model was trained on features made elsewhere; give them with --features")
        return image
    if not elsewhere:
        raise OptionError("--features is for a model that was trained on features made elsewhere; leave it out")
    features = read_features(options.features, model.image_input.size)[str(image)]
    if (features.ndim == 2) != (model.image_input.regions is not None):
        wanted = "[F]" if model.image_input.regions is None else "[R, F]"
        raise DataError(f"{options.features}: {image} has shape {list(features.shape)}; this model reads {wanted}")
    return features
