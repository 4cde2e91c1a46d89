"""A run that is killed anywhere and resumed is the run that was never killed, bit by bit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.callbacks import ModelCheckpoint

from seqmodels.data import ResumableLoader, StreamLoader, Window, build_tokenizer
from seqmodels.errors import CheckpointError
from seqmodels.tasks import LanguageModel
from seqmodels.training import TruncatedBPTT, read_checkpoint
from seqmodels.trees import sequence_cells

TEXT = "pack my box with five dozen liquor jugs; sphinx of black quartz, judge my vow. " * 12
TOKENIZER = build_tokenizer("character", TEXT)
SAVED_AT, KILLED_AT, EPOCHS = 6, 8, 3  # batches, of 11 an epoch


class Killed(Exception):
    """Stands for the end of the process: nothing is saved on the way out."""


class Model(LanguageModel):
    """Records the order of its batches and its losses; dropout draws random numbers at every step."""

    def __init__(self, *args, kill_at=None, **options):
        super().__init__(*args, **options)
        self.kill_at = kill_at
        self.history = {}

    def training_step(self, batch, batch_idx, hiddens=None):
        batches = self.trainer.fit_loop.epoch_loop.total_batch_idx
        if batches == self.kill_at:
            raise Killed
        outputs = super().training_step(batch, batch_idx, hiddens)
        self.history[batches] = (batch.input.clone(), float(outputs["loss"].detach()))
        return outputs


def stream():
    return StreamLoader(TOKENIZER.encode(TEXT), batch_size=4, steps=20)


class Lines(torch.utils.data.Dataset):
    """Independent sequences."""

    def __len__(self):
        return 44

    def __getitem__(self, index):
        return TOKENIZER.encode(TEXT[index * 20 : index * 20 + 15])


class NoisyLines(Lines):
    """A token of each is drawn."""

    def __getitem__(self, index):
        line = super().__getitem__(index)
        line[torch.randint(len(line), ())] = torch.randint(len(TOKENIZER), ())
        return line


def collate(lines):
    tokens = torch.stack(lines, 1)
    return Window(tokens[:-1], tokens[1:], None)


def records(shuffle, workers, lines=Lines):
    return ResumableLoader(lines(), batch_size=4, shuffle=shuffle, num_workers=workers, collate_fn=collate, seed=3)


def run(folder, loader, kill_at=None, resume=False, carry=True, saved_at=SAVED_AT, accumulate=1, **options):
    torch.manual_seed(0)
    options = {"hidden_size": 8, "dropout": 0.3, "carry_state": carry, "kill_at": kill_at, **options}
    model = Model(TOKENIZER, **options)
    steps = -(-saved_at // accumulate)
    checkpoint = ModelCheckpoint(folder, "last", every_n_train_steps=steps, enable_version_counter=False)
    trainer = pl.Trainer(
        max_epochs=EPOCHS,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[checkpoint],
        accumulate_grad_batches=accumulate,
    )
    try:
        trainer.fit(model, loader, ckpt_path=str(folder / "last.ckpt") if resume else None)
    except Killed:
        assert kill_at is not None
    return model


def assert_same_run(folder, loader, saved_at=SAVED_AT, **options):
    whole = run(folder / "whole", loader(), saved_at=saved_at, **options)
    first = run(folder / "killed", loader(), kill_at=saved_at + 2, saved_at=saved_at, **options)
    assert max(first.history) == saved_at + 1
    second = run(folder / "killed", loader(), resume=True, saved_at=saved_at, **options)
    assert min(second.history) == saved_at
    assert whole.history.keys() == {**first.history, **second.history}.keys()
    for step, (batch, loss) in {**first.history, **second.history}.items():
        assert torch.equal(batch, whole.history[step][0])
        assert loss == whole.history[step][1]
    for name, value in whole.state_dict().items():
        assert torch.equal(value, second.state_dict()[name]), name


@pytest.mark.parametrize("cell", sequence_cells())
def test_streams_with_carried_state(tmp_path, cell):
    assert_same_run(tmp_path, stream, cell=cell)


def test_streams_with_carried_state_of_layers_that_differ_in_size(tmp_path):
    assert_same_run(tmp_path, stream, hidden_size=[8, 6])


@pytest.mark.parametrize("cell", sequence_cells())
def test_shuffled_records(tmp_path, cell):
    assert_same_run(tmp_path, lambda: records(True, 0), cell=cell, carry=False)


@pytest.mark.parametrize("shuffle", [False, True])
def test_records_loaded_by_workers(tmp_path, shuffle):
    assert_same_run(tmp_path, lambda: records(shuffle, 2), carry=False)


def test_records_that_draw_without_workers(tmp_path):
    assert_same_run(tmp_path, lambda: records(True, 0, NoisyLines), carry=False)


@pytest.mark.parametrize("accumulate", [1, 2])
def test_an_epoch_that_was_saved_after_its_last_batch(tmp_path, accumulate):
    """The next one begins with the initial state, and counts anew when an accumulated gradient is due."""
    assert_same_run(tmp_path, stream, saved_at=len(stream()), accumulate=accumulate)


def test_resuming_twice_in_a_row_repeats_and_skips_nothing(tmp_path):
    whole = run(tmp_path / "whole", stream())
    run(tmp_path / "killed", stream(), kill_at=KILLED_AT)
    again = run(tmp_path / "killed", stream(), kill_at=2 * KILLED_AT, resume=True)
    assert min(again.history) == SAVED_AT
    last = run(tmp_path / "killed", stream(), resume=True)
    assert min(last.history) == 2 * SAVED_AT
    for name, value in whole.state_dict().items():
        assert torch.equal(value, last.state_dict()[name]), name
    assert max(last.history) == len(stream()) * EPOCHS - 1


def test_resuming_after_the_end_trains_no_further(tmp_path):
    saved_at = len(stream())
    whole = run(tmp_path, stream(), saved_at=saved_at)
    assert read_checkpoint(tmp_path / "last.ckpt")["global_step"] == saved_at * EPOCHS
    again = run(tmp_path, stream(), saved_at=saved_at, resume=True)
    assert again.history == {}
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name


class AtTheEnd(pl.Callback):
    """Saves at a moment of an epoch's end."""

    def __init__(self, moment, file):
        self.moment, self.file = moment, file

    def save(self, moment, trainer):
        if moment == self.moment and trainer.fit_loop.epoch_loop.batch_progress.is_last_batch:
            trainer.save_checkpoint(self.file)

    def on_train_batch_end(self, trainer, *_):
        self.save("batch", trainer)

    def on_validation_end(self, trainer, _):
        self.save("validation", trainer)

    def on_train_epoch_end(self, trainer, _):
        self.save("epoch", trainer)


