"""Lightning's own loops drive the loaders: epochs, limits, validation, and a restart from every checkpoint."""

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback

from seqmodels.data import Arithmetic, ResumableLoader, StreamLoader


class Recorder(LightningModule):
    """Learns nothing and writes down what it is given."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(()))
        self.trained, self.validated = [], []

    def training_step(self, batch):
        self.trained.append((self.trainer.current_epoch, _first(batch)))
        return self.weight * 1.0

    def validation_step(self, batch):
        self.validated.append(_first(batch))

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), 0.1)


class SaveOften(Callback):
    """Checkpoints after every step, validation and epoch, as any ModelCheckpoint may be set to."""

    def __init__(self, folder):
        self.folder = folder
        self.saved = []  # (path, batches trained on by then)

    def save(self, trainer, module, when):
        path = self.folder / f"{len(self.saved)}-{when}.ckpt"
        trainer.save_checkpoint(path)
        self.saved.append((path, len(module.trained)))

    def on_train_batch_end(self, trainer, module, *_):
        self.save(trainer, module, "batch")

    def on_validation_end(self, trainer, module):
        if not trainer.sanity_checking:
            self.save(trainer, module, "validation")

    def on_train_epoch_end(self, trainer, module):
        self.save(trainer, module, "epoch")


def _first(batch):
    return batch[0].flatten().tolist() if isinstance(batch, tuple) else batch.tolist()


def stream():
    return StreamLoader(torch.arange(200), 3, 12, random_steps=True, seed=7)


def records():
    return ResumableLoader(list(range(11)), 3, shuffle=True, seed=7)


def fit(make, limits, callbacks=(), checkpoint=None):
    module = Recorder()
    trainer = Trainer(
        accelerator="cpu",
        callbacks=list(callbacks),
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=True,
        **limits,
    )
    validation = StreamLoader(torch.arange(30), 2, 5, drop_last=False)
    trainer.fit(module, make(), validation, ckpt_path=checkpoint, weights_only=True if checkpoint else None)
    return module


def generated():
    return Arithmetic(batch_size=3, steps=4, windows=5, seed=7).train_dataloader()


LIMITS = {
    "epochs": {"max_epochs": 3},
    "steps": {"max_steps": 9},
    "limited epochs": {"max_epochs": 3, "limit_train_batches": 3},
    "validation within the epoch": {"max_epochs": 2, "val_check_interval": 2},
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [stream, records, generated])
@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
def test_a_restart_from_any_checkpoint_continues_where_it_was_saved(tmp_path, make, limits):
    saves = SaveOften(tmp_path)
    whole = fit(make, limits, [saves]).trained
    for path, trained in saves.saved:
        if trained < len(whole):
            assert fit(make, limits, checkpoint=path).trained == whole[trained:], path.stem


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [stream, records])
def test_a_run_restarted_at_the_end_of_an_epoch_can_be_restarted_again(tmp_path, make):
    limits = {"max_steps": 13 if make is records else 17}
    first, second = SaveOften(tmp_path / "first"), SaveOften(tmp_path / "second")
    whole = fit(make, limits, [first]).trained
    path, trained = next((path, trained) for path, trained in first.saved if path.stem.endswith("epoch"))
    assert fit(make, limits, [second], checkpoint=path).trained == whole[trained:]
    for path, further in second.saved:
        if trained + further < len(whole):
            batches = [batch for _, batch in fit(make, limits, checkpoint=path).trained]
            assert batches == [batch for _, batch in whole[trained + further :]], path.stem


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [stream, records])
def test_epochs_are_those_of_the_loader_alone(make):
    loader = make()
    expected = [(epoch, _first(batch)) for epoch in range(3) for batch in loader]
    module = fit(make, {"max_epochs": 3})
    assert module.trained == expected
    validation = [_first(window) for window in StreamLoader(torch.arange(30), 2, 5, drop_last=False)]
    assert module.validated == validation[:2] + 3 * validation  # two batches of the sanity check


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", [stream, records])
def test_a_limited_epoch_is_followed_by_the_next_epoch(make):
    first, second = make(), make()
    second.set_epoch(1)
    expected = [(0, _first(batch)) for batch in first][:2] + [(1, _first(batch)) for batch in second][:2]
    assert fit(make, {"max_epochs": 2, "limit_train_batches": 2}).trained == expected
