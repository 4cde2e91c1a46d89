"""Real captions, where they are."""

import json
import os
from collections import defaultdict
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("SEQMODELS_SHARED_DATA") or Path(__file__).parents[3] / "shared" / "data")
COCO = SHARED / "coco_captions_val2017" / "captions_val2017.json"


@pytest.fixture(scope="session")
def coco_captions() -> dict[int, list[str]]:
    """The captions of 600 images of COCO."""
    if not COCO.exists():
        pytest.skip("needs shared/data/coco_captions_val2017 beside the project, or SEQMODELS_SHARED_DATA")
    captions = defaultdict(list)
    for annotation in json.loads(COCO.read_text(encoding="utf-8"))["annotations"]:
        captions[annotation["image_id"]].append(annotation["caption"].replace("\n", " "))
    return {key: captions[key] for key in sorted(captions)[:600]}
