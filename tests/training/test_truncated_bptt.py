"""Split batches: what is trained, and what of the Trainer keeps its meaning."""

import lightning.pytorch as pl
import pytest
import torch
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader, TensorDataset

from seqmodels import RNN
from seqmodels.errors import InputError, OptionError
from seqmodels.training import TruncatedBPTT
from seqmodels.training.split_loop import SplitOptimization

STEPS, SPLIT = 14, 5  # splits of 5, 5 and 4 steps


class Regression(TruncatedBPTT, pl.LightningModule):
    """A GRU that follows a signal; records how it is called."""

    def __init__(self, split: int = SPLIT, carry: bool = False, rate: float = 0.1):
        super().__init__()
        torch.manual_seed(0)
        self.truncated_bptt_steps, self.carry_hiddens, self.rate = split, carry, rate
        self.rnn = RNN("gru", 2, 4, batch_first=True)
        self.double()
        self.calls, self.gradients, self.rates, self.evaluated = [], [], [], []

    def loss(self, batch, hiddens):
        output, hiddens = self.rnn(batch[0], hiddens)
        return (output.mean(-1) - batch[1]).pow(2).mean(), hiddens

    def training_step(self, batch, batch_idx, hiddens):
        self.calls.append((batch_idx, batch[0].shape[1], hiddens is not None))
        loss, hiddens = self.loss(batch, hiddens)
        self.log("loss", loss, on_step=True, on_epoch=True)
        return {"loss": loss, "hiddens": hiddens}

    def validation_step(self, batch, batch_idx, hiddens):
        loss, hiddens_out = self.loss(batch, hiddens)
        self.evaluated.append((batch[0].shape[1], None if hiddens is None else hiddens.clone(), hiddens_out))
        self.log("val_loss", loss)
        return {"hiddens": hiddens_out}

    def on_before_optimizer_step(self, optimizer):
        self.rates.append(optimizer.param_groups[0]["lr"])

    def on_before_zero_grad(self, optimizer):
        self.gradients.append([p.grad.clone() for p in self.parameters() if p.grad is not None])

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.rate)


def batches(count=4, size=2):
    torch.manual_seed(1)
    data = TensorDataset(*(t.double() for t in (torch.randn(count * size, STEPS, 2), torch.randn(count * size, STEPS))))
    return DataLoader(data, batch_size=size)


def fit(model, loader=None, validation=None, **options):
    defaults = {
        "max_epochs": 1,
        "accelerator": "cpu",
        "logger": False,
        "num_sanity_val_steps": 0,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    trainer = pl.Trainer(**{**defaults, **options})
    trainer.fit(model, loader or batches(), validation)
    return trainer


def test_every_split_is_one_step_and_hiddens_pass_within_a_batch():
    model = Regression()
    trainer = fit(model)
    assert trainer.global_step == 12
    assert model.calls[:4] == [(0, 5, False), (0, 5, True), (0, 4, True), (1, 5, False)]


def test_carried_hiddens_pass_from_batch_to_batch_and_are_forgotten_at_an_epoch():
    model = Regression(carry=True)
    fit(model, max_epochs=2)
    assert [carried for _, _, carried in model.calls] == ([False] + [True] * 11) * 2


def test_no_splitting_leaves_batches_whole():
    model = Regression(split=0)
    assert fit(model).global_step == 4
    assert {steps for _, steps, _ in model.calls} == {STEPS}


def test_limits_and_batch_indices_count_batches():
    model = Regression()
    trainer = fit(model, limit_train_batches=2)
    assert trainer.global_step == 6
    assert [index for index, _, _ in model.calls] == [0, 0, 0, 1, 1, 1]
    assert trainer.progress_bar_metrics is not None
    assert trainer.num_training_batches == 2


def test_max_steps_stops_in_the_middle_of_a_batch():
    model = Regression()
    assert fit(model, max_steps=4, max_epochs=-1).global_step == 4
    assert len(model.calls) == 4


def test_accumulation_counts_splits():
    model = Regression()
    trainer = fit(model, accumulate_grad_batches=3)
    assert len(model.calls) == 12
    assert trainer.global_step == 4


def test_accumulated_gradient_is_the_mean_over_splits():
    """Without a step in between, the accumulated gradient of three splits is the mean of theirs."""
    model = Regression(rate=0.0)
    fit(model, accumulate_grad_batches=3, limit_train_batches=1)
    accumulated = [p.grad for p in model.parameters()]
    single = Regression(rate=0.0)
    fit(single, limit_train_batches=1)
    gradients = [*single.gradients[1:], [p.grad for p in single.parameters()]]
    for total, *parts in zip(accumulated, *gradients, strict=True):
        torch.testing.assert_close(total, sum(parts) / 3, rtol=1e-12, atol=1e-14)


def test_accumulating_batches_is_one_batch_of_all_their_rows():
    small, large = Regression(split=0), Regression(split=0)
    fit(small, batches(4, 2), accumulate_grad_batches=2)
    fit(large, batches(2, 4))
    for a, b in zip(small.parameters(), large.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-14)


def test_schedules_count_splits():
    class Scheduled(Regression):
        def configure_optimizers(self):
            optimizer = super().configure_optimizers()
            schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
            return [optimizer], [{"scheduler": schedule, "interval": "step", "frequency": 2}]

    model = Scheduled(rate=1.0)
    fit(model, limit_train_batches=2)
    assert model.rates == [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]


def test_every_split_is_clipped():
    model = Regression()
    norms = []
    model.on_before_zero_grad = lambda optimizer: norms.append(
        torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None]).item()
    )
    fit(model, gradient_clip_val=1e-3)
    assert len(norms) == 12
    assert max(norms) <= 1e-3 * (1 + 1e-6)


