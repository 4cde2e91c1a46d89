"""Real captions, where they are."""

import json
from collections import defaultdict

import pytest
import shared_data

COCO = shared_data.FOLDER / "coco_captions_val2017" / "captions_val2017.json"


@pytest.fixture(scope="session")
def coco_captions() -> dict[int, list[str]]:
    """The captions of 600 images of COCO."""
    if not COCO.exists():
        pytest.skip("needs coco_captions_val2017; set SEQMODELS_SHARED_DATA")
    captions = defaultdict(list)
    for annotation in json.loads(COCO.read_text(encoding="utf-8"))["annotations"]:
        captions[annotation["image_id"]].append(annotation["caption"].replace("\n", " "))
    return {key: captions[key] for key in sorted(captions)[:600]}
