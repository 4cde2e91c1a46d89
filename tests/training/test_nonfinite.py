import copy
import math
import subprocess
import sys

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.plugins import MixedPrecision
from torch.utils.data import DataLoader

from seqmodels.errors import NonFiniteLoss, OptionError
from seqmodels.training.nonfinite import NonFiniteGuard

DATA = DataLoader(torch.linspace(-1, 1, 80).reshape(20, 4), batch_size=1)  # 20 batches


class Model(LightningModule):
    """The loss or one gradient is made non-finite in given batches."""

    def __init__(self, bad=(), value=math.nan, where="loss", optimizer=torch.optim.AdamW):
        super().__init__()
        torch.manual_seed(0)
        self.first = torch.nn.Linear(4, 4)
        self.second = torch.nn.Linear(4, 1)
        self.bad, self.value, self.where, self.optimizer_class = bad, value, where, optimizer
        self.history = []
        self.notices = 0
        if where == "gradient":
            self.second.bias.register_hook(lambda g: g * value if self.now_bad else g)

    def training_step(self, batch, batch_idx):
        self.now_bad = batch_idx in self.bad
        loss = self.second(torch.tanh(self.first(batch))).pow(2).mean()
        return loss * self.value if self.now_bad and self.where == "loss" else loss

    def on_step_skipped(self):
        self.notices += 1

    def on_train_batch_end(self, *_):
        optimizer = self.optimizers(use_pl_optimizer=False)
        self.history.append(copy.deepcopy((self.state_dict(), optimizer.state_dict()["state"])))

    def configure_optimizers(self):
        options = {"momentum": 0.9} if self.optimizer_class is torch.optim.SGD else {}
        return self.optimizer_class(self.parameters(), lr=0.1, weight_decay=0.1, **options)


def fit(model, guard, **options):
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[guard],
        **options,
    )
    trainer.fit(model, DATA)
    return trainer


def all_finite(model):
    return all(bool(torch.isfinite(p).all()) for p in model.parameters())


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        ("loss", math.nan, "the loss and the gradient of first.weight is NaN or infinite"),
        ("loss", math.inf, "the loss and the gradient of first.weight is NaN or infinite"),
        ("gradient", math.nan, "the gradient of second.bias is NaN or infinite"),
        ("gradient", -math.inf, "the gradient of second.bias is NaN or infinite"),
    ],
)
def test_stop_names_the_place_and_the_parameters_stay_as_they_were(where, value, said):
    model = Model({5}, value, where)
    with pytest.raises(NonFiniteLoss) as caught:
        fit(model, NonFiniteGuard(), gradient_clip_val=1.0)
    assert str(caught.value).startswith(f"epoch 0, batch 5, step 5: {said}: ")
    assert "\n" not in str(caught.value)
    assert len(model.history) == 5
    torch.testing.assert_close(model.state_dict(), model.history[-1][0], rtol=0, atol=0)


@pytest.mark.parametrize("optimizer", [torch.optim.AdamW, torch.optim.Adam, torch.optim.SGD])
@pytest.mark.parametrize("where", ["loss", "gradient"])
def test_skip_changes_neither_parameters_nor_optimizer_and_goes_on(where, optimizer):
    model, guard = Model({5, 9}, math.nan, where, optimizer), NonFiniteGuard("skip")
    with pytest.warns(UserWarning, match="epoch 0, batch 5, step 5: .*; step skipped"):
        fit(model, guard, gradient_clip_val=1.0)
    assert guard.skipped == model.notices == 2
    for bad in (5, 9):
        torch.testing.assert_close(model.history[bad], model.history[bad - 1], rtol=0, atol=0)
    assert not torch.equal(model.history[6][0]["first.weight"], model.history[5][0]["first.weight"])
    assert all_finite(model)


def test_without_the_guard_the_same_run_ends_in_nan():
    model = Model({5})
    fit(model, NonFiniteGuardSwitchedOff())
    assert not all_finite(model)


class NonFiniteGuardSwitchedOff(NonFiniteGuard):
    def on_before_optimizer_step(self, *_):
        pass


