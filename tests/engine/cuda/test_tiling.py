"""Which ways to divide the cooperative kernel's work there are, and which is expected to be the quickest."""

import pytest

from seqmodels.engine.cuda import tiling
from seqmodels.engine.cuda.tiling import Operand, Tiling

SHARED = 232448
FORWARD, BACKWARD = [Operand(512, 4)], [Operand(2048, 1)]  # of an LSTM of 512 units


def ranked(operands=FORWARD, width=512, batch=16, itemsize=2, number=132, shared=SHARED):
    return tiling.ranked(operands, width, 1, batch, itemsize, number, shared)


@pytest.mark.parametrize("operands", [FORWARD, BACKWARD])
@pytest.mark.parametrize("batch", [1, 16, 64, 256, 1000])
@pytest.mark.parametrize("itemsize", [2, 4, 8])
def test_every_way_fits_the_gpu(operands, batch, itemsize):
    found = ranked(operands, batch=batch, itemsize=itemsize)
    assert found
    for microseconds, way in found:
        assert microseconds > 0
        assert tiling.shared_bytes(way, operands, itemsize) <= SHARED
        assert -(-512 // way.columns) <= 132


def test_shared_memory_holds_weights_and_what_passes():
    resident = Tiling(16, 16, 128, 4, True, 4)
    weights, operand = 512 * 4 * 16 * 2, 16 * 512 * 2
    assert tiling.shared_bytes(resident, FORWARD, 2) == weights + operand
    streamed = resident._replace(is_resident=False)
    assert tiling.shared_bytes(streamed, FORWARD, 2) == tiling.FLIGHT * 128 * (4 * 16 + 16) * 2


def test_a_matrix_that_is_not_a_whole_number_of_chunks_is_padded():
    way = Tiling(16, 16, 128, 4, True, 4)
    assert tiling.shared_bytes(way, [Operand(130, 4)], 2) == tiling.shared_bytes(way, [Operand(256, 4)], 2)


def chunks(operands, itemsize=2, rows=16):
    """Of weights that stay."""
    ways = [way for _, way in ranked(operands, operands[0].depth, itemsize=itemsize)]
    return {way.chunk for way in ways if way.is_resident and way.rows == rows}


def test_weights_that_stay_are_multiplied_in_short_chunks_or_at_once():
    assert chunks([Operand(512, 4)]) == {128, 512}
    assert chunks([Operand(650, 4)]) == {128, 1024}
    assert chunks([Operand(100, 4)]) == {128}


def test_an_operand_that_registers_do_not_hold_comes_in_short_chunks():
    assert chunks([Operand(1024, 1)], itemsize=2) == {128, 1024}
    assert chunks([Operand(1024, 1)], itemsize=4) == {128}


def test_operands_of_several_sizes_are_not_padded_to_the_largest():
    assert chunks([Operand(256, 1), Operand(512, 1)]) == {128}


def test_streamed_ways_that_leave_too_few_registers_come_later():
    """A GRU of 512 units in TF32: 64 columns of sums beside 32 rows spilled, and took 12.2 us instead of 9.4."""
    best = ranked([Operand(512, 2), Operand(512, 1)], batch=256, itemsize=4)[0][1]
    assert (best.rows, best.columns, best.is_resident) == (64, 16, False)


def test_small_batches_keep_weights_and_large_ones_read_them():
    assert ranked(batch=16)[0][1].is_resident
    assert not ranked(batch=256)[0][1].is_resident


def test_rows_for_which_there_is_no_room_take_turns():
    times = [ranked(batch=batch)[0][0] for batch in (256, 512, 1024, 2048)]
    assert times == sorted(times)
    assert times[-1] >= 4 * times[0]


def test_a_small_gpu_has_fewer_ways():
    assert len(ranked(number=20)) < len(ranked())
    assert len(ranked(shared=100000)) < len(ranked())
    assert ranked(number=1) == []
