"""Checkpoints every so many steps."""

import lightning.pytorch as pl
import pytest
import torch
from torch.utils.data import DataLoader

from seqmodels.errors import OptionError
from seqmodels.training import StepCheckpoint, TruncatedBPTT, read_checkpoint

BATCHES, SPLITS = 4, 3


class Model(TruncatedBPTT, pl.LightningModule):
    truncated_bptt_steps = 2

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))

    def training_step(self, batch, batch_idx, hiddens):
        return {"loss": (self.weight * batch).mean(), "hiddens": None}

    def validation_step(self, batch, batch_idx):
        pass

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


class Noted(StepCheckpoint):
    """Writes down when it saves."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.saved = []

    def _save_checkpoint(self, trainer, filepath):
        super()._save_checkpoint(trainer, filepath)
        self.saved.append((trainer.global_step, "validation" if trainer.validating else "training"))


def fit(folder, every, epochs=2, validates=False, **options):
    data = DataLoader(torch.ones(2 * BATCHES, 2 * SPLITS), batch_size=2)
    checkpoint = Noted(every, str(folder))
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[checkpoint],
    )
    trainer.fit(Model(), data, data if validates else None, **options)
    return checkpoint.saved


@pytest.mark.parametrize(
    ("every", "steps"), [(1, [3, 6, 9, 12, 15, 18, 21, 24]), (5, [6, 12, 15, 21]), (6, [6, 12, 18, 24]), (50, [])]
)
def test_the_batch_that_passes_a_multiple_of_the_steps_is_followed_by_a_checkpoint(tmp_path, every, steps):
    assert fit(tmp_path, every) == [(step, "training") for step in steps]
    files = [file.name for file in tmp_path.iterdir()]
    assert files == (["last.ckpt"] if steps else [])
    if steps:
        assert read_checkpoint(tmp_path / "last.ckpt")["global_step"] == steps[-1]


def test_where_a_validation_follows_it_is_written_afterwards(tmp_path):
    found = fit(tmp_path, 5, validates=True)
    assert found == [(6, "training"), (12, "validation"), (15, "training"), (21, "training")]


def test_a_resumed_run_writes_at_the_same_steps(tmp_path):
    assert fit(tmp_path, 5, epochs=1) == [(6, "training"), (12, "training")]
    resumed = fit(tmp_path, 5, ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    assert resumed == [(15, "training"), (21, "training")]


def test_a_wrong_option_is_refused():
    with pytest.raises(OptionError, match="every_n_steps is 0: give 1 or more"):
        StepCheckpoint(0)
