"""Music: the negative log-likelihood of every frame, and nothing of the padding."""

import math

import lightning.pytorch as pl
import pytest
import torch
from quick_fit import QUIET, given
from torch.distributions import Bernoulli

import seqmodels
from seqmodels.data import SequenceBatch
from seqmodels.errors import OptionError
from seqmodels.tasks import MusicModel, load
from seqmodels.trees import sequence_cells


def piece(length, seed):
    target = (torch.rand(length, 1, 6, generator=torch.Generator().manual_seed(seed)) < 0.3).float()
    return SequenceBatch(torch.cat([torch.zeros(1, 1, 6), target[:-1]]), target, torch.tensor([length]))


def together(*pieces):
    """One batch; what lies past an end is no silence, to show that it doesn't count."""
    longest = max(len(one.input) for one in pieces)

    def padded(tensors):
        return torch.cat([torch.cat([t, torch.full((longest - len(t), 1, 6), 7.0)]) for t in tensors], 1)

    return SequenceBatch(
        padded([one.input for one in pieces]),
        padded([one.target for one in pieces]),
        torch.cat([one.lengths for one in pieces]),
    )


PIECES = [piece(length, seed) for seed, length in enumerate((9, 4, 1))]


def model(**options):
    torch.manual_seed(0)
    return MusicModel(6, **{"cell": "gru", "hidden_size": 8, **options})


@torch.no_grad()
def nats(music, pieces):
    """By torch's distributions, one piece at a time."""
    music.eval()
    return [-Bernoulli(logits=music(one.input)[0]).log_prob(one.target).sum((1, 2)) for one in pieces]


def test_nll_is_the_mean_over_all_frames_of_the_sum_over_keys():
    music = model()
    expected = float(torch.cat(nats(music, PIECES)).mean())
    trainer = pl.Trainer(**QUIET)
    for batches in ([together(*PIECES)], [together(*PIECES[:2]), PIECES[2]], PIECES):
        (validated,) = trainer.validate(music, given(batches), verbose=False)
        (tested,) = trainer.test(music, given(batches), verbose=False)
        assert validated["val_loss"] == validated["val_nll"] == tested["test_nll"] == pytest.approx(expected, rel=1e-6)


def test_an_undecided_model_has_the_nll_of_fair_coins():
    music = model()
    torch.nn.init.zeros_(music.decoder.weight)
    torch.nn.init.zeros_(music.decoder.bias)
    (values,) = pl.Trainer(**QUIET).validate(music, given(PIECES), verbose=False)
    assert values["val_nll"] == pytest.approx(6 * math.log(2))


def test_a_frame_is_predicted_from_those_before_alone():
    music = model().eval()
    one = PIECES[0]
    logits, _ = music(one.input)
    changed = one.target.clone()
    changed[5] = 1 - changed[5]
    after, _ = music(torch.cat([torch.zeros(1, 1, 6), changed[:-1]]))
    assert torch.equal(logits[:6], after[:6])
    assert not torch.equal(logits[6:], after[6:])


@pytest.mark.parametrize("cell", sequence_cells())
def test_every_cell_learns(cell):
    music = model(cell=cell, hidden_size=16, learning_rate=0.02)
    before = float(torch.cat(nats(music, PIECES)).mean())
    pl.Trainer(max_epochs=40, **QUIET).fit(music.train(), given([together(*PIECES)]))
    assert float(torch.cat(nats(music, PIECES)).mean()) < 0.7 * before


@pytest.mark.parametrize("steps", [1, 2, 4, 20])
def test_splits_are_the_whole_with_the_gradient_cut(steps):
    music, whole = model(learning_rate=0.0, truncated_bptt_steps=steps), together(*PIECES)
    splits = music.tbptt_splits(whole)
    assert sum(int(split.lengths.sum()) for split in splits) == 14
    total, state = 0.0, None
    for split in splits:
        part, _, state = music._nll(split, state)
        total += float(part.detach())
    assert total == pytest.approx(float(torch.cat(nats(music, PIECES)).sum()), rel=1e-5)
    trainer = pl.Trainer(max_epochs=1, **QUIET)
    trainer.fit(music, given([whole]))
    assert trainer.global_step == len(splits) == -(-9 // steps)


def test_the_loss_of_training_is_the_nll():
    music = model()
    music.log = lambda *args, **options: None
    loss = float(music.training_step(together(*PIECES), 0)["loss"].detach())
    assert loss == pytest.approx(float(torch.cat(nats(music, PIECES)).mean()), rel=1e-6)


def test_lengths_may_be_left_out():
    music = model()
    one = PIECES[0]
    assert torch.equal(music._nll(one, None)[0], music._nll(one._replace(lengths=None), None)[0])


def test_dropout_acts_in_training_only():
    music, plain = model(dropout=0.5), model()
    frames = PIECES[0].input
    assert not torch.equal(music(frames)[0], plain(frames)[0])
    assert torch.equal(music.eval()(frames)[0], plain.eval()(frames)[0])


def test_a_checkpoint_predicts_the_same(tmp_path):
    music = model(cell="lstm", num_layers=2, truncated_bptt_steps=3)
    trainer = pl.Trainer(max_epochs=1, **QUIET)
    trainer.fit(music, given([together(*PIECES)]))
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    torch.load(tmp_path / "model.ckpt", weights_only=True)
    again = load(tmp_path / "model.ckpt")
    assert type(again) is MusicModel
    assert again.truncated_bptt_steps == 3
    assert torch.equal(again(PIECES[0].input)[0], music.eval()(PIECES[0].input)[0])


def test_layers_may_differ_in_size():
    music = model(hidden_size=[8, 5])
    logits, state = music(PIECES[0].input)
    assert logits.shape == PIECES[0].input.shape
    assert [h.shape[-1] for h in state] == [8, 5]


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"cell": "lsmt"}, "did you mean 'lstm'"),
        ({"dropout": -0.1}, "dropout must be a probability"),
        ({"rnn_options": {"bidirectional": True}}, "it would see what it predicts"),
        ({"rnn_options": {"dropout": 0.1}}, "'dropout' belongs to MusicModel"),
    ],
)
def test_wrong_options_are_one_line(options, part, one_line):
    with one_line((OptionError, seqmodels.errors.UnknownCell), part):
        model(**options)
