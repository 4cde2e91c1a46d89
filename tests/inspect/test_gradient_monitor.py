"""Gradients watched in training: the right numbers, no change to the training, little time."""

import csv
import warnings

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.plugins import MixedPrecision
from torch.nn.utils import get_total_norm
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from seqmodels import RNN
from seqmodels.engine import interception
from seqmodels.errors import OptionError
from seqmodels.inspect import recurrent_matrices
from seqmodels.inspect.gradient_maps import gradient_norms
from seqmodels.inspect.gradient_monitor import GradientFlow
from seqmodels.training import TruncatedBPTT

T, B, FEATURES, H = 12, 4, 3, 8


class Model(LightningModule):
    """A layer norm'd, dropped-out RNN with a loss at every step, or another; trains by AdamW."""

    def __init__(self, cell="lstm", rate=1e-2, hidden_size=H, input_size=FEATURES, loss="every", **options):
        super().__init__()
        torch.manual_seed(0)
        self.rnn = RNN(cell, input_size, hidden_size, **options)
        self.decoder = torch.nn.Linear(self.rnn.output_size, 1)
        self.rate, self.loss = rate, loss

    def training_step(self, batch, batch_idx):
        output, _ = self.rnn(batch.transpose(0, 1))
        losses = (self.decoder(output)[..., 0] - batch.sum(-1).T).pow(2)
        return losses.mean() if self.loss == "every" else losses[-1].mean()

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), self.rate)


def batches(count, steps=T, features=FEATURES, size=B):
    source = torch.Generator().manual_seed(3)
    return DataLoader(torch.randn(count * size, steps, features, generator=source), batch_size=size)


def fit(model, data, *callbacks, folder=None, **options):
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=1,
        logger=False if folder is None else CSVLogger(folder),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        callbacks=list(callbacks),
        **options,
    )
    trainer.fit(model, data)
    return trainer


def logged(trainer):
    """Step -> name -> number."""
    found = {}
    with open(f"{trainer.log_dir}/metrics.csv") as file:
        for row in csv.DictReader(file):
            values = {name.removeprefix("gradient_flow/"): float(value) for name, value in row.items() if value}
            found[int(values.pop("step"))] = values
    return found


DROPOUTS = {"num_layers": 2, "dropout": 0.2, "recurrent_dropout": 0.2, "weight_dropout": 0.1, "zoneout": 0.1}


