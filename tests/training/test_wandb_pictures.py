"""Tables of pictures with captions and answers, read back from the files of real offline W&B runs."""

import hashlib
import io
import json
import shutil

import lightning.pytorch as pl
import pictures
import pytest
import torch
from lightning.pytorch import Callback
from PIL import Image

from seqmodels.data import CaptionData, QuestionData
from seqmodels.errors import OptionError
from seqmodels.tasks import Captioner, VisualQuestionAnswerer
from seqmodels.training import ReliableWandbLogger, wandb_pictures
from seqmodels.training.random_state import get_random_state
from seqmodels.training.wandb_pictures import PictureTable

PLAIN = {"backend": "reference"}  # a few steps aren't worth compiling


@pytest.fixture(scope="module")
def captions(tmp_path_factory):
    """Eight pictures in validation, one of them large; their features are stored."""
    folder = tmp_path_factory.mktemp("captions")
    train, valid = pictures.coco(folder / "pictures"), pictures.coco(folder / "pictures", 101)
    large = Image.open(folder / "pictures" / f"{101:012d}.png").resize((640, 320))
    large.save(folder / "pictures" / f"{101:012d}.png")
    return CaptionData(
        str(train), valid_source=str(valid), images=str(train.parent), backbone="pixels", image_size=8, batch_size=4,
        folder=str(folder / "features"),
    )  # fmt: skip


@pytest.fixture(scope="module")
def questions(tmp_path_factory):
    """Sixteen questions about eight pictures; batches hold pictures."""
    folder = tmp_path_factory.mktemp("questions") / "pictures"
    files = list(map(str, pictures.asked(folder)))
    return QuestionData(
        "vqa", *files, str(folder), valid_questions=files[0], valid_annotations=files[1], image_size=32, batch_size=16
    )


def captioner(data):
    torch.manual_seed(0)
    return Captioner(data.tokenizer, data.image, rnn_options=PLAIN, hidden_size=8, embedding_size=8, max_length=6)


def answerer(data):
    torch.manual_seed(0)
    sizes = {"hidden_size": 8, "num_layers": 1, "embedding_size": 8, "common_size": 8}
    return VisualQuestionAnswerer(data.tokenizer, data.answers, data.image, rnn_options=PLAIN, **sizes)