def test_skip_stops_after_the_limit_of_steps_in_a_row():
    model, guard = Model({2, 4, 5, 6, 7}), NonFiniteGuard("skip", limit=3)
    with (
        pytest.warns(UserWarning, match="step skipped"),
        pytest.raises(NonFiniteLoss, match=r"batch 7, step 7: .*, 4 steps in a row"),
    ):
        fit(model, guard)
    assert guard.skipped == 4
    assert all_finite(model)


def test_a_bad_loss_spoils_all_batches_accumulated_with_it():
    model, guard = Model({4}, math.inf), NonFiniteGuard("skip")
    with pytest.warns(UserWarning, match="step skipped"):
        fit(model, guard, accumulate_grad_batches=4)
    assert guard.skipped == 1
    torch.testing.assert_close(model.history[7], model.history[3], rtol=0, atol=0)
    assert all_finite(model)


def test_large_but_finite_gradients_pass():
    model, guard = Model({3}, 1e25, "gradient"), NonFiniteGuard()  # its square is infinite in float32
    fit(model, guard)
    assert guard.skipped == 0


def test_double_precision_beyond_the_range_of_single_passes():
    model = Model({3}, 1e200, "gradient").double()
    fit(model, NonFiniteGuard(), precision="64-true")
    assert len(model.history) == 20


@pytest.mark.parametrize(("where", "stops"), [("gradient", False), ("loss", True)])
def test_with_a_gradient_scaler_only_the_loss_is_looked_at(where, stops):
    model = Model({5}, math.inf, where)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    plugins = [MixedPrecision("16-mixed", "cpu", scaler)]
    if stops:
        with pytest.raises(NonFiniteLoss, match="batch 5, step 5: the loss"):
            fit(model, NonFiniteGuard(), plugins=plugins)
    else:
        fit(model, NonFiniteGuard(), plugins=plugins)
        assert scaler.get_scale() == 2.0  # the scaler saw it, skipped the step, and tries another scale
        torch.testing.assert_close(model.history[5], model.history[4], rtol=0, atol=0)
    assert all_finite(model)


def test_its_counts_are_in_the_checkpoint():
    guard, other = NonFiniteGuard("skip"), NonFiniteGuard("skip")
    with pytest.warns(UserWarning, match="step skipped"):
        fit(Model({19}), guard)
    other.load_state_dict(guard.state_dict())
    assert (other.skipped, other._in_a_row) == (1, 1)


@pytest.mark.parametrize(
    ("options", "said"), [({"policy": "hope"}, "policy is 'hope'"), ({"limit": -1}, "limit is -1")]
)
def test_wrong_options_are_refused(options, said):
    with pytest.raises(OptionError, match=said):
        NonFiniteGuard(**options)


TWO_RANKS = """
import sys
import torch
from lightning.pytorch import LightningModule, Trainer
from seqmodels.training.nonfinite import NonFiniteGuard
from seqmodels.training.random_state import gather_from_ranks

torch.set_num_threads(1)

class Model(LightningModule):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = torch.nn.Linear(4, 1)
        self.notices = []
    def training_step(self, batch, batch_idx):
        self.batch_idx = batch_idx
        # A constant: the loss of one rank is NaN, and no gradient.
        constant = float("nan") if (batch_idx, self.global_rank) == (3, 1) else 0.0
        return self.layer(batch).pow(2).mean() + constant
    def on_step_skipped(self):
        self.notices.append(self.batch_idx)
    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=0.1)

trainer = Trainer(accelerator="cpu", devices=2, strategy="ddp", max_epochs=1, logger=False,
                  enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False,
                  callbacks=[NonFiniteGuard("skip")])
model = Model()
trainer.fit(model, torch.utils.data.DataLoader(torch.linspace(-1, 1, 80).reshape(20, 4)))
mine = [model.notices, model.layer.weight.tolist()]
ranks = gather_from_ranks([trainer.global_rank, *mine])
assert ranks == [[0, *mine], [1, *mine]], ranks
assert model.notices == [3]
"""


def test_all_ranks_skip_the_step_for_which_one_has_a_bad_loss(tmp_path):
    (tmp_path / "train.py").write_text(TWO_RANKS)
    command = [sys.executable, tmp_path / "train.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "batch 3, step 3: the loss of another rank is NaN or infinite; step skipped" in done.stderr
