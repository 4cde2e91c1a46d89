"""What is wrong with a caption file is named with file and record; bad records are skipped only when asked for."""

import json
import tempfile
import warnings
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmodels.data.captions import read_captions
from seqmodels.errors import DataError, SeqmodelsError

IMAGES = [{"id": 1, "file_name": "1.jpg"}, {"id": 2, "file_name": "2.jpg"}]
CAPTIONS = [{"id": 1, "image_id": 1, "caption": "a dog"}, {"id": 2, "image_id": 2, "caption": "a cat"}]


def coco(images=(), captions=()):
    return {"images": [*IMAGES, *images], "annotations": [*CAPTIONS, *captions]}


def karpathy(**changes):
    good = {"filename": "1.jpg", "split": "train", "sentences": [{"raw": "a dog"}]}
    return {"images": [good, good | {"filename": "2.jpg"}, good | {"filename": "3.jpg"} | changes]}


def neuraltalk2(**changes):
    good = {"file_path": "1.jpg", "captions": ["a dog"]}
    return [good, good | {"file_path": "2.jpg"}, good | {"file_path": "3.jpg"} | changes]


BAD = [
    (coco(captions=[7]), "annotations[2]: the record is 7; it must be an object"),
    (coco(captions=[{"id": 3, "image_id": 1}]), "annotations[2]: the record has no caption"),
    (coco(captions=[{"id": 3, "caption": "x"}]), "annotations[2]: the record has no image_id"),
    (coco(captions=[{"id": 3, "image_id": 1, "caption": ""}]), "annotations[2]: the caption is empty"),
    (coco(captions=[{"id": 3, "image_id": 1, "caption": " \n"}]), "the caption is empty"),
    (coco(captions=[{"id": 3, "image_id": 1, "caption": None}]), "the caption is null; it must be a text"),
    (coco(captions=[{"id": 3, "image_id": 1, "caption": ["x"]}]), "the caption is list; it must be a text"),
    (coco(captions=[{"id": 3, "image_id": 9, "caption": "x"}]), "the image_id 9 is not among the images"),
    (coco(captions=[{"id": 3, "image_id": {}, "caption": "x"}]), "the image_id dict is not among the images"),
    (coco(captions=[{"id": 2, "image_id": 1, "caption": "x"}]), "annotations[2]: the id 2 is there already"),
    (coco(captions=[{"id": True, "image_id": 1, "caption": "x"}]), "the id is true; it must be an integer"),
    (coco(images=[None]), "images[2]: the record is null"),
    (coco(images=[{"file_name": "3.jpg"}]), "images[2]: the record has no id"),
    (coco(images=[{"id": 3}]), "images[2]: there is no file name"),
    (coco(images=[{"id": 3, "file_name": "3.jpg"}]), "images[2]: image '3' has no caption"),
    (coco(images=[{"id": 2, "file_name": "3.jpg"}]), "images[2]: image '2' is there already, in"),
    (coco(images=[{"id": 1.5, "file_name": "3.jpg"}]), "images[2]: the image id is 1.5; it must be an integer"),
    (coco(images=[{"id": 2**70, "file_name": "3.jpg"}]), "the image id is int"),
    (coco(images=[{"id": 3, "file_name": 3}]), "the file name is 3, no text"),
    (coco(images=[{"id": 3, "file_name": "../../etc/passwd"}]), "the file name '../../etc/passwd' leaves the folder"),
    (coco(images=[{"id": 3, "file_name": "/etc/passwd"}]), "leaves the folder of the images"),
    (coco(images=[{"id": 3, "file_name": "a\\..\\..\\b.jpg"}]), "leaves the folder of the images"),
    (coco(images=[{"id": 3, "file_name": "C:b.jpg"}]), "leaves the folder of the images"),
    (coco(images=[{"id": 3, "file_name": "a\0.jpg"}]), "characters that no file name can have"),
    (karpathy(split="extra"), "images[2]: the split is 'extra'; use train, validation, test"),
    (karpathy(split=None), "images[2]: the split is ''"),
    (karpathy(sentences="a dog"), "images[2]: sentences is 'a dog'; it must be a list"),
    (karpathy(sentences=[]), "images[2]: image '3.jpg' has no caption"),
    (karpathy(sentences=[{"tokens": ["a"]}]), "images[2], sentences[0]: the caption is null"),
    (karpathy(filepath=3), "images[2]: the filepath is 3"),
    (karpathy(filepath=".."), "the file name '../3.jpg' leaves the folder"),
    (karpathy(filename="1.jpg"), "image '1.jpg' is there already, in"),
    (neuraltalk2(captions="a dog"), "[2]: captions is 'a dog'; it must be a list of texts"),
    (neuraltalk2(captions=["a dog", 3]), "[2], captions[1]: the caption is 3"),
    (neuraltalk2(file_path="2.jpg"), "[2]: image '2.jpg' is there already, in"),
    (neuraltalk2(id=[]), "[2]: the image id is list"),
    ("image,caption\n1.jpg,a\n2.jpg,b\n3.jpg,\n", "line 4: the caption is empty"),
    ("image,caption\n1.jpg,a\n2.jpg,b\n,c\n", "line 4: the image id is ''"),
    ("image,caption\n1.jpg,a\n2.jpg,b\n3.jpg,a dog, asleep\n", "line 4: 3 columns rather than 2; put the caption"),
    ("image,caption\n1.jpg,a\n2.jpg,b\n3.jpg\n", "line 4: 1 columns rather than 2"),
    ("image,caption,split\n1.jpg,a,val\n2.jpg,b,val\n3.jpg,c,\n", "line 4: the split is ''"),
    ("image,caption,split\n1.jpg,a,val\n2.jpg,b,val\n1.jpg,c,test\n", "image '1.jpg' is in test here, in validation"),
    ("1.jpg#0\ta\n2.jpg#0\tb\n3.jpg c\n", "line 3: '3.jpg c' is no image name"),
    ("1.jpg#0\ta\n2.jpg#0\tb\n3.jpg#0\t\n", "line 3: the caption is empty"),
    (
        "image_name| comment_number| comment\n1.jpg| 0| a\n2.jpg| 0| b\n3.jpg| 4   c\n",
        "line 4: '3.jpg| 4   c' has 2 of",
    ),
]


