"""Batches of similar length: every record once, in an order that resumes, alike over ranks."""

from itertools import chain

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmodels.data.bucketed import BucketedLoader
from seqmodels.errors import CheckpointError, DataError, OptionError

LENGTHS = np.random.default_rng(0).integers(1, 50, 1000)


def loader(lengths=LENGTHS, batch_size=8, **options):
    return BucketedLoader(range(len(lengths)), lengths.tolist(), batch_size, collate_fn=list, **options)


def padded(batches):
    return sum(len(batch) * max(LENGTHS[batch]) for batch in batches)


def test_every_record_comes_once_an_epoch_and_the_epochs_differ():
    batches = loader()
    first, second = list(batches), list(batches)
    assert sorted(chain(*first)) == sorted(chain(*second)) == list(range(1000))
    assert first != second
    assert {frozenset(batch) for batch in first} != {frozenset(batch) for batch in second}
    assert first == list(loader())
    assert first != list(loader(seed=1))


def test_there_is_little_padding_and_no_order_among_batches():
    batches = list(loader())
    assert padded(batches) < 1.1 * LENGTHS.sum() < 1.6 * LENGTHS.sum() < padded(np.split(np.arange(1000), 125))
    longest = [max(LENGTHS[batch]) for batch in batches]
    assert abs(np.corrcoef(longest, np.arange(len(longest)))[0, 1]) < 0.2


@given(count=st.integers(1, 40), batch_size=st.integers(1, 5), world_size=st.integers(1, 3), data=st.data())
@settings(max_examples=30)
def test_a_restart_at_any_batch_equals_the_uninterrupted_run(count, batch_size, world_size, data):
    rank = data.draw(st.integers(0, world_size - 1))
    options = {"lengths": LENGTHS[:count], "batch_size": batch_size, "rank": rank, "world_size": world_size}
    uninterrupted = loader(**options)
    expected = [batch for _ in range(2) for batch in uninterrupted]
    stop = data.draw(st.integers(1, len(expected)))
    stopped, seen = loader(**options), []
    while len(seen) < stop:
        for batch in stopped:
            seen.append(batch)
            if len(seen) == stop:
                break
    again = loader(**options)
    again.load_state_dict(stopped.state_dict())
    while len(seen) < len(expected):
        seen.extend(again)
    assert seen == expected


def test_ranks_share_batches_of_similar_length():
    ranks = [list(loader(rank=rank, world_size=2, batch_size=4)) for rank in range(2)]
    together = [[*one, *other] for one, other in zip(*ranks, strict=True)]
    assert sorted(chain(*together)) == list(range(1000))
    assert padded(together) < 1.1 * LENGTHS.sum()
    assert {len(batch) for batch in ranks[0]} == {len(batch) for batch in ranks[1]} == {4}


def test_other_lengths_within_an_epoch_are_refused(one_line):
    stopped = loader()
    next(iter(stopped))
    with one_line(CheckpointError, "bucketed_length"):
        loader(lengths=LENGTHS + 1).load_state_dict(stopped.state_dict())


def test_lengths_that_do_not_belong_and_no_records_are_one_line(one_line):
    with one_line(OptionError, "lengths has 2 values for 3 records"):
        BucketedLoader(range(3), [1, 2], 2)
    with one_line(DataError, "has no records"):
        BucketedLoader([], [], 2)


@pytest.mark.parametrize("count", [8, 16, 17])
def test_only_the_last_batch_is_smaller(count):
    sizes = [len(batch) for batch in loader(lengths=LENGTHS[:count])]
    assert sizes == [8] * (count // 8) + [count % 8] * (count % 8 > 0)
