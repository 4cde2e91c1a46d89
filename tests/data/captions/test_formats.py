"""Every form in which captions are passed on gives the same pictures."""

import json
import os
from pathlib import Path

import pytest

from seqmodels.data.captions import CaptionedImage, read_captions
from seqmodels.errors import DataError, OptionError

SHARED = Path(os.environ.get("SEQMODELS_SHARED_DATA", Path(__file__).parents[4] / "shared" / "data"))
CAPTIONS = {"1.jpg": ["A dog, asleep.", 'A "good" dog'], "2.jpg": ["Zwei Katzen, müde"]}


def coco(captions=CAPTIONS):
    pairs = [(name, text) for name, texts in captions.items() for text in texts]
    return {
        "info": {"year": 2017},
        "licenses": [],
        "images": [{"id": int(name[0]), "file_name": name, "height": 4, "width": 4} for name in captions],
        "annotations": [
            {"id": number, "image_id": int(name[0]), "caption": text} for number, (name, text) in enumerate(pairs)
        ],
    }


def karpathy(split="restval", **extra):
    images = [
        {"filename": name, "split": split, "sentences": [{"raw": text, "tokens": text.split()} for text in texts]}
        for name, texts in CAPTIONS.items()
    ]
    return {"images": [image | extra for image in images], "dataset": "flickr8k"}


def neuraltalk2(**extra):
    return [{"file_path": name, "captions": texts} | extra for name, texts in CAPTIONS.items()]


def as_csv(header="image,caption", extra=""):
    quoted = [(name, text.replace('"', '""')) for name, texts in CAPTIONS.items() for text in texts]
    return "\n".join([header, *(f'{name},"{text}"{extra}' for name, text in quoted)]) + "\n"


def token():
    lines = [f"{name}#{place}\t{text}" for name, texts in CAPTIONS.items() for place, text in enumerate(texts)]
    return "\n".join(lines) + "\n"


def flickr30k():
    lines = [f"{name}| {place}| {text}" for name, texts in CAPTIONS.items() for place, text in enumerate(texts)]
    return "\n".join(["image_name| comment_number| comment", *lines]) + "\n"


FILES = {
    "coco": ("captions.json", lambda: json.dumps(coco())),
    "karpathy": ("dataset.json", lambda: json.dumps(karpathy())),
    "neuraltalk2": ("raw.json", lambda: json.dumps(neuraltalk2())),
    "csv": ("captions.txt", as_csv),
    "token": ("Flickr8k.token.txt", token),
    "flickr30k": ("results.csv", flickr30k),
}


