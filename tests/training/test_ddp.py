"""Two processes (gloo) train as one process does, on ragged batches, on streams, and on splits of ragged batches."""

import os
import subprocess
import sys

import pytest
import torch

SCRIPT = '''
import sys
import lightning.pytorch as pl
import torch
from seqmodels.data import TextData, Window, build_tokenizer
from seqmodels.data.sequences import SequenceBatch
from seqmodels.tasks import LanguageModel, MusicModel

RANKS, FOLDER = int(sys.argv[1]), sys.argv[2]
TEXT = "we promptly judged antique ivory buckles for the next prize. " * 40


class Ragged:
    """Each step one batch of 4 rows of different lengths; a rank has its share of the rows."""

    batches = 6

    def __init__(self, tokens, rank):
        self.tokens, self.rank = tokens, rank

    def __len__(self):
        return self.batches

    def __iter__(self):
        draw = torch.Generator().manual_seed(1)
        for _ in range(self.batches):
            begins = torch.randint(0, len(self.tokens) - 30, (4,), generator=draw)
            lengths = torch.randint(1, 25, (4,), generator=draw)
            rows = torch.stack([self.tokens[begin : begin + 26] for begin in begins], 1)
            target = rows[1:].masked_fill(torch.arange(25)[:, None] >= lengths, -100)
            share = slice(self.rank * 4 // RANKS, (self.rank + 1) * 4 // RANKS)
            # Each rank pads to its own longest row, as a collate function would.
            longest = int(lengths[share].max())
            yield Window(rows[:-1][:longest, share].contiguous(), target[:longest, share].contiguous(), None)


class Pieces:
    """Each step one batch of 4 pieces of music of different lengths, and of 1 to 6 splits of 5 frames."""

    lengths = [(7, 11, 12, 30), (20, 16, 3, 4), (5, 6, 26, 1)]

    def __init__(self, rank):
        self.rank = rank

    def __len__(self):
        return len(self.lengths)

    def __iter__(self):
        draw = torch.Generator().manual_seed(1)
        for lengths in self.lengths:
            frames = torch.rand(31, 4, 3, generator=draw).round().double()
            share = slice(self.rank * 4 // RANKS, (self.rank + 1) * 4 // RANKS)
            longest = max(lengths[share])
            frames, lengths = frames[:, share], torch.tensor(lengths[share])
            yield SequenceBatch(frames[:longest], frames[1 : longest + 1], lengths)


class Data(pl.LightningDataModule):
    """A rank's loader, for training and validation."""

    def __init__(self, loader, *given):
        super().__init__()
        self.loader = lambda: loader(*given, self.trainer.global_rank)

    def train_dataloader(self):
        return self.loader()

    def val_dataloader(self):
        return self.loader()


def language_model(tokenizer, carry):
    torch.manual_seed(0)
    options = {"cell": "gru", "hidden_size": 6, "optimizer": "sgd", "learning_rate": 0.5}
    return LanguageModel(tokenizer, carry_state=carry, **options)


def train(name, data, model, loss="val_loss"):
    model.double()
    trainer = pl.Trainer(
        accelerator="cpu",
        devices=RANKS,
        strategy="ddp" if RANKS > 1 else "auto",
        max_epochs=2,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    trainer.fit(model, datamodule=data)
    if trainer.is_global_zero:
        results[name] = dict(model.state_dict()), float(trainer.callback_metrics[loss]), trainer.global_step


results = {}
with open(FOLDER + "/text.txt", "w") as file:
    file.write(TEXT)
stream = TextData(path=FOLDER + "/text.txt", batch_size=4 // RANKS, eval_batch_size=4 // RANKS, steps=20)
train("streams", stream, language_model(stream.tokenizer, carry=True))
tokenizer = build_tokenizer("character", TEXT)
train("ragged", Data(Ragged, tokenizer.encode(TEXT)), language_model(tokenizer, carry=False))
torch.manual_seed(0)
music = MusicModel(3, cell="gru", hidden_size=6, learning_rate=0.05, truncated_bptt_steps=5)
train("splits of ragged batches", Data(Pieces), music, "val_nll")
if int(__import__("os").environ.get("LOCAL_RANK", 0)) == 0:
    torch.save(results, FOLDER + f"/{RANKS}.pt")
'''


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What one and two processes have learned, from one start of each."""
    folder = tmp_path_factory.mktemp("ddp")
    (folder / "script.py").write_text(SCRIPT)
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for ranks in (1, 2):
        command = [sys.executable, str(folder / "script.py"), str(ranks), str(folder)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
    return {ranks: torch.load(folder / f"{ranks}.pt", weights_only=True) for ranks in (1, 2)}


@pytest.mark.xdist_group("ddp")
@pytest.mark.parametrize("data", ["ragged", "streams", "splits of ragged batches"])
def test_two_processes_learn_what_one_learns(results, data):
    (alone, alone_loss, alone_steps), (together, together_loss, together_steps) = results[1][data], results[2][data]
    assert alone_steps == together_steps > 10
    for name, weight in alone.items():
        torch.testing.assert_close(together[name], weight, rtol=0, atol=1e-12, msg=name)
    assert together_loss == pytest.approx(alone_loss, abs=1e-6)  # metrics are float32


@pytest.mark.xdist_group("ddp")
def test_the_command_trains_in_two_processes(tmp_path):
    """With all that a run has: samples, logs, best and last checkpoint, each written once."""
    (tmp_path / "text.txt").write_text("jackdaws love my big sphinx of quartz. " * 200)
    options = [
        *("fit", "--data.path", "text.txt", "--data.batch_size", "4", "--data.steps", "16"),
        *("--model.hidden_size", "8"),
        *("--trainer.accelerator", "cpu", "--trainer.devices", "2", "--trainer.max_epochs", "2"),
    ]
    script = tmp_path / "fit.py"  # Lightning starts the other process with the same script and arguments
    script.write_text("import sys, seqmodels.cli; sys.exit(seqmodels.cli.main())")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, str(script), *options],
        cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["version_0"]
    run = tmp_path / "runs" / "version_0"
    assert {path.name for path in (run / "checkpoints").iterdir()} == {"best.ckpt", "last.ckpt"}
    assert (run / "samples.txt").read_text().count("--- epoch") == 2
    assert done.stdout.count("let it write") == 1
