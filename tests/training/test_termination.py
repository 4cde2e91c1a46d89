"""A training that is told to end: the batch is finished, a checkpoint written, handlers are as before."""

import os
import signal
import time

import pytest
import torch
from lightning.pytorch import Callback, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from torch.utils.data import DataLoader

from seqmodels.data import StreamLoader, build_tokenizer
from seqmodels.errors import OptionError
from seqmodels.tasks import LanguageModel
from seqmodels.training.checkpoint import SafeCheckpointIO, read_checkpoint
from seqmodels.training.random_state import get_random_state
from seqmodels.training.termination import GracefulTermination

DATA = DataLoader(torch.linspace(-1, 1, 80).reshape(20, 4), batch_size=4)  # 5 batches


class Model(LightningModule):
    """Sends itself a signal at a chosen place, and writes down where it has been."""

    def __init__(self, signum=signal.SIGTERM, place=None):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(4, 1)
        self.signum, self.place = signum, place
        self.visited = []

    def visit(self, kind, batch_idx):
        here = ("sanity" if self.trainer.sanity_checking else kind, self.trainer.current_epoch, batch_idx)
        self.visited.append(here)
        if here == self.place:
            os.kill(os.getpid(), self.signum)

    def training_step(self, batch, batch_idx):
        self.visit("train", batch_idx)
        return self.layer(batch).pow(2).mean()

    def validation_step(self, batch, batch_idx):
        self.visit("validate", batch_idx)
        torch.rand(1)

    def test_step(self, batch, batch_idx):
        self.visit("test", batch_idx)

    def on_train_batch_end(self, *_):
        self.random_state = get_random_state()["torch"]

    def on_save_checkpoint(self, checkpoint):
        checkpoint["random"] = get_random_state()["torch"]

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters())


def make_trainer(folder, *callbacks, termination=None, **options):
    options = {"max_epochs": 3, "num_sanity_val_steps": 0, "enable_checkpointing": False, **options}
    return Trainer(
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        default_root_dir=folder,
        plugins=[SafeCheckpointIO()],
        callbacks=[termination or GracefulTermination(), *callbacks],
        **options,
    )


def run_until_stopped(trainer, model):
    """Fit; return the exit code. All handlers must be as before."""
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as caught:
        trainer.fit(model, DATA, DATA)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    return caught.value.code


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_batch_is_finished_and_a_checkpoint_written(tmp_path, capfd, signum, code):
    trainer, model = make_trainer(tmp_path), Model(signum, ("train", 1, 2))
    assert run_until_stopped(trainer, model) == code
    path = tmp_path / "checkpoints" / "last.ckpt"
    checkpoint = read_checkpoint(path)
    assert checkpoint["global_step"] == 8
    torch.testing.assert_close(checkpoint["state_dict"], dict(model.state_dict()), rtol=0, atol=0)
    assert f"stopped after step 8; resume with ckpt_path={path}" in capfd.readouterr().err


@pytest.mark.parametrize("place", [("train", 1, 2), ("train", 1, 4), ("validate", 0, 0), ("validate", 1, 3)])
def test_resuming_goes_on_as_if_nothing_had_happened(tmp_path, place):
    """Every batch counts once; a validation that was cut short is made again, from its start and random state."""
    whole, stopped, resumed = Model(), Model(place=place), Model()
    make_trainer(tmp_path).fit(whole, DATA, DATA)
    assert run_until_stopped(make_trainer(tmp_path), stopped) == 143
    path = tmp_path / "checkpoints" / "last.ckpt"
    assert torch.equal(read_checkpoint(path)["random"], stopped.random_state)
    again = make_trainer(tmp_path)
    again.fit(resumed, DATA, DATA, ckpt_path=path)
    assert again.global_step == 15
    resumed_at = whole.visited.index(resumed.visited[0])
    assert resumed.visited == whole.visited[resumed_at:]
    if place[0] == "train":
        assert resumed_at == whole.visited.index(place) + 1
    else:
        assert resumed_at == whole.visited.index((*place[:2], 0))
        torch.testing.assert_close(resumed.state_dict(), whole.state_dict(), rtol=0, atol=0)


class Stop(Callback):
    """Sends SIGTERM at a chosen place, if any; draws a random number for every batch of validation."""

    def __init__(self, *place):
        self.place = place

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.visit("train", trainer, batch_idx)

    def on_validation_batch_start(self, trainer, pl_module, batch, batch_idx, dataloader_idx=0):
        torch.rand(1)
        self.visit("validate", trainer, batch_idx)

    def visit(self, kind, trainer, batch_idx):
        if (kind, trainer.current_epoch, batch_idx) == self.place:
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_language_model_stopped_anywhere_ends_with_the_same_weights(tmp_path):
    """Dropout, carried state, loader position and random state: all as if the run had not been stopped."""
    text = "the quick brown fox jumps over the lazy dog. " * 10

    def fit(*callbacks, folder=None, ckpt_path=None):
        torch.manual_seed(0)
        model = LanguageModel(build_tokenizer("character", text), hidden_size=12, dropout=0.3)
        loaders = [StreamLoader(model.tokenizer.encode(text), 4, 10) for _ in range(2)]
        try:
            make_trainer(folder, *callbacks).fit(model, *loaders, ckpt_path=ckpt_path)
        except SystemExit:
            return None
        return dict(model.state_dict())

    expected = fit(Stop(), folder=tmp_path)
    for number, place in enumerate([("train", 1, 3), ("train", 1, 10), ("validate", 1, 4), ("train", 2, 10)]):
        folder = tmp_path / str(number)
        assert fit(Stop(*place), folder=folder) is None
        resumed = fit(Stop(), Callback(), folder=folder, ckpt_path=folder / "checkpoints" / "last.ckpt")
        torch.testing.assert_close(resumed, expected, rtol=0, atol=0)


