"""Batches of records: order, ranks, restarts, workers that fail."""

import os
import random
import signal
import threading
import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from patience import PATIENCE
from torch.utils.data.dataloader import _MultiProcessingDataLoaderIter

from seqmodels.data import ResumableLoader
from seqmodels.errors import CheckpointError, DataError, OptionError


class Records:
    """Records 0, 1, ...; ``fail(record)`` may do worse than return."""

    def __init__(self, count, fail=lambda record: None):
        self.count = count
        self.fail = fail
        self.read = []

    def __len__(self):
        return self.count

    def __getitem__(self, record):
        self.read.append(record)
        self.fail(record)
        return torch.tensor(record)


class Noisy(Records):
    """Draws from every global generator, as random augmentation does."""

    def __getitem__(self, record):
        return torch.tensor([record, torch.rand(()).item(), random.random(), np.random.rand()], dtype=torch.float64)


def numbers(batches):
    return [batch.tolist() for batch in batches]


@given(
    count=st.integers(1, 40),
    batch_size=st.integers(1, 5),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
    data=st.data(),
)
@settings(max_examples=100)
def test_a_restart_at_any_batch_equals_the_uninterrupted_run(count, batch_size, shuffle, drop_last, data):
    options = {"shuffle": shuffle, "drop_last": drop_last and count >= batch_size, "seed": 3}
    uninterrupted = ResumableLoader(Records(count), batch_size, **options)
    expected = numbers([batch for _ in range(2) for batch in uninterrupted])
    stop = data.draw(st.integers(1, len(expected)))
    loader = ResumableLoader(Records(count), batch_size, **options)
    seen = []
    while len(seen) < stop:
        for batch in loader:
            seen.append(batch)
            if len(seen) == stop:
                break
    dataset = Records(count)
    again = ResumableLoader(dataset, batch_size, **options)
    again.load_state_dict(loader.state_dict())
    while len(seen) < len(expected):
        seen.extend(again)
    assert numbers(seen) == expected
    assert len(dataset.read) == sum(map(len, expected[stop:]))  # nothing is loaded twice


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("stop", [1, 3, 4])
def test_workers_restart_with_the_same_records_and_the_same_augmentation(shuffle, stop):
    def loader():
        return ResumableLoader(Noisy(14), 4, shuffle=shuffle, num_workers=2, seed=1)

    expected = numbers(loader())
    first, rest = loader(), loader()
    batches = iter(first)
    seen = [next(batches) for _ in range(stop)]
    assert first.state_dict()["position"] == stop  # handed out, not fetched ahead
    rest.load_state_dict(first.state_dict())
    if stop < 4:
        assert numbers(seen) + numbers(rest) == expected
    else:
        rest.set_epoch(1)
        assert numbers(rest) != expected  # the next epoch: other draws


def test_workers_and_no_workers_give_the_same_records():
    assert numbers(ResumableLoader(Records(14), 4, shuffle=True, num_workers=2)) == numbers(
        ResumableLoader(Records(14), 4, shuffle=True)
    )


@pytest.mark.parametrize("num_workers", [0, 2])
def test_no_number_is_drawn_from_the_global_generators(num_workers):
    # (beartype, checking types in tests, draws from `random` itself)
    before = torch.get_rng_state().tolist(), np.random.get_state()[1].tolist()
    list(ResumableLoader(Records(8), 2, shuffle=True, num_workers=num_workers))
    assert before == (torch.get_rng_state().tolist(), np.random.get_state()[1].tolist())


