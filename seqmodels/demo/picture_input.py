"""Where a person gives a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from seqmodels.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image


class GivenPicture(NamedTuple):
    """A file that may be a picture."""

    path: str
    name: str
    """What the person calls it."""


def picture_input() -> Any:
    """A field for a picture, from a file, the camera, or the clipboard; its value is for :func:`open_picture`."""
    import gradio as gr

    field = gr.Image(label="Picture", sources=["upload", "webcam", "clipboard"], height=300)
    # gradio's own reading shows a traceback where a file is no picture.
    setattr(field, "preprocess", _given)  # noqa: B010
    return field


def _given(payload: Any) -> GivenPicture | None:
    return None if payload is None else GivenPicture(payload.path, payload.orig_name or "the picture")


def open_picture(given: GivenPicture | None) -> "Image":
    """The picture.

    Raises:
        InputError: If none was given.
        DataError: If the file is no picture.
    """
    from seqmodels.images.reading import decode_image

    if given is None:
        raise InputError("there is no picture yet; give one")
    return decode_image(Path(given.path).read_bytes(), given.name)