def fit(model, data, folder, *callbacks, epochs=2):
    """Trains with an offline run of W&B, whose pictures are under ``folder`` too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_DATA_DIR", str(folder))
        patch.setenv("WANDB_SILENT", "true")
        logger = ReliableWandbLogger(project="test", save_dir=folder, offline=True)
        trainer = pl.Trainer(
            accelerator="cpu", max_epochs=epochs, logger=logger, callbacks=list(callbacks), num_sanity_val_steps=1,
            enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, log_every_n_steps=1,
        )  # fmt: skip
        trainer.fit(model, datamodule=data)
        logger.experiment.finish()
    return trainer


def trainer_without_wandb(**options):
    return pl.Trainer(
        accelerator="cpu", logger=False, callbacks=[PictureTable()], enable_checkpointing=False,
        enable_progress_bar=False, enable_model_summary=False, **options,
    )  # fmt: skip


class RandomState(Callback):
    """Notes the state of all random generators at the end of each validation."""

    def __init__(self):
        self.states = []

    def on_validation_end(self, trainer, pl_module):
        state = get_random_state()
        del state["python"]  # from which the run-time type checks of the tests draw
        self.states.append(str(state))


def tables(folder, name):
    """Each table that was logged, as dictionaries of its rows, with the images in place of their names."""
    files = {file.read_bytes() for file in (folder / "artifacts" / "staging").iterdir()}  # some are there twice
    images = {hashlib.sha256(content).hexdigest(): content for content in files if content.startswith(b"\x89PNG")}
    found = [json.loads(content) for content in files if content.startswith(b"{")]
    # The run's own files have the order, and the word "Image" for each image; what is uploaded has the images.
    own = sorted(folder.glob(f"wandb/offline-run-*/files/media/table/{name}_*"))
    in_order = [json.loads(file.read_text()) for file in own]
    assert len(found) == len(in_order)
    found.sort(key=lambda table: in_order.index(without_images(table)))
    return [[decoded(table["columns"], row, images) for row in table["data"]] for table in found]


def without_images(table):
    rows = [["Image" if isinstance(value, dict) else value for value in row] for row in table["data"]]
    return {"columns": table["columns"], "data": rows}


def decoded(columns, values, images):
    row = dict(zip(columns, values, strict=True))
    return {**row, "picture": Image.open(io.BytesIO(images[row["picture"]["sha256"]]))}


def test_each_validation_logs_pictures_with_the_beams_of_their_captions(captions, tmp_path):
    model = captioner(captions)
    fit(model, captions, tmp_path, PictureTable(pictures=3))
    first, second = tables(tmp_path, "val_captions")  # and none of the sanity check
    assert [row["key"] for row in first] == [row["key"] for row in second] == ["101", "103", "106"]
    assert [row["log_probability"] for row in first] != [row["log_probability"] for row in second]
    assert first[1]["references"] == "A green square."
    assert first[0]["picture"].size == (256, 128)
    assert first[1]["picture"].tobytes() == Image.open(captions.records["validation"][2].path).tobytes()
    for row, number in zip(second, (0, 2, 5), strict=True):
        beam = model.caption(captions.parts["validation"][number][0], max_length=6, beam_size=3)
        assert row["caption"] == beam[0].text
        assert row["log_probability"] == pytest.approx(beam[0].log_probability, abs=1e-4)
        assert row["beam"].splitlines() == [f"{one.log_probability:.2f}  {one.text}" for one in beam]
        assert len(beam) == 3


def test_each_validation_logs_pictures_with_the_likeliest_answers(questions, tmp_path):
    model = answerer(questions)
    before, after = RandomState(), RandomState()
    fit(model, questions, tmp_path, before, PictureTable(pictures=4), after)
    assert before.states == after.states, "whoever looks at pictures trains the same model"
    first, second = tables(tmp_path, "val_answers")
    records = questions.records["validation"][::4]
    assert [row["probability"] for row in first] != [row["probability"] for row in second]
    for row, record in zip(second, records, strict=True):
        assert (row["key"], row["question"]) == (record.key, record.question)
        assert row["people"] == f"10  {record.answers[0]}"
        assert row["picture"].tobytes() == Image.open(record.path).tobytes()
        likeliest = model.answer(record.path, record.question)
        assert row["answer"] == likeliest[0][0]
        assert row["probability"] == pytest.approx(likeliest[0][1], abs=1e-4)
        assert [line.split("  ")[1] for line in row["likeliest"].splitlines()] == [answer for answer, _ in likeliest]
        assert len(likeliest) == 5


def test_a_failure_of_wandb_is_one_line_and_the_run_goes_on(questions, tmp_path, monkeypatch):
    class NoRoom(Callback):
        """Before the second validation, a file is where W&B would write tables."""

        def on_train_epoch_start(self, trainer, pl_module):
            if trainer.current_epoch == 1:
                (media,) = tmp_path.glob("wandb/offline-run-*/files/media")
                shutil.rmtree(media)
                media.write_text("")

    said = []
    monkeypatch.setattr(wandb_pictures, "rank_zero_info", said.append)
    trainer = fit(answerer(questions), questions, tmp_path, PictureTable(), NoRoom(), epochs=3)
    assert trainer.current_epoch == 3
    assert [line.split(" is lost: ")[0] for line in said] == [
        f"W&B: the table val_answers of step {step}" for step in (2, 3)
    ]
    assert all("Not a directory" in line and "\n" not in line for line in said)


def test_without_wandb_nothing_is_written(questions):
    class Silent(VisualQuestionAnswerer):
        def picture_rows(self, data, count):
            raise AssertionError("nobody will see it")

    model = Silent(questions.tokenizer, questions.answers, questions.image, rnn_options=PLAIN)
    assert trainer_without_wandb(max_epochs=1).fit(model, datamodule=questions) is None


def test_wrong_options_are_one_line(questions, one_line):
    with one_line(OptionError, "PictureTable: pictures is 0", "1 or more"):
        PictureTable(pictures=0)
    model = answerer(questions)
    trainer = trainer_without_wandb(max_epochs=1)
    with one_line(OptionError, "the Trainer has no data module", "CaptionData"):
        trainer.fit(model, questions.train_dataloader())
    with one_line(OptionError, "a LightningModule says nothing of pictures"):
        PictureTable().setup(trainer, pl.LightningModule(), "fit")