def written(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def pictures(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"picture")
    return folder


@pytest.mark.parametrize("named", [False, True], ids=["recognised", "named"])
@pytest.mark.parametrize("kind", FILES)
def test_each_format_is_read(tmp_path, kind, named):
    name, content = FILES[kind]
    found = read_captions(written(tmp_path / name, content()), format=kind if named else None)
    assert [image.captions for image in found] == [tuple(texts) for texts in CAPTIONS.values()]
    assert [image.key for image in found] == (["1", "2"] if kind == "coco" else ["1.jpg", "2.jpg"])
    assert all(image.path is None for image in found)


def test_no_line_is_taken_for_a_header_that_is_none(tmp_path):
    path = written(tmp_path / "results.csv", flickr30k().partition("\n")[2])
    assert len(read_captions(path, format="flickr30k")[0].captions) == 2
    written(path, "\n" + flickr30k())
    assert [image.key for image in read_captions(path)] == ["1.jpg", "2.jpg"]


@pytest.mark.parametrize("change", [lambda data: b"\xef\xbb\xbf" + data, lambda data: data.replace(b"\n", b"\r\n")])
@pytest.mark.parametrize("kind", FILES)
def test_byte_order_marks_and_windows_line_ends_change_nothing(tmp_path, kind, change):
    name, content = FILES[kind]
    path = written(tmp_path / name, content())
    before = read_captions(path)
    path.write_bytes(change(path.read_bytes()))
    assert read_captions(path) == before


def test_white_space_at_the_ends_of_a_caption_is_dropped_and_nothing_else(tmp_path):
    path = written(tmp_path / "raw.json", [{"file_path": "a.jpg", "captions": ["\n A  dog\nasleep. \t"]}])
    assert read_captions(path)[0].captions == ("A  dog\nasleep.",)


def test_one_coco_file_for_each_split(tmp_path):
    path = {
        "train": written(tmp_path / "train.json", coco({"1.jpg": ["a"]})),
        "val": written(tmp_path / "val.json", coco({"2.jpg": ["b"]})),
    }
    found = read_captions(path)
    assert [(image.key, image.split) for image in found] == [("1", "train"), ("2", "validation")]


@pytest.mark.parametrize(
    ("spelling", "split"), [("train", "train"), ("restval", "train"), ("val", "validation"), ("test", "test")]
)
def test_the_splits_of_karpathy_are_kept_and_restval_is_trained_on(tmp_path, spelling, split):
    found = read_captions(written(tmp_path / "dataset.json", karpathy(spelling)))
    assert {image.split for image in found} == {split}


def test_the_key_of_karpathy_is_the_id_of_coco(tmp_path):
    data = karpathy()
    data["images"][0] |= {"cocoid": 391895, "filepath": "val2014"}
    folder = pictures(tmp_path / "images", "train2014/1.jpg", "val2014/1.jpg", "2.jpg")
    found = read_captions(written(tmp_path / "dataset.json", data), folder)
    assert [image.key for image in found] == ["391895", "2.jpg"]
    assert found[0].path == str(folder / "val2014" / "1.jpg")


def test_neuraltalk2_may_have_ids_and_splits(tmp_path):
    data = neuraltalk2(split="test")
    data[0]["id"] = 17
    found = read_captions(written(tmp_path / "raw.json", data))
    assert [(image.key, image.split) for image in found] == [("17", "test"), ("2.jpg", "test")]


def test_csv_may_have_a_split_and_other_columns_and_names(tmp_path):
    path = written(
        tmp_path / "captions.csv", "Split,likes,file_name,text\nvalid,3,a.jpg,a dog\n\nvalid,4,a.jpg,asleep\n"
    )
    assert read_captions(path) == [CaptionedImage("a.jpg", None, ("a dog", "asleep"), "validation")]


def test_a_caption_in_csv_may_be_as_long_as_the_file(tmp_path):
    long = "a dog " * 30_000  # the csv module's own limit is 131,072 characters
    path = written(tmp_path / "captions.csv", f'image,caption\na.jpg,"{long}"\n')
    assert read_captions(path)[0].captions == (long.strip(),)


@pytest.mark.parametrize("table", ["metadata.csv", "captions.csv", "captions.txt"])
def test_a_folder_of_images_with_a_table(tmp_path, table):
    pictures(tmp_path, "1.jpg", "2.jpg")
    written(tmp_path / table, as_csv())
    found = read_captions(tmp_path)
    assert [image.path for image in found] == [str(tmp_path / "1.jpg"), str(tmp_path / "2.jpg")]
    assert found[0].read_bytes() == b"picture"


@pytest.mark.parametrize("ending", [".jpg", ""], ids=["name", "name without ending"])
def test_split_files_choose_the_pictures(tmp_path, ending):
    path = written(tmp_path / "token.txt", token() + "3.jpg#0\tnot in a list\n")
    lists = {
        "train": written(tmp_path / "a.txt", f"2{ending}\n"),
        "test": written(tmp_path / "b.txt", f"1{ending}\n\n"),
    }
    assert [(image.key, image.split) for image in read_captions(path, splits=lists)] == [
        ("1.jpg", "test"),
        ("2.jpg", "train"),
    ]


@pytest.mark.parametrize("where", ["1.jpg", "train2017/1.jpg", "images/train2017/1.jpg"])
def test_image_files_are_found_below_the_folder(tmp_path, where):
    folder = pictures(tmp_path / "coco", where)
    path = written(tmp_path / "captions.json", coco({"1.jpg": ["a dog"]}))
    assert read_captions(path, folder)[0].path == str(folder / where)


def test_a_picture_without_file_says_so(one_line):
    with one_line(DataError, "image '7'", "its file is unknown", "images"):
        CaptionedImage("7", None, ("a",), "train").read_bytes()


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"format": "yolo"}, "format is 'yolo'; use one of coco, karpathy"),
        ({"max_bad": -1}, "max_bad must be 0 or more"),
        ({"fractions": (0.5, 0.5)}, "fractions is (0.5, 0.5); give three numbers"),
        ({"fractions": (0.5, 0.5, float("nan"))}, "give three numbers"),
        ({"seed": -1}, "seed"),
        ({"splits": {"extra": "x.txt"}}, "splits has the key 'extra'; use train, validation, test"),
    ],
)
def test_options_out_of_range_are_one_line(tmp_path, one_line, options, part):
    path = written(tmp_path / "captions.csv", as_csv())
    with one_line(OptionError, part):
        read_captions(path, **options)


@pytest.mark.parametrize("path", ["", {}, {"extra": "x.json"}, "a\0b"])
def test_a_path_that_is_none_is_one_line(one_line, path):
    with one_line(OptionError, "path"):
        read_captions(path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs shared/data beside the project, or SEQMODELS_SHARED_DATA")
def test_real_files_are_read():
    flickr = read_captions(SHARED / "flickr8k_700")
    assert len(flickr) == 700
    assert all(len(image.captions) == 5 and Path(image.path).is_file() for image in flickr)
    folder = SHARED / "coco_real_small"
    parts = {split: folder / f"captions_{split}2017_subset.json" for split in ("train", "val")}
    found = read_captions(parts, folder / "images")
    assert [sum(image.split == split for image in found) for split in ("train", "validation")] == [80, 283]
