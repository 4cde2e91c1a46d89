"""A small checkpoint, a model and a trainer for it, and how a file is refused."""

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from torch.utils.data import DataLoader

from seqmodels.errors import CheckpointError
from seqmodels.training.checkpoint import SafeCheckpointIO, read_checkpoint


class TinyModel(LightningModule):
    def __init__(self, width=4):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(width, 1)

    def forward(self, batch):
        return self.layer(batch)

    def training_step(self, batch, batch_idx):
        return self(batch).pow(2).mean()

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())


def quiet_trainer(folder, **options):
    return Trainer(
        accelerator="cpu",
        max_epochs=2,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        plugins=[SafeCheckpointIO()],
        **options,
    )


DATA = DataLoader(torch.ones(8, 4), batch_size=2)


def sample_checkpoint():
    generator = torch.Generator().manual_seed(0)
    return {
        "epoch": 3,
        "state_dict": {"rnn.weight": torch.randn(40, 50, generator=generator)},
        "optimizer_states": [{"state": {0: {"exp_avg": torch.randn(40, 50, generator=generator)}}, "lr": 0.1}],
        "carried": (torch.randn(3, 7, generator=generator), ["h", "c"]),
    }


def refusal(path):
    """The message with which a file is refused: one line that names it."""
    with pytest.raises(CheckpointError) as caught:
        read_checkpoint(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def assert_same(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