@given(
    count=st.integers(1, 50),
    batch_size=st.integers(1, 4),
    world_size=st.integers(1, 4),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
)
@settings(max_examples=150)
def test_the_ranks_together_are_one_process_with_larger_batches(count, batch_size, world_size, shuffle, drop_last):
    together = batch_size * world_size
    drop_last = drop_last and count >= together
    options = {"shuffle": shuffle, "drop_last": drop_last, "seed": 2}
    ranks = [
        numbers(ResumableLoader(Records(count), batch_size, rank=rank, world_size=world_size, **options))
        for rank in range(world_size)
    ]
    alone = numbers(ResumableLoader(Records(count), together, **options))
    assert len({len(batches) for batches in ranks}) == 1
    shared = [sorted(record for batches in ranks for record in batches[k]) for k in range(len(alone))]
    expected = [sorted(batch) for batch in alone]
    if len(alone[-1]) >= world_size:
        assert shared == expected
    elif batch_size > 1 and len(alone) > 1:  # the last two batches are divided otherwise, so that each rank has some
        assert shared[:-2] == expected[:-2]
        assert sorted(shared[-2] + shared[-1]) == sorted(expected[-2] + expected[-1])
    else:  # no rank can spare one
        assert shared[:-1] == expected[:-1]
        assert set(shared[-1]) >= set(expected[-1])
    assert all(1 <= len(batch) <= batch_size for batches in ranks for batch in batches)


def test_the_order_depends_on_seed_and_epoch_alone():
    def order(seed, epoch):
        loader = ResumableLoader(Records(30), 30, shuffle=True, seed=seed)
        loader.set_epoch(epoch)
        torch.rand(3)
        return numbers(loader)[0]

    assert order(0, 0) == order(0, 0)
    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4


def test_batches_are_made_by_collate_fn():
    assert list(ResumableLoader(["a", "b", "c"], 2, collate_fn="".join)) == ["ab", "c"]


def test_a_dataset_may_read_a_whole_batch_at_once():
    class Whole(Records):
        def __getitems__(self, records):
            return [torch.tensor(-record) for record in records]

    assert numbers(ResumableLoader(Whole(4), 3)) == [[0, -1, -2], [-3]]


def end_process(record):
    if record == 5:
        os.kill(os.getpid(), signal.SIGKILL)


def sleep_long(record):
    if record == 5:
        time.sleep(600)


@pytest.mark.parametrize(
    ("fail", "timeout", "what", "named"),
    [(end_process, 60.0, "died", "batches"), (sleep_long, 4.0, "sent nothing for 4 s", r"records \d+ to 11")],
)
def test_a_worker_that_dies_or_hangs_is_an_error_within_seconds(fail, timeout, what, named):
    begin = time.monotonic()
    with pytest.raises(DataError, match=rf"a worker process {what} while loading .*{named}") as caught:
        list(ResumableLoader(Records(12, fail), 2, num_workers=2, timeout=timeout))
    assert "\n" not in str(caught.value)
    assert time.monotonic() - begin < 100


def test_a_worker_that_dies_with_a_batch_still_in_its_hands_is_the_same_error(monkeypatch):
    get, first = _MultiProcessingDataLoaderIter._try_get_data, iter([True])

    def try_get_data(batches, timeout):
        if next(first, False):
            os.kill(batches._workers[0].pid, signal.SIGKILL)
            raise ConnectionResetError("reset by peer")
        return get(batches, timeout)

    monkeypatch.setattr(_MultiProcessingDataLoaderIter, "_try_get_data", try_get_data)
    with pytest.raises(DataError, match="a worker process died while loading batches 0 to 3"):
        list(ResumableLoader(Records(12), 2, num_workers=2))


def test_what_is_done_with_a_batch_hears_nothing_of_a_worker_that_dies():
    def end_later(record):
        time.sleep(1.0 if record == 5 else 0.0)  # the first batch has arrived
        end_process(record)

    batches = iter(ResumableLoader(Records(12, end_later), 2, num_workers=2))
    next(batches)
    begin = time.monotonic()
    while time.monotonic() - begin < 2:  # a step of training
        time.sleep(0.01)
    with pytest.raises(DataError, match="a worker process died"):
        list(batches)