def test_the_checkpoint_goes_where_the_others_are(tmp_path):
    run_until_stopped(
        make_trainer(tmp_path, ModelCheckpoint(tmp_path / "mine"), enable_checkpointing=True),
        Model(place=("train", 0, 1)),
    )
    assert os.listdir(tmp_path / "mine") == ["last.ckpt"]


@pytest.mark.parametrize("in_root", [False, True])
def test_a_remote_folder_stays_remote(tmp_path, monkeypatch, capfd, in_root):
    monkeypatch.chdir(tmp_path)
    root = f"memory://{tmp_path.name}"
    if in_root:
        trainer = make_trainer(root)
    else:
        trainer = make_trainer(tmp_path, ModelCheckpoint(f"{root}/checkpoints"), enable_checkpointing=True)
    run_until_stopped(trainer, Model(place=("train", 0, 1)))
    path = f"{root}/checkpoints/last.ckpt"
    assert read_checkpoint(path)["global_step"] == 2
    assert capfd.readouterr().err.endswith(f"resume with ckpt_path={path}\n")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_handlers_of_the_user_are_called_too(tmp_path, signum):
    calls = []
    previous = signal.signal(signum, lambda *arguments: calls.append(arguments[0]))
    try:
        run_until_stopped(make_trainer(tmp_path), Model(signum, ("train", 0, 1)))
    finally:
        signal.signal(signum, previous)
    assert calls == [signum]


def test_handlers_are_restored_after_a_run_and_after_an_error(tmp_path):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    trainer, model = make_trainer(tmp_path), Model()
    trainer.fit(model, DATA, DATA)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    model.layer = torch.nn.Linear(5, 1)
    with pytest.raises(RuntimeError, match="shapes"):
        make_trainer(tmp_path).fit(model, DATA, DATA)
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_before_anything_was_trained_there_is_nothing_to_save(tmp_path):
    trainer = make_trainer(tmp_path, num_sanity_val_steps=2)
    assert run_until_stopped(trainer, Model(place=("sanity", 0, 0))) == 143
    with pytest.raises(SystemExit) as caught:
        make_trainer(tmp_path).test(Model(place=("test", 0, 1)), DATA)
    assert caught.value.code == 143
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_after_the_last_batch_ends_a_training_with_its_checkpoint(tmp_path, signum, code):
    class Late(Model):
        def on_train_epoch_end(self):
            self.visit("end", None)

    whole, resumed = Model(), Model()
    make_trainer(tmp_path, max_epochs=4).fit(whole, DATA, DATA)
    assert run_until_stopped(make_trainer(tmp_path), Late(signum, ("end", 2, None))) == code
    path = tmp_path / "checkpoints" / "last.ckpt"
    assert read_checkpoint(path)["global_step"] == 15
    make_trainer(tmp_path, max_epochs=4).fit(resumed, DATA, DATA, ckpt_path=path)
    assert resumed.visited == whole.visited[-len(resumed.visited) :]
    assert resumed.visited[0] == ("train", 3, 0)
    torch.testing.assert_close(resumed.state_dict(), whole.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_after_the_last_batch_of_a_test_is_not_lost(tmp_path, capfd, signum, code):
    class Late(Model):
        def on_test_epoch_end(self):
            self.visit("end", None)

    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as caught:
        make_trainer(tmp_path).test(Late(signum, ("end", 0, None)), DATA)
    assert caught.value.code == code
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before
    assert "stopped at the end" in capfd.readouterr().err


def test_a_second_ctrl_c_ends_at_once_whatever_came_before(tmp_path):
    class AtOnce(GracefulTermination):
        def _leave_at_once(self):
            raise SystemExit("at once")

    class Impatient(Model):
        def training_step(self, batch, batch_idx):
            for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGINT):
                os.kill(os.getpid(), signum)
            return super().training_step(batch, batch_idx)

    assert run_until_stopped(make_trainer(tmp_path, termination=AtOnce()), Impatient()) == "at once"


def test_an_interrupt_outside_the_batches_is_not_held_back(tmp_path):
    class Slow(Model):
        def on_fit_start(self):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(5)

    previous = signal.getsignal(signal.SIGINT)
    with pytest.raises(SystemExit) as caught:  # Lightning's own answer to an interrupt
        make_trainer(tmp_path).fit(Slow(), DATA)
    signal.signal(signal.SIGINT, previous)  # which Lightning leaves ignored
    assert caught.value.code == 1


def test_with_several_ranks_every_nth_batch_asks_however_short_epochs_are(tmp_path):
    class OfTwo(GracefulTermination):
        """Writes down where it asks the other rank, which is silent."""

        def setup(self, trainer, pl_module, stage):
            super().setup(trainer, pl_module, stage)
            self._group, self.asked = object(), []

        def _reduce(self, value, operation):
            self.asked.append(self._trainer.global_step)
            return value

    callback = OfTwo(every_n_batches=4)
    make_trainer(tmp_path, termination=callback).fit(Model(), DATA)  # 3 epochs of 5 batches
    assert callback.asked == [4, 8, 12, 15, 15]  # and where training ends, and where all does


def test_a_wrong_option_is_refused():
    with pytest.raises(OptionError, match="every_n_batches is 0: give 1 or more"):
        GracefulTermination(every_n_batches=0)
