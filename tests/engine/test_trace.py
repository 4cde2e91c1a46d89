"""The first run of a cell, which the engine follows with tensors that have no values."""

import threading
from contextlib import nullcontext
from functools import partial

import pytest
import torch
from patience import PATIENCE
from torch import nn
from torch._subclasses import FakeTensor

from seqmodels import RNN, Cell, engine
from seqmodels.engine import LayerPass, generated
from seqmodels.engine.trace import trace

T, B, H = 4, 2, 3
_in_the_trace, _go_on = threading.Event(), threading.Event()


def layer_of(cell):
    return LayerPass(cell(H, H), torch.randn(T, B, H), (torch.zeros(B, H),))


class Slow(Cell):
    """Its trace takes until another thread is done."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.product = nn.Linear(input_size + hidden_size, hidden_size)

    def step(self, x, h):
        if isinstance(x, FakeTensor):
            _in_the_trace.set()
            assert _go_on.wait(PATIENCE)
        return torch.tanh(self.product(torch.cat([x, h], 1)))


def test_other_threads_use_the_cell_while_it_is_traced():
    layer = layer_of(Slow)
    first = []
    tracing = threading.Thread(target=lambda: first.append(engine.run(layer).output))
    tracing.start()
    assert _in_the_trace.wait(PATIENCE)
    by_steps = engine.run(layer, "reference").output
    _go_on.set()
    tracing.join(PATIENCE)
    torch.testing.assert_close(first[0], by_steps)


class HoldsALock(Slow):
    """It can't be copied."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.lock = threading.Lock()


class ReadsItself(Cell):
    """A copy of its function would still read the cell that it was made of."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.product = nn.Linear(hidden_size, hidden_size)
        self.change = lambda h: self.product(h)

    def step(self, x, h):
        return torch.tanh(x + self.change(h))


@pytest.mark.parametrize("cell", [HoldsALock, ReadsItself])
def test_what_has_no_twin_is_traced_itself(cell):
    _go_on.set()
    assert generated.refusal(layer_of(cell)) is None


class LooksAtValues(Cell):
    """It can't be traced; who tries, does so on a twin."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.product, self.seen, self.real = nn.Linear(input_size, hidden_size), [], id(self)

    def step(self, x, h):
        self.seen.append(isinstance(x, FakeTensor) and id(self) == self.real)
        return torch.tanh(self.product(x) + h) if h.sum() > 0 else h


def test_what_is_refused_was_not_traced_on_the_cell_itself():
    layer = layer_of(LooksAtValues)
    assert generated.refusal(layer) is not None
    assert not any(layer.cell.seen)


def test_many_threads_may_run_a_cell_first():
    rnn, x = RNN("gru", H, H), torch.randn(T, B, H)
    begin, found = threading.Barrier(4), []

    def run():
        begin.wait()
        found.append(rnn(x)[0])

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert len(found) == 4
    assert all(torch.equal(output, found[0]) for output in found)


def test_masks_are_traced_where_the_input_lies(monkeypatch):
    """Those of lengths and of zoneout: a step can't mix tensors of two devices."""
    monkeypatch.setattr(f"{trace.__module__}.without_autocast", lambda device: nullcontext())  # meta has none
    meta = torch.device("meta")
    cell = RNN("gru", H, H).cell.to(meta)
    layer = LayerPass(
        cell,
        torch.zeros(T, B, H, device=meta),
        (torch.zeros(B, H, device=meta),),
        lengths=torch.zeros(B, dtype=torch.int64, device=meta),
        zoneout=(0.5,),
    )
    assert trace(layer).kinds.count("step") == 3


class Scaled(Cell):
    """Its state is scaled by what a function gives."""

    def __init__(self, input_size, hidden_size, scale):
        super().__init__(input_size, hidden_size)
        self.scale, self.attribute = scale, torch.ones(hidden_size)

    def step(self, x, h):
        return torch.tanh(x + self.scale(self) * h)


ELSEWHERE = torch.ones(H)


@pytest.mark.parametrize("scale", [lambda cell: cell.attribute, lambda cell: ELSEWHERE])
def test_a_tensor_that_is_no_buffer_is_refused_with_the_remedy(scale):
    reason = generated.refusal(layer_of(partial(Scaled, scale=scale)))
    assert reason == "the step uses a tensor that is no parameter or buffer of the cell (register_buffer makes it one)"
