"""Held-out pictures are the same everywhere, and whole."""

from collections import Counter

import pictures
import pytest

from seqmodels.data import CaptionData, QuestionData
from seqmodels.data.captions import read_captions
from seqmodels.data.held_out import hashed_split


def test_the_shares_are_those_asked_for():
    counts = Counter(hashed_split(f"{number}.jpg", (0.7, 0.2, 0.1)) for number in range(10_000))
    assert [round(counts[split] / 10_000, 1) for split in ("train", "validation", "test")] == [0.7, 0.2, 0.1]


@pytest.mark.parametrize(
    ("fractions", "splits"),
    [((1, 0, 0), {"train"}), ((0, 0, 1), {"test"}), ((0.5, 0.5, 0), {"train", "validation"})],
)
def test_a_share_of_none_gets_none(fractions, splits):
    assert {hashed_split(str(number), fractions) for number in range(1000)} == splits


def test_another_seed_gives_other_splits():
    first, second = ([hashed_split(str(number), seed=seed) for number in range(100)] for seed in (0, 1))
    assert first != second
    assert first == [hashed_split(str(number)) for number in range(100)]


def test_the_split_of_a_picture_depends_on_its_key_alone(tmp_path):
    """Other pictures, other captions, another order: what was held out stays held out."""
    path = tmp_path / "captions.csv"
    rows = [f"{number}.jpg,caption {repeat}\n" for number in range(50) for repeat in range(3)]
    path.write_text("image,caption\n" + "".join(rows))
    before = {image.key: image.split for image in read_captions(path)}
    path.write_text("image,caption\n" + "".join(f"{number}.jpg,another\n" for number in reversed(range(0, 70, 2))))
    after = {image.key: image.split for image in read_captions(path)}
    shared = before.keys() & after.keys()
    assert len(shared) == 25
    assert all(before[key] == after[key] for key in shared)
    assert len(set(before.values())) == 3


@pytest.mark.parametrize("kind", [CaptionData, QuestionData])
def test_pictures_of_which_none_falls_into_the_test_part(tmp_path, kind):
    names = list(pictures.draw_all(tmp_path))
    rows = "".join(f"{name},what,answer {number}\n" for number, name in enumerate(names))
    headers = {CaptionData: "image,caption,more\n", QuestionData: "image,question,answer\n"}
    path = tmp_path / ("captions.csv" if kind is CaptionData else "questions.csv")
    path.write_text(headers[kind] + rows)
    data = kind(str(path), images=str(tmp_path), fractions=(0.5, 0.499, 0.001))
    with pytest.warns(UserWarning, match="no record falls into the test part, so it has those of validation"):
        records = data.records
    assert records["test"] == records["validation"]
