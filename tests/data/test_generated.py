"""Generated data: fresh in training, fixed in evaluation, the same on any number of ranks and after any restart."""

import itertools

import numpy as np
import pytest
import torch

from seqmodels.data import StreamLoader
from seqmodels.data.generated import GeneratedBatches, GeneratedStreams
from seqmodels.errors import CheckpointError, OptionError
from seqmodels.training.truncated_bptt import TruncatedBPTT


def write_text(draw):
    """Pieces of any length, none among them; even tokens are scored."""
    tokens = draw.integers(0, 1000, draw.integers(0, 9))
    return tokens, tokens % 2 == 0


def write_sequences(draw, count):
    return draw.integers(0, 1000, (count, 5)), draw.random(count)


def two(input, target):
    return torch.from_numpy(input.T.copy()), torch.from_numpy(target.copy())


def streams(stage="train", batch_size=3, batches=6, **options):
    return GeneratedStreams(write_text, stage, batch_size, options.pop("steps", 4), batches, **options)


def sequences(stage="train", batch_size=3, batches=6, **options):
    return GeneratedBatches(write_sequences, two, stage, batch_size, batches, **options)


def equal(left, right):
    return len(left) == len(right) and all(
        torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(left, right, strict=True)
    )


BOTH = pytest.mark.parametrize("make", [streams, sequences])


@BOTH
@pytest.mark.parametrize("stop", range(1, 14))
def test_a_restart_at_any_batch_equals_going_on(make, stop):
    uninterrupted = make()
    epochs = [list(uninterrupted) for _ in range(3)]
    first, rest = make(), make()
    seen = []
    while len(seen) < stop:
        for batch in first:
            seen.append(batch)
            if len(seen) == stop:
                break
    rest.load_state_dict(first.state_dict())
    while rest.epoch < 2 or rest.position < len(rest):
        seen.extend(rest)
    assert equal(seen, [batch for epoch in epochs for batch in epoch])


@BOTH
@pytest.mark.parametrize("stage", ["train", "validation", "test"])
def test_ranks_together_see_what_one_process_sees(make, stage):
    whole = make(stage, batch_size=6)
    ranks = [make(stage, batch_size=2, rank=rank, world_size=3) for rank in range(3)]
    for _ in range(2):
        together = [
            tuple(torch.cat([part[i] for part in parts], -1) for i in range(2)) for parts in zip(*ranks, strict=True)
        ]
        assert equal(together, list(whole))


@BOTH
def test_training_is_new_in_every_epoch_and_by_seed(make):
    loader = make()
    epochs = [list(loader), list(loader), list(make(seed=1)), list(make(seed=2**40))]
    assert equal(epochs[0], list(make()))
    assert not any(equal(a, b) for a, b in itertools.combinations(epochs, 2))


@BOTH
@pytest.mark.parametrize("stage", ["validation", "test"])
def test_evaluation_is_always_the_same(make, stage):
    loader = make(stage)
    first = list(loader)
    assert equal(first, list(loader))
    assert equal(first, list(make(stage, seed=7)))


@BOTH
def test_validation_and_test_are_never_training(make):
    """Seed 0 and epoch 0 are what evaluation is drawn with, too, and still nothing is equal, nor are streams."""
    rows = [row for stage in ("train", "validation", "test") for row in torch.cat([b[0] for b in make(stage)]).T]
    assert len({tuple(row.tolist()) for row in rows}) == len(rows)


def test_windows_are_consecutive():
    windows = list(streams(batches=50))
    for before, after in itertools.pairwise(windows):
        following = after.input[0]
        last = before.target[-1]
        assert torch.equal(last, torch.where(following % 2 == 0, following, -100))
    text = torch.cat([window.input for window in windows])
    target = torch.cat([window.target for window in windows])
    assert torch.equal(target[:-1], torch.where(text[1:] % 2 == 0, text[1:], -100))
    assert {window.input.shape for window in windows} == {(4, 3)}
    assert windows[0].input.dtype == windows[0].target.dtype == torch.int64
    assert windows[0].reset is None


def test_streams_read_what_is_written():
    (window,) = GeneratedStreams(write_text, "test", 1, 100, 1)
    draw = np.random.default_rng([2, 0, 0, 0])
    written = np.concatenate([write_text(draw)[0] for _ in range(60)])
    assert window.input[:, 0].tolist() == written[:100].tolist()


def test_windows_are_cut_like_those_of_other_streams():
    """Truncated BPTT may cut them further."""
    module = type("Module", (TruncatedBPTT,), {"tbptt_time_dim": 0})()
    parts = module.tbptt_split_batch(next(iter(streams())), 3)
    assert [len(part.input) for part in parts] == [3, 1]
    assert isinstance(parts[0], type(next(iter(StreamLoader(torch.arange(9), 1, 2)))))


OPTIONS = [(make, option) for make in (streams, sequences) for option in ("batch_size", "seed", "world_size")]


@pytest.mark.parametrize(("make", "option"), [*OPTIONS, (streams, "steps")])
def test_a_position_within_an_epoch_refuses_other_options(make, option):
    state = make().state_dict() | {"position": 2}
    with pytest.raises(CheckpointError, match=f"with {option} = "):
        make(**{option: 2}).load_state_dict(state)


@BOTH
def test_from_the_end_of_an_epoch_more_batches_go_on_with_the_whole_next_one(make):
    ended, other, expected = make(batches=4), make(), make()
    list(ended)
    other.load_state_dict(ended.state_dict())
    expected.set_epoch(1)
    assert [batch[0].tolist() for batch in other] == [batch[0].tolist() for batch in expected]


@BOTH
@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batches": 0}, "is 0; use 1 or more"),
        ({"rank": 2, "world_size": 2}, "rank 2 of 2"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_options_that_cannot_be_used(make, options, problem):
    with pytest.raises(OptionError, match=problem):
        make(**options)
