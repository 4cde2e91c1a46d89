"""Datasets in the form of the Hugging Face library, made on the spot."""

import io
import pickle

import pytest

from seqmodels.data.captions import read_captions
from seqmodels.errors import DataError

datasets = pytest.importorskip("datasets")
Image = pytest.importorskip("PIL.Image")


def png(colour):
    file = io.BytesIO()
    Image.new("RGB", (2, 2), colour).save(file, "PNG")
    return file.getvalue()


RED, BLUE = png("red"), png("blue")


def table(pictures=(RED, BLUE), **columns):
    images = [{"bytes": data, "path": None} for data in pictures]
    return datasets.Dataset.from_dict({"image": images, **columns}).cast_column("image", datasets.Image())


def saved(folder, dataset):
    dataset.save_to_disk(str(folder / "dataset"))
    return folder / "dataset"


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("caption", ["red", "blue"]),
        ("captions", [["red"], ["blue"]]),
        ("text", ["red", "blue"]),
        ("sentences", [[{"raw": "red"}], [{"raw": "blue"}]]),
    ],
)
def test_columns_of_captions_in_their_many_forms(tmp_path, column, values):
    found = read_captions(saved(tmp_path, table(**{column: values})))
    assert [image.captions for image in found] == [("red",), ("blue",)]


def test_pictures_within_the_table_have_no_path_but_their_bytes(tmp_path):
    found = read_captions(saved(tmp_path, table(caption=["red", "blue"])))
    assert [image.path for image in found] == [None, None]
    assert [image.read_bytes() for image in found] == [RED, BLUE]
    assert pickle.loads(pickle.dumps(found[1])).read_bytes() == BLUE  # as worker processes get them


def test_rows_of_one_picture_come_together_so_that_no_split_tears_them(tmp_path):
    found = read_captions(saved(tmp_path, table((RED, BLUE, RED), caption=["red", "blue", "a red square"])))
    assert [image.captions for image in found] == [("red", "a red square"), ("blue",)]


def test_the_splits_of_a_dataset_are_kept(tmp_path):
    parts = {"train": table((RED,), caption=["red"]), "valid": table((BLUE,), caption=["blue"])}
    found = read_captions(saved(tmp_path, datasets.DatasetDict(parts)))
    assert [image.split for image in found] == ["train", "validation"]


def test_a_column_of_splits_is_before_the_one_split_that_holds_all(tmp_path):
    dataset = datasets.DatasetDict(
        {"test": table(caption=["red", "blue"], split=["restval", "val"], filename=["1.jpg", "2.jpg"])}
    )
    found = read_captions(saved(tmp_path, dataset))
    assert [(image.key, image.split) for image in found] == [("1.jpg", "train"), ("2.jpg", "validation")]


def test_a_parquet_file_is_read(tmp_path):
    path = tmp_path / "captions.parquet"
    table(caption=["red", "blue"], image_id=[7, 8]).to_parquet(str(path))
    found = read_captions(path)
    assert [(image.key, image.captions, image.read_bytes()) for image in found] == [
        ("7", ("red",), RED),
        ("8", ("blue",), BLUE),
    ]


def test_an_image_folder_of_the_library_gives_paths(tmp_path):
    (tmp_path / "1.png").write_bytes(RED)
    (tmp_path / "metadata.jsonl").write_text('{"file_name": "1.png", "text": "red"}\n')
    found = read_captions(tmp_path)
    assert [(image.path, image.captions) for image in found] == [(str(tmp_path / "1.png"), ("red",))]


def test_paths_in_a_table_are_looked_for_in_the_folder(tmp_path):
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "1.png").write_bytes(RED)
    dataset = datasets.Dataset.from_dict({"image": ["1.png"], "caption": ["red"]})
    found = read_captions(saved(tmp_path, dataset), tmp_path / "images")
    assert found[0].path == str(tmp_path / "images" / "1.png")


@pytest.mark.parametrize(
    ("dataset", "part"),
    [
        (table(title=["red", "blue"]), "no column of captions among image, title"),
        (datasets.Dataset.from_dict({"caption": ["red"]}), "no column of pictures among caption"),
        (table(caption=["red", None]), "split train, row 1: the caption is null"),
        (table(captions=[["red"], []]), "has no caption"),
        (table(caption=["red", "blue"], image_id=[1, None]), "split train, row 1: the image id is null"),
        (table(caption=["red", "blue"], split=["train", "extra"]), "row 1: the split is 'extra'"),
        (datasets.Dataset.from_dict({"image": [RED, None], "caption": ["a", "b"]}), "row 1: there is no picture"),
    ],
)
def test_what_is_wrong_with_a_dataset_is_one_line(tmp_path, one_line, dataset, part):
    with one_line(DataError, str(tmp_path), part):
        read_captions(saved(tmp_path, dataset))


def test_folders_and_files_without_a_dataset_are_one_line(tmp_path, one_line):
    with one_line(DataError, str(tmp_path), "no dataset can be read there"):
        read_captions(tmp_path)
    (tmp_path / "captions.parquet").write_bytes(b"PAR1 but no table")
    with one_line(DataError, "captions.parquet: no dataset can be read there"):
        read_captions(tmp_path / "captions.parquet")
