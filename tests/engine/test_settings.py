"""A cell that is changed after its first call computes what it now says."""

import collections
import dataclasses
import enum
import functools
import logging
import types

import numpy as np
import pytest
import torch
from torch import nn

from seqmodels import RNN, Cell, engine
from seqmodels.engine import generated
from seqmodels.engine.settings import LARGEST, plain_settings

T, B, INPUTS, H = 4, 3, 5, 6


class Choice(enum.Enum):
    ONE, THREE = 1, 3


@dataclasses.dataclass(slots=True)
class Part:
    size: float


class Changing(Cell):
    gain = 1.0

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W, self.U = nn.Linear(input_size, hidden_size), nn.Linear(hidden_size, hidden_size)
        self.act, self.function, self.scale, self.scales = nn.Tanh(), torch.tanh, 1.0, [1.0, 0.5]
        self.queue = collections.deque([1.0])
        self.choice, self.given, self.made = Choice.ONE, types.SimpleNamespace(part=Part(1.0)), np.ones(2, np.float32)

    def own(self):
        return self.gain * self.choice.value * self.given.part.size * float(self.made[0]) * self.queue[0]

    def step(self, x, h):
        return self.act(self.W(x) * self.scales[0] + self.function(self.U(h)) * self.scale * self.own())


def difference(rnn: RNN, x: torch.Tensor) -> float:
    """Of generated code from the plain loop."""
    found = []
    for backend in ("native", "reference"):
        rnn.backend = backend
        found.append(rnn(x)[0])
    return float((found[0] - found[1]).abs().max())


CHANGES = {
    "a module": lambda cell: setattr(cell, "act", nn.Sigmoid()),
    "a function": lambda cell: setattr(cell, "function", torch.relu),
    "a part of a function": lambda cell: setattr(cell, "function", functools.partial(torch.clamp, min=0.1)),
    "a number": lambda cell: setattr(cell, "scale", 3.0),
    "a number in a queue": lambda cell: cell.queue.__setitem__(0, 3.0),
    "a number in a list": lambda cell: cell.scales.__setitem__(0, 3.0),
    "a choice": lambda cell: setattr(cell, "choice", Choice.THREE),
    "a part of an object": lambda cell: setattr(cell.given.part, "size", 3.0),
    "an object": lambda cell: setattr(cell.given, "part", Part(3.0)),
    "a number in an array": lambda cell: cell.made.__setitem__(0, 3.0),
    "an attribute of its class": lambda cell: setattr(type(cell), "gain", 3.0),
    "a method of its class": lambda cell: setattr(type(cell), "own", lambda self: 3.0),
    "the step": lambda cell: setattr(cell, "step", lambda x, h: torch.sigmoid(cell.W(x) + cell.U(h))),
    "the step of its class": lambda cell: setattr(type(cell), "step", lambda self, x, h: torch.sigmoid(self.W(x) + h)),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_a_cell_holds_may_change(name):
    cell = type("OwnClass", (Changing,), {})  # which may be changed
    rnn, x = RNN(cell, INPUTS, H).double(), torch.randn(T, B, INPUTS, dtype=torch.float64)
    before = rnn(x)[0]
    CHANGES[name](rnn.cell)
    assert difference(rnn, x) < 1e-12
    assert (rnn(x)[0] - before).abs().max() > 1e-3


def test_what_changes_as_it_is_used_is_no_setting():
    module = nn.Module()
    module.logger = logging.getLogger("a cell's")
    before = plain_settings(module)
    module.logger.isEnabledFor(logging.DEBUG)  # which it remembers
    module.logger.disabled = True
    assert plain_settings(module) == before


def test_a_norm_may_change():
    rnn, x = RNN("lstm", INPUTS, H, layer_norm=True).double(), torch.randn(T, B, INPUTS, dtype=torch.float64)
    rnn(x)
    for norm in rnn.layers[0].norms.values():
        norm.eps = 1.0
    assert difference(rnn, x) < 1e-12


def test_what_changes_at_every_call_is_run_as_a_plain_loop_in_the_end(monkeypatch):
    monkeypatch.setattr(generated, "MOST_PROGRAMS", 2)
    rnn, x = RNN(Changing, INPUTS, H), torch.randn(T, B, INPUTS)
    layer = engine.LayerPass(rnn.cell, x, (torch.zeros(B, H),))
    said = []
    for scale in (1.0, 2.0, 3.0, 1.0):
        rnn.cell.scale = scale
        said.append(generated.refusal(layer))
    assert [said[0], said[1], said[3]] == [None, None, None]
    assert "2 times" in said[2]


def test_long_lists_are_compared_by_identity():
    module = nn.Module()
    module.words = list(range(LARGEST + 1))
    before = plain_settings(module)
    assert plain_settings(module) == before
    module.words = list(module.words)
    assert plain_settings(module) != before
