"""Pictures with captions, from the files in which people have them, in one form.

Names are imported when they are used.
"""

from typing import TYPE_CHECKING

from seqmodels.lazy import lazy

if TYPE_CHECKING:
    from seqmodels.data.captions.captioned_image import CaptionedImage
    from seqmodels.data.captions.coco_results import write_coco_results
    from seqmodels.data.captions.emoji_pictures import read_emoji
    from seqmodels.data.captions.reading import read_captions
    from seqmodels.data.captions.written_captions import write_captions

_MODULES = {
    "CaptionedImage": "captioned_image",
    "read_captions": "reading",
    "read_emoji": "emoji_pictures",
    "write_captions": "written_captions",
    "write_coco_results": "coco_results",
}

__all__ = ["CaptionedImage", "read_captions", "read_emoji", "write_captions", "write_coco_results"]

__getattr__, __dir__ = lazy(__name__, _MODULES)
