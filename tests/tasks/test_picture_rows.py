"""What models say of a few validation pictures, wherever the pictures are."""

import numpy as np
import pictures
import torch
from PIL import Image

from seqmodels.data import CaptionData, QuestionData
from seqmodels.tasks import Captioner, VisualQuestionAnswerer
from seqmodels.tasks.picture_rows import shown_records

PLAIN = {"backend": "reference"}  # a few steps aren't worth compiling


def shapes(folder, count):
    """A set of SHAPES: ``count`` pictures of one colour each, about which the same is asked."""
    for name in ("train.large", "val"):
        blue_green_red = np.zeros((count, 30, 30, 3), np.uint8)
        blue_green_red[..., 2] = np.arange(count)[:, None, None]
        np.save(folder / f"{name}.input.npy", blue_green_red)
        (folder / f"{name}.query_str.txt").write_text("is a red shape blue\n" * count)
        (folder / f"{name}.output").write_text("true\n" + "false\n" * (count - 1))
    return QuestionData(str(folder), image_size=32, batch_size=8)


def answerer(data):
    sizes = {"hidden_size": 8, "num_layers": 1, "embedding_size": 8, "common_size": 8}
    return VisualQuestionAnswerer(data.tokenizer, data.answers, data.image, rnn_options=PLAIN, **sizes)


def test_pictures_inside_another_file_are_shown(tmp_path):
    data = shapes(tmp_path, 12)
    rows = answerer(data).picture_rows(data, 4)
    assert [row["key"] for row in rows] == ["val/0", "val/3", "val/6", "val/9"]
    assert [row["picture"].getpixel((5, 5)) for row in rows] == [(0, 0, 0), (3, 0, 0), (6, 0, 0), (9, 0, 0)]
    assert [row["people"] for row in rows] == ["true", "false", "false", "false"]


def test_the_chosen_records_are_spread_over_the_part_and_different(tmp_path):
    data = shapes(tmp_path, 12)
    for count, expected in ((1, [0]), (5, [0, 2, 4, 7, 9]), (12, list(range(12))), (99, list(range(12)))):
        assert [record.key for *_, record in shown_records(data, count)] == [f"val/{number}" for number in expected]


def test_features_without_pictures_have_their_captions(tmp_path):
    """Features that were made elsewhere, of pictures that are not here."""
    folder = pictures.captioned(tmp_path / "pictures")
    names = sorted(path.name for path in folder.glob("*.png"))
    np.savez(tmp_path / "features.npz", **{name: np.random.rand(6).astype(np.float32) for name in names})
    data = CaptionData(str(folder), images=str(folder), features=str(tmp_path / "features.npz"), batch_size=8)
    assert len(data.parts["validation"])
    for name in names:
        (folder / name).unlink()
    model = Captioner(data.tokenizer, data.image, rnn_options=PLAIN, hidden_size=8, embedding_size=8)
    (row,) = model.picture_rows(data, 9)
    assert row["picture"] is None
    assert row["references"].splitlines() == ["a green circle.", "this is a circle"]
    assert len(row["beam"].splitlines()) == 3


def test_several_peoples_answers_are_counted_the_most_common_first(tmp_path):
    folder = tmp_path / "pictures"
    files = list(map(str, pictures.asked(folder)))
    data = QuestionData("vqa", *files, str(folder), image_size=32)
    rows = answerer(data).picture_rows(data, 99)
    assert [row["people"] for row in rows] == ["10  yes", "10  red"]
    assert [row["picture"].size for row in rows] == [(32, 32)] * 2
    assert rows[0]["picture"].tobytes() == Image.open(data.records["validation"][0].path).tobytes()


def test_models_of_double_precision_say_something_too(tmp_path):
    data = shapes(tmp_path, 4)
    model = answerer(data).to(torch.float64)
    rows = model.picture_rows(data, 2)
    assert [len(row["likeliest"].splitlines()) for row in rows] == [2, 2]
    assert not rows[0]["probability"] > 1
