"""Captions of one's own pictures as a table."""

import pytest

from seqmodels.data.captions import read_captions, write_captions
from seqmodels.errors import DataError, InputError


def test_a_table_is_read_as_captions_are(tmp_path):
    written = {"b.jpg": 'a "cat", asleep', "a/c.jpg": "müde"}
    (tmp_path / "a").mkdir()
    for name in written:
        (tmp_path / name).write_bytes(b"")
    write_captions(tmp_path / "results.CSV", written)
    (tmp_path / "results.CSV").rename(tmp_path / "captions.csv")
    images = read_captions(tmp_path / "captions.csv", tmp_path)
    assert {image.key: image.captions for image in images} == {name: (text,) for name, text in written.items()}


def test_other_names_are_cocos_and_its_ids_are_numbers(tmp_path, one_line):
    write_captions(tmp_path / "results.json", {"7": "a dog"})
    assert (tmp_path / "results.json").read_text() == '[{"image_id": 7, "caption": "a dog"}]'
    with one_line(InputError, "dog.jpg", "a file whose name ends in .csv"):
        write_captions(tmp_path / "results.json", {"dog.jpg": "a dog"})


def test_a_place_that_cannot_be_written_is_one_line(tmp_path, one_line):
    (tmp_path / "file").touch()
    with one_line(DataError, str(tmp_path / "file")):
        write_captions(tmp_path / "file/results.csv", {"dog.jpg": "a dog"})


@pytest.mark.parametrize("name", ["results.csv", "results.json"])
def test_an_old_file_is_replaced(tmp_path, name):
    for text in ("a long caption of a dog", "a dog"):
        write_captions(tmp_path / name, {"7": text})
    assert "long" not in (tmp_path / name).read_text()
