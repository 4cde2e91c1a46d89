"""Polyphonic music: padded batches in which each frame stands against the one before."""

import pickle

import pytest
import torch
from quick_fit import fit_and_test

from seqmodels.data import PolyphonicMusic
from seqmodels.data.piano_rolls import read_piano_rolls
from seqmodels.errors import OptionError
from seqmodels.tasks import MusicModel

PIECES = [[[60 + (step + start) % 3, 72] for step in range(4 + start % 3)] for start in range(11)]


@pytest.fixture
def path(tmp_path):
    found = tmp_path / "music.pickle"
    found.write_bytes(pickle.dumps({"train": PIECES, "valid": PIECES[:3], "test": PIECES[3:8]}))
    return str(found)


def test_each_frame_stands_against_the_one_before(path):
    data = PolyphonicMusic(path, batch_size=2)
    expected = [torch.from_numpy(roll).float() for roll in read_piano_rolls(path)["validation"]]
    batches = list(data.val_dataloader())
    assert [batch.lengths.tolist() for batch in batches] == [[4, 5], [6]]
    found = []
    for batch in batches:
        assert batch.input.shape == batch.target.shape == (max(batch.lengths), len(batch.lengths), data.input_size)
        for piece, length in enumerate(batch.lengths):
            input, target = batch.input[:, piece], batch.target[:, piece]
            assert not input[0].any()
            assert torch.equal(input[1:length], target[: length - 1])
            assert not input[length:].any()
            assert not target[length:].any()
            found.append(target[:length])
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_every_piece_is_trained_on_in_an_order_of_its_own_each_epoch(path):
    def order(loader):
        return [tuple(batch.target[:, piece].nonzero()[:, 1].tolist()) for batch in loader for piece in range(1)]

    loader = PolyphonicMusic(path, batch_size=1).train_dataloader()
    first, second = order(loader), order(loader)
    assert first != second
    assert sorted(first) == sorted(second)
    assert len(first) == 11
    assert first == order(PolyphonicMusic(path, batch_size=1).train_dataloader())
    assert first != order(PolyphonicMusic(path, batch_size=1, seed=1).train_dataloader())


def test_a_restart_goes_on_with_the_next_batch(path):
    first, rest = (PolyphonicMusic(path, batch_size=2).train_dataloader() for _ in range(2))
    whole = [batch.target for batch in PolyphonicMusic(path, batch_size=2).train_dataloader()]
    batches = iter(first)
    next(batches), next(batches)
    rest.load_state_dict(first.state_dict())
    assert all(torch.equal(batch.target, expected) for batch, expected in zip(rest, whole[2:], strict=True))


def test_it_says_what_it_is(path):
    data = PolyphonicMusic(path)
    assert "11 train, 3 validation, 5 test" in data.describe()
    assert str(data) == "PolyphonicMusic"


@pytest.mark.parametrize("options", [{"batch_size": 0}, {"eval_batch_size": 0}, {"seed": -1}])
def test_options_out_of_range(path, options, one_line):
    (name,) = options
    with one_line(OptionError, name):
        PolyphonicMusic(path, **options)


def test_a_model_learns_what_comes_next(path):
    torch.manual_seed(0)
    data = PolyphonicMusic(path, batch_size=4)
    model = MusicModel(data.input_size, cell="gru", hidden_size=24, learning_rate=5e-2)
    values = fit_and_test(model, data, max_epochs=150)
    # A piece begins on one of three keys, which costs 1.9 nats once; the frequencies alone cost 1.9 nats in each frame.
    assert values["val_nll"] < 1
    assert values["test_nll"] < 1
