"""Processes that read pictures: the same batches as without, in the same order, from any place."""

import pickle

import lightning.pytorch as pl
import pictures
import pytest
import torch

from seqmodels.data import CaptionData, QuestionData
from seqmodels.errors import DataError, OptionError


def captions(folder, store_features=False, num_workers=0):
    kept = str(folder / f"features-{num_workers}")
    return CaptionData(
        str(folder), backbone="pixels", image_size=8, store_features=store_features, folder=kept,
        num_workers=num_workers, batch_size=2,
    )  # fmt: skip


def questions(folder, **options):
    files = folder / "questions.json", folder / "annotations.json"
    return QuestionData("vqa", *map(str, files), str(folder), image_size=32, batch_size=3, **options)


@pytest.fixture
def folder(tmp_path):
    pictures.asked(tmp_path / "pictures")
    return pictures.captioned(tmp_path / "pictures")


def batches(loader):
    return [(batch.keys, batch.image.tolist()) for batch in loader]


@pytest.mark.parametrize("make", [captions, questions])
def test_batches_are_those_of_one_process_in_every_epoch_and_after_a_restart(folder, make):
    alone, helped, again = (make(folder, num_workers=workers).train_dataloader() for workers in (0, 2, 2))
    expected = [batch for _ in range(2) for batch in batches(alone)]
    assert [batch for _ in range(2) for batch in batches(helped)] == expected
    started = iter(again)
    next(started)
    state = again.state_dict()
    for workers in (0, 2):
        loader = make(folder, num_workers=workers).train_dataloader()
        loader.load_state_dict(state)
        assert batches(loader) == expected[1 : len(expected) // 2]
    assert batches(make(folder, num_workers=2).val_dataloader()) == batches(make(folder).val_dataloader())


def test_stored_features_are_those_of_one_process(folder):
    def features(workers):
        data = captions(folder, store_features=True, num_workers=workers)
        data.prepare_data()
        return batches(data.train_dataloader())

    assert features(2) == features(0)


def test_a_picture_that_a_worker_cannot_read_is_named(folder, one_line):
    name = sorted(path.name for path in folder.glob("*.png"))[0]
    (folder / name).write_bytes(b"<html>")
    with one_line(DataError, name):
        list(captions(folder, num_workers=2).train_dataloader())


@pytest.mark.parametrize("make", [captions, questions])
def test_workers_that_are_not_forked_get_all_they_need_and_no_trainer(folder, make):
    data = make(folder)
    batch = next(iter(data.val_dataloader()))
    data.trainer = pl.Trainer(logger=False, accelerator="cpu", enable_checkpointing=False)
    dataset, collate = pickle.loads(pickle.dumps((data.parts["validation"], data.collate)))
    again = collate([dataset[number] for number in range(len(batch.keys))])
    assert again.keys == batch.keys
    assert torch.equal(again.image, batch.image)
    assert collate.__self__.trainer is None
    assert data.trainer is not None


def test_fewer_than_no_workers_are_refused(folder, one_line):
    with one_line(OptionError, "num_workers is -1; use 0 or more"):
        captions(folder, num_workers=-1)