def test_every_split_is_logged(tmp_path):
    logger = CSVLogger(tmp_path, name="", version="")
    fit(Regression(), logger=logger, log_every_n_steps=1)
    rows = [line.split(",") for line in (tmp_path / "metrics.csv").read_text().splitlines()]
    step, loss = rows[0].index("step"), rows[0].index("loss_step")
    assert [int(row[step]) for row in rows[1:] if row[loss]] == list(range(12))


def test_mean_over_the_epoch_weighs_every_split_alike(tmp_path):
    model = Regression(rate=0.0)
    losses = []
    log = model.log
    model.log = lambda name, value, **options: (losses.append(value.item()), log(name, value, **options))
    trainer = fit(model)
    assert trainer.callback_metrics["loss_epoch"].item() == pytest.approx(sum(losses) / 12)


def test_gradient_of_a_split_is_the_gradient_truncated_by_hand():
    model = Regression(rate=0.0)
    fit(model, limit_train_batches=1)
    found = [*model.gradients[1:], [p.grad for p in model.parameters()]]

    x, y = next(iter(batches()))
    twin = Regression()
    h = torch.zeros(1, 2, 4, dtype=torch.float64)
    for number, start in enumerate(range(0, STEPS, SPLIT)):
        piece = x[:, start : start + SPLIT], y[:, start : start + SPLIT]
        outputs, cell = [], twin.rnn.cell
        state = h[0]
        for t in range(piece[0].shape[1]):  # the cell alone: neither RNN nor Lightning
            state = cell(piece[0][:, t], state)
            outputs.append(state)
        loss = (torch.stack(outputs, 1).mean(-1) - piece[1]).pow(2).mean()
        expected = torch.autograd.grad(loss, list(twin.parameters()))
        h = state.detach()[None]
        for a, b in zip(found[number], expected, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def test_a_split_of_all_steps_is_full_backpropagation():
    whole, split = Regression(split=0), Regression(split=STEPS)
    fit(whole), fit(split)
    for a, b in zip(whole.parameters(), split.parameters(), strict=True):
        assert torch.equal(a, b)


def test_evaluation_is_split_and_equals_the_whole_sequence():
    model = Regression()
    trainer = fit(model, validation=batches(1))
    assert [steps for steps, _, _ in model.evaluated] == [5, 5, 4]
    with torch.no_grad():
        _, final = model.loss(next(iter(batches(1))), None)
    assert torch.equal(model.evaluated[-1][2], final)
    assert "val_loss" in trainer.callback_metrics


def test_evaluation_carries_hiddens_only_if_asked():
    alone, carried = Regression(), Regression(carry=True)
    fit(alone, validation=batches(2)), fit(carried, validation=batches(2))
    assert [given is not None for _, given, _ in alone.evaluated] == [False, True, True] * 2
    assert [given is not None for _, given, _ in carried.evaluated] == [False] + [True] * 5


def test_an_evaluation_step_called_in_its_own_signature_takes_the_hiddens():
    class Derived(Regression):
        def validation_step(self, batch, batch_idx, hiddens):
            return super().validation_step(batch, batch_idx, hiddens)

    batch, given = next(iter(batches(1))), torch.ones(1, 2, 4, dtype=torch.float64)
    model = Regression()
    model.validation_step(batch, 0, given)
    ((steps, hiddens, _),) = model.evaluated
    assert steps == STEPS
    assert torch.equal(hiddens, given)
    assert model.hiddens("validate") is None
    derived, alone = Derived(), Regression()
    fit(derived, validation=batches(1)), fit(alone, validation=batches(1))
    assert [steps for steps, _, _ in derived.evaluated] == [5, 5, 4]
    assert torch.equal(derived.evaluated[-1][2], alone.evaluated[-1][2])


def test_training_goes_on_where_a_checkpoint_left_off(tmp_path):
    whole = Regression(carry=True)
    fit(whole, max_epochs=3)

    class Stop(pl.Callback):
        def on_train_epoch_start(self, trainer, module):
            if trainer.current_epoch == 2:
                raise KeyError

    first = Regression(carry=True)
    checkpoint = pl.callbacks.ModelCheckpoint(tmp_path, filename="last")
    with pytest.raises(KeyError):
        fit(first, max_epochs=3, callbacks=[Stop(), checkpoint], enable_checkpointing=True)
    second = Regression(carry=True)
    trainer = pl.Trainer(
        max_epochs=3, accelerator="cpu", logger=False, enable_progress_bar=False, enable_checkpointing=False
    )
    trainer.fit(second, batches(), ckpt_path=tmp_path / "last.ckpt", weights_only=True)
    for a, b in zip(whole.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    assert trainer.global_step == 36


def test_while_another_process_has_more_splits_nothing_is_learned_and_hiddens_stay(monkeypatch):
    """As if the other had 5: the last of our 3 splits stands in, the weights stay, the carried state is the same."""
    alone, together = Regression(carry=True), Regression(carry=True)
    fit(alone, batches(1))
    monkeypatch.setattr(SplitOptimization, "_steps_of_all_processes", lambda self, own: 5)
    assert fit(together, batches(1)).global_step == 5
    assert together.calls == [*alone.calls, alone.calls[-1], alone.calls[-1]]
    for a, b in zip(alone.parameters(), together.parameters(), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(alone.hiddens("train"), together.hiddens("train"))


def test_a_skipped_step_of_a_stand_in_spoils_no_hiddens(monkeypatch):
    """The other processes' loss was not finite: our carried state has no part in it."""

    class SkipTheFifth(pl.Callback):
        def on_before_optimizer_step(self, trainer, module, optimizer):
            if trainer.global_step == 4:
                module.on_step_skipped()

    monkeypatch.setattr(SplitOptimization, "_steps_of_all_processes", lambda self, own: 5)
    model = Regression(carry=True)
    fit(model, batches(2), callbacks=[SkipTheFifth()])
    assert [carried for _, _, carried in model.calls] == [False] + [True] * 9


def test_a_batch_without_steps_is_one_clear_error():
    data = TensorDataset(torch.zeros(2, 0, 2), torch.zeros(2, 0))
    with pytest.raises(InputError, match="a batch has no time steps"):
        fit(Regression(), DataLoader(data, 2))


def test_mixed_precision_and_anomaly_detection_work():
    model = Regression().float()
    data = TensorDataset(torch.randn(4, STEPS, 2), torch.randn(4, STEPS))
    assert fit(model, DataLoader(data, 2), precision="bf16-mixed", detect_anomaly=True).global_step == 6


def test_a_step_without_hiddens_is_one_clear_error():
    class Forgetful(Regression):
        def training_step(self, batch, batch_idx, hiddens):
            return super().training_step(batch, batch_idx, hiddens)["loss"]

    with pytest.raises(OptionError, match="'loss' and 'hiddens'"):
        fit(Forgetful())


def test_tensors_that_disagree_on_time_are_one_clear_error():
    data = TensorDataset(torch.randn(4, STEPS, 2).double(), torch.randn(4, STEPS + 1).double())
    with pytest.raises(OptionError, match=f"found: {STEPS}, {STEPS + 1}; override tbptt_split_batch"):
        fit(Regression(), DataLoader(data, 2))


@pytest.mark.parametrize("rows", [[[0.0] * STEPS] * 2, [torch.zeros(STEPS)] * 2], ids=["numbers", "tensors"])
@pytest.mark.parametrize("kind", [tuple, lambda pair: {"input": pair[0], "target": pair[1]}], ids=["tuple", "dict"])
def test_a_list_of_sequences_is_one_clear_error(rows, kind):
    with pytest.raises(OptionError, match="a batch holds a list of sequences, which is not cut along time; make it a"):
        Regression().tbptt_split_batch(kind((rows, torch.zeros(2, STEPS))), SPLIT)


def test_what_has_no_time_is_in_every_split():
    lengths, names, nested = torch.tensor([3, 4]), ["one", "two"], [torch.zeros(2, STEPS), torch.ones(2, STEPS)]
    splits = Regression().tbptt_split_batch((torch.zeros(2, STEPS), lengths, names, nested, [["a"], ["b", "c"]]), SPLIT)
    assert [split[0].shape[1] for split in splits] == [split[3][1].shape[1] for split in splits] == [5, 5, 4]
    assert all(split[1] is lengths and split[2] == names and split[4] == [["a"], ["b", "c"]] for split in splits)


def test_a_negative_split_is_one_clear_error():
    with pytest.raises(OptionError, match="truncated_bptt_steps must be 0 or more"):
        fit(Regression(split=-1))


def test_the_mixin_comes_before_the_module_whose_hooks_it_replaces(one_line):
    with one_line(OptionError, "Hidden: ", "write class Hidden(TruncatedBPTT, ..., LightningModule)"):
        type("Hidden", (pl.LightningModule, TruncatedBPTT), {})
    type("Found", (Regression, pl.LightningModule), {})