def written(folder, content):
    path = folder / "captions"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


@pytest.mark.parametrize(("content", "part"), BAD, ids=[part for _, part in BAD])
def test_a_bad_record_is_named(tmp_path, one_line, content, part):
    path = written(tmp_path, content)
    with one_line(DataError, str(path), part, "max_bad=1"):
        read_captions(path, format=None if isinstance(content, str) else _kind(content))


@pytest.mark.parametrize(("content", "part"), BAD, ids=[part for _, part in BAD])
def test_a_bad_record_is_skipped_with_a_warning_and_the_good_ones_stay(tmp_path, content, part):
    path = written(tmp_path, content)
    with pytest.warns(UserWarning, match="1 bad record was skipped, the first: .*captions"):
        found = read_captions(path, max_bad=1, format=None if isinstance(content, str) else _kind(content))
    assert [image.key for image in found][:2] in (["1", "2"], ["1.jpg", "2.jpg"])


def _kind(content):
    return "neuraltalk2" if isinstance(content, list) else "coco" if "annotations" in content else "karpathy"


def test_more_bad_records_than_allowed_are_an_error_that_counts_them(tmp_path, one_line):
    path = written(tmp_path, "image,caption\n1.jpg,a\n2.jpg,\n3.jpg,\n4.jpg,\n")
    with one_line(DataError, f"{path}, line 5", "3 bad records so far, max_bad is 2", "raise --data.max_bad"):
        read_captions(path, max_bad=2)


def test_good_files_warn_of_nothing(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(read_captions(written(tmp_path, coco()), max_bad=5)) == 2


def test_a_missing_image_file_is_one_bad_record_whatever_its_captions(tmp_path, one_line):
    path = written(tmp_path, "image,caption\n1.jpg,a\n2.jpg,b\n2.jpg,c\n2.jpg,\n")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "1.jpg").touch()
    with one_line(DataError, f"{path}, line 3", "the image file '2.jpg' is not in", "images"):
        read_captions(path, tmp_path / "images")
    with pytest.warns(UserWarning, match="2 bad records were skipped"):  # and the empty caption
        assert len(read_captions(path, tmp_path / "images", max_bad=2)) == 1


def test_a_name_that_two_subfolders_have_is_refused(tmp_path, one_line):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.jpg").touch()
    path = written(tmp_path, "image,caption\n1.jpg,a\n")
    with one_line(DataError, "'1.jpg' is in", "2 times: a/1.jpg, b/1.jpg"):
        read_captions(path, tmp_path)


def test_no_file_outside_the_folder_is_found(tmp_path, one_line):
    (tmp_path / "secret.jpg").touch()
    (tmp_path / "images").mkdir()
    path = written(tmp_path, [{"file_path": "../secret.jpg", "captions": ["a"]}])
    with one_line(DataError, "[0]: the file name '../secret.jpg' leaves the folder"):
        read_captions(path, tmp_path / "images")


