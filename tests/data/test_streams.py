"""Streams: every token once, ranks that share the work, and restarts that nobody notices."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmodels.data import StreamLoader
from seqmodels.data.window_lengths import random_lengths
from seqmodels.errors import CheckpointError, DataError, OptionError

SIZES = {"batch_size": st.integers(1, 5), "steps": st.integers(1, 7), "world_size": st.integers(1, 3)}


def equal(left, right):
    return len(left) == len(right) and all(
        torch.equal(a.input, b.input) and torch.equal(a.target, b.target) for a, b in zip(left, right, strict=True)
    )


def of_all_ranks(tokens, batch_size, steps, world_size, **options):
    return [
        list(StreamLoader(tokens, batch_size, steps, rank=rank, world_size=world_size, **options))
        for rank in range(world_size)
    ]


@given(length=st.integers(2, 120), **SIZES)
@settings(max_examples=200)
def test_evaluation_scores_every_token_but_the_first_exactly_once(length, batch_size, steps, world_size):
    ranks = of_all_ranks(torch.arange(length), batch_size, steps, world_size, drop_last=False)
    scored = [number for windows in ranks for window in windows for number in window.target.flatten().tolist()]
    assert sorted(number for number in scored if number != -100) == list(range(1, length))
    assert len({len(windows) for windows in ranks}) == 1
    for windows in ranks:
        for window in windows:
            real = window.target != -100
            assert torch.equal(window.target[real], window.input[real] + 1)


@given(extra=st.integers(0, 60), random_steps=st.booleans(), **SIZES)
@settings(max_examples=200)
def test_training_streams_are_contiguous_and_shared_without_overlap(extra, random_steps, batch_size, steps, world_size):
    length = batch_size * world_size * steps + 1 + extra
    stream_length = (length - 1) // (batch_size * world_size)
    ranks = of_all_ranks(torch.arange(length), batch_size, steps, world_size, random_steps=random_steps)
    assert len({len(windows) for windows in ranks}) == 1
    for rank, windows in enumerate(ranks):
        streams = torch.cat([window.input for window in windows]).T
        for row, stream in enumerate(streams.tolist()):
            begin = (rank * batch_size + row) * stream_length
            assert stream == list(range(begin, begin + len(stream)))
        assert streams.shape[1] == (stream_length if random_steps else stream_length // steps * steps)
        assert all(torch.equal(window.target, window.input + 1) for window in windows)


@given(length=st.integers(40, 120), data=st.data(), drop_last=st.booleans(), random_steps=st.booleans())
@settings(max_examples=100)
def test_a_restart_at_any_window_equals_the_uninterrupted_run(length, data, drop_last, random_steps):
    def loader():
        tokens = torch.arange(length, dtype=torch.int16)
        return StreamLoader(tokens, 3, 4, drop_last=drop_last, random_steps=random_steps, seed=5)

    uninterrupted = loader()
    epochs = [list(uninterrupted) for _ in range(3)]
    stop = data.draw(st.integers(1, 2 * len(uninterrupted)))
    first, rest = loader(), loader()
    seen = []
    while len(seen) < stop:
        for window in first:
            seen.append(window)
            if len(seen) == stop:
                break
    rest.load_state_dict(first.state_dict())
    assert len(rest) == len(uninterrupted)
    while rest.epoch < 2 or rest.position < len(rest):
        seen.extend(rest)
    assert equal(seen, [window for epoch in epochs for window in epoch])


def test_the_state_is_plain_integers():
    loader = StreamLoader(torch.arange(30), 2, 3)
    next(iter(loader))
    assert loader.state_dict()["position"] == 1
    assert {type(value) for value in loader.state_dict().values()} == {int}


def test_asking_for_iterators_moves_nothing():
    loader = StreamLoader(torch.arange(30), 2, 3)
    loader.load_state_dict(loader.state_dict() | {"position": 2, "epoch": 1})
    iter(loader)
    unused, used = iter(loader), iter(loader)
    loader.set_epoch(1)
    assert next(used).input[0].tolist() == [6, 20]
    assert unused is not used
    assert loader.state_dict()["position"] == 3


def test_an_abandoned_pass_begins_anew_and_set_epoch_goes_to_a_start():
    loader = StreamLoader(torch.arange(200), 2, 10, random_steps=True)
    first = next(iter(loader))
    assert equal([first], [next(iter(loader))])
    assert loader.epoch == 0
    loader.set_epoch(4)
    assert loader.state_dict()["epoch"] == 4
    assert loader.state_dict()["position"] == 0
    other = list(loader)
    loader.set_epoch(4)
    assert equal(other, list(loader))
    loader.set_epoch(0)
    assert not equal(other, list(loader))


@pytest.mark.parametrize(
    ("option", "value"),
    [("batch_size", 1), ("batch_size", 4), ("steps", 2), ("steps", 6), ("world_size", 2), ("seed", 1)],
)
def test_a_position_within_an_epoch_refuses_other_options(option, value):
    options = {"batch_size": 2, "steps": 3, "world_size": 1, "seed": 0}
    saved = StreamLoader(torch.arange(100), **options)
    state = saved.state_dict() | {"position": 2}
    other = StreamLoader(torch.arange(100), **(options | {option: value}))
    with pytest.raises(CheckpointError, match=rf"{option} = {options[option]}, now it is {value}; resume"):
        other.load_state_dict(state)
    other.load_state_dict(state | {"position": len(saved)})
    assert len(list(other)) == len(other)
    assert other.epoch == 1


def test_a_damaged_loader_state_is_refused():
    with pytest.raises(CheckpointError, match="lacks 'batches'"):
        StreamLoader(torch.arange(30), 2, 3).load_state_dict({"epoch": 0, "position": 1})


def test_another_text_is_refused_within_an_epoch():
    state = StreamLoader(torch.arange(100), 2, 3).state_dict() | {"position": 1}
    with pytest.raises(CheckpointError, match="tokens = 100, now it is 99"):
        StreamLoader(torch.arange(99), 2, 3).load_state_dict(state)
    with pytest.raises(CheckpointError, match="within epoch 0 of another text; resume with that one, or from a"):
        StreamLoader(torch.arange(1, 101), 2, 3).load_state_dict(state)


def test_another_text_from_the_end_of_an_epoch_on_is_said(recwarn):
    saved = StreamLoader(torch.arange(100), 2, 3, world_size=2)
    list(saved)
    rank = {"rank": 1, "world_size": 2}
    StreamLoader(torch.arange(100), 2, 3, **rank).load_state_dict(saved.state_dict())
    earlier = {name: value for name, value in saved.state_dict().items() if name != "text"}
    StreamLoader(torch.arange(1, 101), 2, 3, **rank).load_state_dict(earlier)  # which has no such record
    assert not recwarn.list
    with pytest.warns(UserWarning, match="^the checkpoint is of another text; training goes on with this one$"):
        StreamLoader(torch.arange(1, 101), 2, 3, **rank).load_state_dict(saved.state_dict())


@given(length=st.integers(10, 80), data=st.data(), **SIZES)
@settings(max_examples=100)
def test_resets_stand_where_documents_begin(length, data, batch_size, steps, world_size):
    starts = sorted(data.draw(st.sets(st.integers(0, length - 1))))
    found = set()
    for windows in of_all_ranks(
        torch.arange(length),
        batch_size,
        steps,
        world_size,
        drop_last=False,
        document_starts=torch.tensor(starts, dtype=torch.int64),
    ):
        for window in windows:
            assert window.reset.shape == window.input.shape
            # padding repeats token 0, and the very last token is nobody's input
            found |= set(window.input[window.reset & (window.target != -100)].tolist())
    assert found == set(starts) - {length - 1}


def test_without_documents_there_are_no_resets():
    assert next(iter(StreamLoader(torch.arange(30), 2, 3))).reset is None


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32, torch.int64])
def test_windows_are_int64_copies_of_any_storage(dtype):
    tokens = torch.arange(30).to(dtype)
    window = next(iter(StreamLoader(tokens, 1, 5)))
    assert window.input.dtype == window.target.dtype == torch.int64
    assert window.input.shape == (5, 1)
    window.input.zero_()
    assert tokens.tolist() == list(range(30))


@given(total=st.integers(1, 3000), steps=st.integers(1, 90), epoch=st.integers(0, 50))
@settings(max_examples=300)
def test_random_windows_fill_every_epoch_in_the_same_number(total, steps, epoch):
    lengths = random_lengths(total, steps, 1, epoch)
    assert sum(lengths) == total
    assert len(lengths) == len(random_lengths(total, steps, 1, 0))
    assert min(lengths) >= min(5, steps, total)
    assert lengths == random_lengths(total, steps, 1, epoch)


def test_random_windows_are_distributed_as_published():
    lengths = np.concatenate([random_lengths(70_000, 70, 0, epoch) for epoch in range(20)])
    full = lengths[lengths > 52]
    assert 0.93 < len(full) / len(lengths) < 0.97
    assert abs(full.mean() - 70) < 1
    assert 4.5 < full.std() < 5.5
    assert abs(lengths[lengths <= 52].mean() - 35) < 1


@pytest.mark.parametrize(
    ("error", "problem", "arguments"),
    [
        (DataError, "12 tokens, fewer than the 13 that 4 streams of 3 steps need", (torch.arange(12), 4, 3)),
        (OptionError, "batch_size is 0", (torch.arange(12), 0, 3)),
        (OptionError, "steps is 0", (torch.arange(12), 1, 0)),
        (OptionError, "rank 2 of 2 processes", (torch.arange(12), 1, 1, 2, 2)),
        (OptionError, "seed is -1", (torch.arange(12), 1, 1, 0, 1, True, None, True, -1)),
    ],
)
def test_arguments_that_cannot_be_used(error, problem, arguments):
    with pytest.raises(error, match=problem):
        StreamLoader(*arguments)


def test_a_single_token_cannot_be_evaluated():
    with pytest.raises(DataError, match=r"the test part of x has 1 tokens, too few"):
        StreamLoader(torch.arange(1), 1, 1, drop_last=False, source="the test part of x")