class Seen(TruncatedBPTT, pl.LightningModule):
    """Writes down the records of each epoch."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.records = {}

    def training_step(self, batch, batch_idx, hiddens):
        self.records.setdefault(self.current_epoch, []).extend(batch.tolist())
        return {"loss": self.weight * 1.0, "hiddens": None}

    def validation_step(self, batch, batch_idx):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


@pytest.mark.parametrize("batch_size", [1, 2, 3])
@pytest.mark.parametrize(
    ("moment", "validates"),
    [("batch", False), ("batch", True), ("validation", True), ("epoch", False), ("epoch", True)],
)
def test_from_the_end_of_an_epoch_another_batch_size_trains_on_the_whole_next_one(
    tmp_path, moment, validates, batch_size
):
    def fit(size, epochs, callbacks=(), **options):
        model, loader = Seen(), ResumableLoader(range(6), size)
        trainer = pl.Trainer(
            max_epochs=epochs,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=list(callbacks),
        )
        trainer.fit(model, loader, ResumableLoader(range(6), size) if validates else None, **options)
        return model.records

    fit(2, 1, [AtTheEnd(moment, tmp_path / "end.ckpt")])
    assert fit(batch_size, 3, ckpt_path=tmp_path / "end.ckpt", weights_only=True) == {1: [*range(6)], 2: [*range(6)]}


def test_another_number_of_processes_is_refused(tmp_path):
    run(tmp_path, stream(), kill_at=KILLED_AT)
    file = tmp_path / "last.ckpt"
    checkpoint = read_checkpoint(file)
    checkpoint["truncated_bptt"] = checkpoint["truncated_bptt"] * 2
    checkpoint.pop("seqmodels_sha256", None)
    torch.save(checkpoint, file)
    with pytest.raises(CheckpointError, match="streams of 2 processes and can't go on in 1: resume with devices=2"):
        run(tmp_path, stream(), resume=True)


def test_killed_from_outside(tmp_path):
    """SIGKILL to the command, in the middle of an epoch; then the command again with its own config."""
    text = tmp_path / "text.txt"
    text.write_text(TEXT * 20)

    def command(folder, *options):
        return [
            *(sys.executable, "-c", "import sys, seqmodels.cli; sys.exit(seqmodels.cli.main())", "fit"),
            *("--data.path", str(text), "--data.batch_size", "4", "--data.steps", "16", "--model.hidden_size", "8"),
            *("--model.dropout", "0.2", "--trainer.default_root_dir", str(folder), "--checkpoint_every", "20"),
            *("--trainer.max_epochs", "2", "--trainer.enable_progress_bar", "false", "--sample_length", "0"),
            *options,
        ]

    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    subprocess.run(command(tmp_path / "whole"), check=True, env=environment, capture_output=True)
    killed = subprocess.Popen(command(tmp_path / "killed"), env=environment, stdout=subprocess.DEVNULL)
    last = tmp_path / "killed" / "version_0" / "checkpoints" / "last.ckpt"
    wait_for(last)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    assert read_checkpoint(last)["global_step"] < 2 * 220
    resumed = command(tmp_path / "killed", "--ckpt_path", str(last))
    subprocess.run(resumed, check=True, env=environment, capture_output=True)
    ends = [
        read_checkpoint(tmp_path / "whole" / "version_0" / "checkpoints" / "last.ckpt"),
        read_checkpoint(tmp_path / "killed" / "version_1" / "checkpoints" / "last.ckpt"),
    ]
    assert ends[0]["global_step"] == ends[1]["global_step"]
    for name, value in ends[0]["state_dict"].items():
        assert torch.equal(value, ends[1]["state_dict"][name]), name


def wait_for(file: Path, seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not file.exists():
        assert time.monotonic() < end, f"{file} does not appear"
        time.sleep(0.05)