@pytest.mark.parametrize(
    ("options", "trainer_options"),
    [
        ({}, {"gradient_clip_val": 0.1, "accumulate_grad_batches": 2}),
        (DROPOUTS, {}),
        ({"bidirectional": True, "layer_norm": True}, {"gradient_clip_val": 0.1}),
    ],
)
def test_training_is_bitwise_the_same_with_it(options, trainer_options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that gradients vanish
        one = Model(**options)  # begins random numbers anew
        fit(one, batches(6), **trainer_options)
        after = torch.get_rng_state()
        other = Model(**options)
        fit(other, batches(6), GradientFlow(every_n_steps=2), **trainer_options)
    assert torch.equal(torch.get_rng_state(), after)
    torch.testing.assert_close(one.state_dict(), other.state_dict(), rtol=0, atol=0)
    assert not torch.equal(one.rnn.cell.W_h.weight, Model(**options).rnn.cell.W_h.weight)


def test_the_norms_are_those_of_the_training_step(tmp_path):
    model = Model("lstm", num_layers=2)
    data = batches(1)
    x = next(iter(data))
    expected = gradient_norms(model, lambda: Model.training_step(model, x, 0))
    total = get_total_norm(torch.autograd.grad(model.training_step(x, 0), list(model.parameters())))
    trainer = fit(model, data, GradientFlow(1, distances=(0, 1, 5, T - 1, T)), folder=tmp_path)
    values = logged(trainer)[0]
    assert values["total_norm"] == pytest.approx(float(total), rel=1e-4)
    for place, state, norms in expected:
        of_batch = norms.norm(dim=-1).flip(0)
        for distance in (0, 1, 5, T - 1):
            name = f"{place}/{state}/{distance}_back"
            assert values[name] == pytest.approx(float(of_batch[distance]), rel=1e-3, abs=1e-8)
        assert f"{place}/{state}/{T}_back" not in values


def test_over_window_is_what_is_left_of_the_last_steps_gradient(tmp_path):
    model, data = Model("gru"), batches(1)
    x = next(iter(data))

    def last_loss():
        return (model.decoder(model.rnn(x.transpose(0, 1))[0][-1])[:, 0] - x[:, -1].sum(-1)).pow(2).mean()

    ((_, _, norms),) = gradient_norms(model, last_loss)
    expected = float(norms[0].norm() / norms[-1].norm())
    trainer = fit(model, data, GradientFlow(1), folder=tmp_path)
    assert logged(trainer)[0]["rnn.layers.0/over_window"] == pytest.approx(expected, rel=1e-3)


def test_it_measures_every_nth_step_only(tmp_path, monkeypatch):
    trainer = fit(Model(), batches(7), GradientFlow(every_n_steps=3), folder=tmp_path)
    assert list(logged(trainer)) == [0, 3, 6]
    assert all("rnn.layers.0/h/10_back" in values for values in logged(trainer).values())


def test_clipped_steps_are_counted_between_measurements(tmp_path):
    norms = []

    class Noted(Model):
        def on_before_optimizer_step(self, optimizer):
            norms.append(float(get_total_norm([p.grad for p in self.parameters()])))

    fit(Noted(), batches(9))
    bound = sorted(norms)[4]
    norms.clear()
    trainer = fit(Noted(), batches(9), GradientFlow(every_n_steps=4), folder=tmp_path, gradient_clip_val=bound)
    above = [norm > bound for norm in norms]
    assert True in above
    assert False in above
    values = logged(trainer)
    assert values[0]["clipped"] == above[0]
    assert values[4]["clipped"] == sum(above[1:5]) / 4
    assert values[8]["clipped"] == sum(above[5:9]) / 4
    assert values[8]["total_norm"] == pytest.approx(norms[8])


def test_recurrent_matrices_and_saturation(tmp_path):
    model = Model("elman", rate=0.0, hidden_size=32)
    with torch.no_grad():
        model.rnn.cell.W_hh.weight.copy_(1.3 * torch.nn.init.orthogonal_(torch.empty(32, 32)))
        model.rnn.cell.W_xh.weight.mul_(20)
    data = batches(1)
    states = model.rnn(next(iter(data)).transpose(0, 1))[0]
    trainer = fit(model, data, GradientFlow(1), folder=tmp_path)
    values = logged(trainer)[0]
    assert values["rnn.layers.0/largest_singular_value"] == pytest.approx(1.3, rel=1e-3)
    assert values["rnn.layers.0/spectral_radius"] == pytest.approx(1.3, rel=1e-4)
    share = float((states[-1].abs() > 0.9).float().mean())
    assert 0.1 < share < 0.9
    assert values["rnn.layers.0/saturated"] == pytest.approx(share, abs=1e-6)


@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed"])
def test_the_spectral_radius_is_the_largest_of_all_gates(precision, tmp_path):
    model = Model("lstm", rate=0.0)
    expected = max(matrix.spectral_radius() for matrix in recurrent_matrices(model.rnn.cell))
    trainer = fit(model, batches(1), GradientFlow(1), folder=tmp_path, precision=precision)
    assert logged(trainer)[0]["rnn.layers.0/spectral_radius"] == pytest.approx(expected, rel=3e-3)


@pytest.mark.parametrize(("value", "said"), [(0.1, "vanish"), (4.0, "explode")])
def test_it_warns_once_and_names_layer_and_step(value, said):
    model = Model("elman", rate=0.0, loss="last")
    with torch.no_grad():
        model.rnn.cell.W_hh.weight.copy_(value * torch.eye(H))
        model.rnn.cell.W_xh.weight.zero_()
        model.rnn.cell.W_xh.bias.zero_()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(model, batches(5), GradientFlow(every_n_steps=2))
    messages = [str(one.message) for one in caught if "GradientFlow" in str(one.message)]
    assert len(messages) == 1
    assert messages[0].startswith("GradientFlow: step 0, rnn.layers.0: ")
    assert ("is left after 11 steps" if said == "vanish" else "-fold over 11 steps") in messages[0]


def test_a_gradient_that_is_not_finite_is_told(recwarn):
    class Broken(Model):
        def training_step(self, batch, batch_idx):
            return super().training_step(batch, batch_idx) * (torch.nan if batch_idx == 2 else 1.0)

    fit(Broken("gru"), batches(3), GradientFlow(every_n_steps=1, vanishes_below=0.0))
    (message,) = [str(one.message) for one in recwarn if "GradientFlow" in str(one.message)]
    assert message.startswith("GradientFlow: step 2, rnn.layers.0: the gradient is NaN or infinite")


def test_a_model_without_rnn_is_told(recwarn):
    class Linear(LightningModule):
        def __init__(self):
            super().__init__()
            self.layer = torch.nn.Linear(FEATURES, 1)

        def training_step(self, batch, batch_idx):
            return self.layer(batch).pow(2).mean()

        def configure_optimizers(self):
            return torch.optim.SGD(self.parameters(), 0.1)

    fit(Linear(), batches(3), GradientFlow(every_n_steps=1))
    assert ["nothing to measure" in str(one.message) for one in recwarn].count(True) == 1


def test_splits_of_truncated_bptt_are_steps(tmp_path):
    class Streams(TruncatedBPTT, Model):
        truncated_bptt_steps = 4
        carry_hiddens = True

        def training_step(self, batch, batch_idx, hiddens):
            output, state = self.rnn(batch.transpose(0, 1), hiddens)
            return {"loss": self.decoder(output).pow(2).mean(), "hiddens": state}

    trainer = fit(Streams("gru"), batches(2), GradientFlow(every_n_steps=2, distances=(3, 4)), folder=tmp_path)
    values = logged(trainer)
    assert list(values) == [0, 2, 4]  # two batches of three splits
    for of_step in values.values():
        assert [name for name in of_step if "_back" in name] == ["rnn.layers.0/h/3_back"]


def test_rows_of_other_lengths_end_where_they_end(tmp_path):
    lengths = torch.tensor([T, 5, 8, T])

    class Classifier(Model):
        def training_step(self, batch, batch_idx):
            _, state = self.rnn(batch.transpose(0, 1), lengths=lengths)
            return self.decoder(state[-1]).pow(2).sum()

    model, data = Classifier("gru"), batches(1)
    x = next(iter(data))
    ((_, _, norms),) = gradient_norms(model, lambda: model.training_step(x, 0))
    last = torch.stack([norms[length - 1, row] for row, length in enumerate(lengths)])
    trainer = fit(model, data, GradientFlow(1), folder=tmp_path)
    values = logged(trainer)[0]
    assert values["rnn.layers.0/h/0_back"] == pytest.approx(float(last.norm()), rel=1e-3)
    assert values["rnn.layers.0/over_window"] == pytest.approx(float(norms[0].norm() / last.norm()), rel=1e-3)


def test_nothing_of_it_stays_after_training_or_an_error():
    class Failing(Model):
        def training_step(self, batch, batch_idx):
            if batch_idx == 1:
                raise RuntimeError("no more")
            return super().training_step(batch, batch_idx)

    fit(Model(), batches(1), GradientFlow(1))
    assert interception.runner.get() is None
    with pytest.raises(RuntimeError, match="no more"):
        fit(Failing(), batches(3), GradientFlow(1))
    assert interception.runner.get() is None


@pytest.mark.parametrize("precision", ["bf16-mixed", "64-true"])
def test_other_precisions(precision, tmp_path):
    trainer = fit(Model("lstm"), batches(1), GradientFlow(1), folder=tmp_path, precision=precision)
    values = logged(trainer)[0]
    assert 0 < values["rnn.layers.0/h/0_back"] < 10
    assert 0 < values["rnn.layers.0/over_window"] < 1


def test_a_scaled_loss_is_scaled_back(tmp_path):
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    plain = fit(Model("gru"), batches(1), GradientFlow(1), folder=tmp_path / "plain")
    plugins = [MixedPrecision("16-mixed", "cpu", scaler)]
    mixed = fit(Model("gru"), batches(1), GradientFlow(1), folder=tmp_path / "mixed", plugins=plugins)
    for name, value in logged(plain)[0].items():
        assert logged(mixed)[0][name] == pytest.approx(value, rel=0.05)


def test_a_measurement_computes_less_than_five_steps():
    """So that one in a hundred steps stays below 5 % of training; in products, which no busy machine changes."""
    model = Model("lstm", hidden_size=64, input_size=32, backend="reference")
    flow = GradientFlow(every_n_steps=2)
    measure, measured = flow.on_after_backward, []

    def counted(trainer, module):
        with FlopCounterMode(display=False) as counter:
            measure(trainer, module)
        measured.append(counter.get_total_flops())

    flow.on_after_backward = counted
    x = next(iter(batches(1, steps=50, features=32, size=32)))
    with FlopCounterMode(display=False) as step:
        model.training_step(x, 0).backward()
    fit(model, batches(4, steps=50, features=32, size=32), flow)
    assert measured[1] == measured[3] == 0
    assert 0 < measured[0] == measured[2] < 5 * step.get_total_flops()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"every_n_steps": 0}, "every_n_steps is 0"),
        ({"distances": (1, -1)}, r"distances are \(1, -1\)"),
        ({"vanishes_below": 2.0, "explodes_above": 1.0}, "vanishes_below is 2.0"),
    ],
)
def test_wrong_options_are_refused(options, said):
    with pytest.raises(OptionError, match=said):
        GradientFlow(**options)