def test_a_picture_in_the_files_of_two_splits_is_refused(tmp_path, one_line):
    path = written(tmp_path, coco())
    with one_line(DataError, f"{path}, images[0]: image '1' is there already, in {path}, images[0]"):
        read_captions({"train": path, "test": path})


def test_split_files_must_agree_with_each_other_and_with_the_captions(tmp_path, one_line):
    path = written(tmp_path, "image,caption\n1.jpg,a\n2.jpg,b\n")
    first, second = tmp_path / "train.txt", tmp_path / "test.txt"
    first.write_text("1.jpg\n")
    second.write_text("2.jpg\n1.jpg\n")
    with one_line(DataError, f"{second}, line 2: '1.jpg' is in train already"):
        read_captions(path, splits={"train": first, "test": second})
    second.write_text("2.jpg\n3.jpg\n")
    with one_line(DataError, "splits, test: image '3.jpg' is in no caption file"):
        read_captions(path, splits={"train": first, "test": second})


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "no text at all"),
        (b"hello\n", "line 1: 'hello' begins no caption file; give a CSV"),
        (b"image,caption\n1.jpg,caf\xe9\n", "line 2: byte 23 (0xE9) is not UTF-8"),
        (b'image,caption\n1.jpg,"a dog\n2.jpg,a cat\n', "line 3: is no CSV"),
        (b'image,caption\n1.jpg,"a dog" barks\n', "line 2: is no CSV"),
        (b"image,caption\n", "no image has a caption"),
        (b'{"images": [{"id": 1', "line 1"),
        (b'{"images": [], "images": []}', "'images' is twice"),
        (b'{"images": [], "annotations": [{"id": NaN}]}', "NaN"),
        (b"[" * 100_000, "nested too deeply"),
        (b'[{"file_path": "1.jpg", "captions": ["\\ud800"]}]', "half of a surrogate pair"),
        (b"{}", "holds no captions; give COCO's captions"),
        (b'{"images": 3, "annotations": []}', "holds no captions"),
        (b'{"images": [], "annotations": [{"bbox": []}]}', "its annotations have no captions"),
        (b'[{"image_id": 1, "caption": "a"}]', "holds results, which a model wrote"),
        (b"[]", "no image has a caption"),
    ],
)
def test_what_is_wrong_with_a_whole_file_is_an_error_at_once(tmp_path, one_line, content, part):
    path = tmp_path / "captions.txt"
    path.write_bytes(content)
    with one_line(DataError, str(path), part):
        read_captions(path, max_bad=1_000_000)


@pytest.mark.parametrize("kind", ["coco", "karpathy", "neuraltalk2"])
@pytest.mark.parametrize("content", [[], {}, 3, None, "text", {"images": {}, "annotations": 3}])
def test_a_format_that_is_named_but_not_in_the_file_is_one_line(tmp_path, one_line, kind, content):
    path = tmp_path / "captions.json"
    path.write_text(json.dumps(content))
    with one_line(DataError, str(path)):
        read_captions(path, format=kind)


def test_missing_files_and_folders_are_one_line(tmp_path, one_line):
    with one_line(DataError, str(tmp_path / "no.json"), "no such file"):
        read_captions(tmp_path / "no.json")
    with one_line(DataError, str(tmp_path / "no"), "no such folder of images"):
        read_captions(written(tmp_path, coco()), tmp_path / "no")
    with one_line(DataError, f"{tmp_path}: no metadata.csv, captions.csv"):
        read_captions(tmp_path, format="folder")


SEEDS = [
    json.dumps(coco()).encode(),
    json.dumps(karpathy()).encode(),
    json.dumps(neuraltalk2(split="val")).encode(),
    b'image,caption,split\n1.jpg,"a ""good"" dog",val\n2.jpg,b,train\n',
    b"1.jpg#0\ta\n2.jpg#0\tb\n",
    b"image_name| comment_number| comment\n1.jpg| 0| a\n2.jpg| 0| b\n",
]


@settings(max_examples=300)
@given(data=st.data())
def test_any_damage_gives_pictures_or_one_line(data):
    content = bytearray(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content)))
        content[start : start + data.draw(st.integers(0, 8))] = data.draw(
            st.one_of(st.binary(max_size=4), st.sampled_from([b'"', b"null", b"[]", b"{", b"1e999", b"\\ud800", b"\r"]))
        )
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder, "captions.txt")
        path.write_bytes(content)
        try:
            found, message = read_captions(path, max_bad=data.draw(st.sampled_from([0, 100]))), ""
        except SeqmodelsError as error:
            found, message = [], str(error)
    assert "\n" not in message
    assert bool(found) != bool(message)
    assert all(image.key.strip() and image.captions and all(image.captions) for image in found)
    assert len({image.key for image in found}) == len(found)
