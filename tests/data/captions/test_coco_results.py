"""Results that COCO's own reader takes."""

import json

import pytest

from seqmodels.data.captions import read_captions, write_coco_results
from seqmodels.errors import DataError, InputError


def test_pycocotools_reads_the_results(tmp_path):
    coco = pytest.importorskip("pycocotools.coco", reason="needs pycocotools")
    data = {
        "info": {},
        "images": [{"id": number, "file_name": f"{number}.jpg"} for number in (9, 391895)],
        "annotations": [{"id": number, "image_id": number, "caption": "a dog"} for number in (9, 391895)],
    }
    (tmp_path / "captions.json").write_text(json.dumps(data))
    images = read_captions(tmp_path / "captions.json")
    write_coco_results(tmp_path / "results.json", {image.key: "two cats, müde\n" for image in images})
    results = coco.COCO(tmp_path / "captions.json").loadRes(str(tmp_path / "results.json"))
    assert {found["image_id"]: found["caption"] for found in results.anns.values()} == dict.fromkeys(
        (9, 391895), "two cats, müde\n"
    )


@pytest.mark.parametrize("key", ["dog.jpg", "", "07", "1.0", "-", "٣", " 1", "9" * 30])
def test_keys_that_are_no_integers_are_refused_and_nothing_is_written(tmp_path, one_line, key):
    with one_line(InputError, f"the key {key!r}", "no integer"):
        write_coco_results(tmp_path / "results.json", {"1": "a", key: "b"})
    assert not list(tmp_path.iterdir())


def test_an_empty_mapping_is_refused(tmp_path, one_line):
    with one_line(InputError, "no captions to write"):
        write_coco_results(tmp_path / "results.json", {})


@pytest.mark.usefixtures("_types_unchecked")
@pytest.mark.parametrize(
    ("captions", "part"),
    [
        ({"1": None}, "the caption of image '1' is null"),
        ({1: "a", "1": "b"}, "an image id twice"),
        ({True: "a"}, "true"),
    ],
)
def test_what_is_no_caption_or_there_twice_is_refused(tmp_path, one_line, captions, part):
    with one_line(InputError, part):
        write_coco_results(tmp_path / "results.json", captions)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path, one_line):
    (tmp_path / "file").touch()
    with one_line(DataError, "results.json: can't be written"):
        write_coco_results(tmp_path / "file" / "results.json", {"1": "a"})