def test_a_worker_that_dies_in_the_middle_of_a_batch_is_not_waited_for():
    """A batch that is larger than a pipe is sent as it is received, piece by piece."""

    class Large(Records):
        def __getitem__(self, record):
            if record == 2:
                time.sleep(1.0)  # the first batch waits in the pipe, half of it
                os.kill(os.getpid(), signal.SIGKILL)
            return np.zeros(200_000)

    batches = iter(ResumableLoader(Large(8), 2, num_workers=1, collate_fn=list))
    timer = threading.Timer(PATIENCE, os.kill, (os.getpid(), signal.SIGINT))  # a wait without end has no other
    timer.start()
    try:
        with pytest.raises(DataError, match="a worker process died"):
            [time.sleep(2.0) for _ in batches]
    finally:
        timer.cancel()


class Unlike(OSError):
    """Its text is not what it was made with, as that of URLError."""

    def __str__(self):
        return "nothing"


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize("kind", [RuntimeError, EOFError, Unlike])
@pytest.mark.parametrize("text", ["of a DataLoader worker", "the request timed out"])
def test_what_collate_fn_raises_is_no_death_and_ends_the_epoch(num_workers, kind, text):
    def refuse(records):
        if records[0] == 2:
            raise kind(text)
        return records

    batches = iter(ResumableLoader(Records(8), 2, num_workers=num_workers, collate_fn=refuse))
    next(batches)
    with pytest.raises(kind):
        next(batches)


def test_an_error_of_receiving_a_batch_is_raised_as_it_is(monkeypatch):
    def get(batches, timeout):
        raise OSError("no descriptors are left")

    monkeypatch.setattr(_MultiProcessingDataLoaderIter, "_try_get_data", get)
    with pytest.raises(OSError, match="no descriptors"):
        list(ResumableLoader(Records(8), 2, num_workers=1))


def truncated(record):
    if record == 5:
        raise OSError("truncated\nimage")


def wrong_record(record):
    if record == 5:
        raise DataError("captions.json, record 5: no image; add it")


@pytest.mark.parametrize("num_workers", [0, 2])
@pytest.mark.parametrize(
    ("fail", "text"),
    [
        (truncated, "the dataset Records, record 5: cannot be read (OSError: truncated image); mend or remove it"),
        (wrong_record, "captions.json, record 5: no image; add it"),
    ],
)
def test_a_record_that_cannot_be_read_is_named(num_workers, fail, text):
    with pytest.raises(DataError) as caught:
        list(ResumableLoader(Records(8, fail), 2, num_workers=num_workers))
    assert str(caught.value) == text


@pytest.mark.parametrize(
    ("error", "problem", "options"),
    [
        (OptionError, "batch_size is 0", {"batch_size": 0}),
        (OptionError, "num_workers is -1", {"batch_size": 1, "num_workers": -1}),
        (OptionError, "seed is -1", {"batch_size": 1, "seed": -1}),
        (OptionError, "timeout is 0", {"batch_size": 1, "timeout": 0.0}),
        (OptionError, "rank 1 of 1", {"batch_size": 1, "rank": 1}),
        (DataError, "5 records, fewer than the 6 of one batch", {"batch_size": 6, "drop_last": True}),
    ],
)
def test_options_that_cannot_be_used(error, problem, options):
    with pytest.raises(error, match=problem):
        ResumableLoader(Records(5), **options)


def test_an_empty_dataset_is_refused():
    with pytest.raises(DataError, match="no records"):
        ResumableLoader([], 2)


def test_a_position_within_an_epoch_refuses_another_dataset_or_world_size():
    state = ResumableLoader(Records(8), 2).state_dict() | {"position": 1}
    with pytest.raises(CheckpointError, match="records = 8, now it is 9"):
        ResumableLoader(Records(9), 2).load_state_dict(state)
    with pytest.raises(CheckpointError, match="world_size = 1, now it is 2"):
        ResumableLoader(Records(8), 2, world_size=2).load_state_dict(state)


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_from_the_end_of_an_epoch_another_batch_size_goes_on_with_the_whole_next_one(batch_size):
    ended, other = ResumableLoader(Records(8), 2), ResumableLoader(Records(8), batch_size)
    list(ended)
    other.load_state_dict(ended.state_dict())
    assert [record for batch in numbers(other) for record in batch] == list(range(8))
    assert other.epoch == 1
