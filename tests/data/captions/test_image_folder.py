"""Looking for image files."""

import os

import pytest

from seqmodels.data.captions.image_folder import ImageFolder


def test_links_to_other_folders_are_followed_and_loops_end(tmp_path):
    disk, folder = tmp_path / "disk", tmp_path / "images"
    disk.mkdir()
    folder.mkdir()
    (disk / "1.jpg").touch()
    (folder / "train2017").symlink_to(disk)
    (disk / "loop").symlink_to(folder)
    assert ImageFolder(folder).find("1.jpg") == str(folder / "train2017" / "1.jpg")


def test_pipes_and_broken_links_are_no_images(tmp_path):
    os.mkfifo(tmp_path / "1.jpg")
    (tmp_path / "2.jpg").symlink_to(tmp_path / "nowhere.jpg")
    for name in ("1.jpg", "2.jpg"):
        with pytest.raises(FileNotFoundError, match=f"{name!r} is not in"):
            ImageFolder(tmp_path).find(name)


def test_the_longer_path_decides_between_equal_names(tmp_path):
    for folder in ("a/val", "a/train"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "1.jpg").touch()
    assert ImageFolder(tmp_path).find("val/1.jpg") == str(tmp_path / "a" / "val" / "1.jpg")
    assert ImageFolder(tmp_path).find("./a/train/1.jpg") == str(tmp_path / "a" / "train" / "1.jpg")
