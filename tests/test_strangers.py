"""Mistakes in the code of a cell are one line that names the cell, the mistake, and its line in the file."""

import logging
import threading
import warnings

import pytest
import torch
from torch import nn

import seqmodels
from seqmodels import RNN, Cell
from seqmodels.engine.once import warn_once
from seqmodels.errors import CellError
from seqmodels.strangers import try_step, unregistered
from seqmodels.testing import check_cell


class Forgetful(Cell):
    def __init__(self, input_size, hidden_size):
        self.W = nn.Linear(input_size, hidden_size)


class Misspelt(Cell):
    def step(self, x, h):
        return torch.tanh(self.W(x) + h)


class Misfitting(Cell):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size, hidden_size + 1)

    def step(self, x, h):
        return torch.tanh(self.W(x) @ h.mT)


class Hiding(Cell):
    """Gates in a container of its own."""

    def __init__(self, input_size, hidden_size, container):
        super().__init__(input_size, hidden_size)
        self.gates = container(nn.Linear(input_size + hidden_size, hidden_size))

    def step(self, x, h):
        gates = self.gates if isinstance(self.gates, list) else list(self.gates.values())
        return torch.tanh(gates[0](torch.cat([x, h], -1)))


class Narrow(Cell):
    state_names = ("h", "c")

    def step(self, x, h, c):
        return h[:, :1], c


def test_a_constructor_that_fails(one_line):
    with one_line(CellError, "Forgetful: __init__ fails: AttributeError", "test_strangers.py:2", "super().__init__("):
        RNN(Forgetful, 3, 5)


def test_a_step_that_fails(one_line):
    with one_line(CellError, "Misspelt: step fails: AttributeError", "'W'", "test_strangers.py:2"):
        seqmodels.explain(Misspelt)


@pytest.mark.parametrize("backend", ["auto", "reference"])
@pytest.mark.parametrize("steps", [1, 4])
def test_a_step_that_fails_in_a_sequence_and_nothing_else_is_said(one_line, caplog, recwarn, steps, backend):
    with one_line(CellError, "Misfitting: step fails: RuntimeError: mat1 and mat2", "test_strangers.py:3"):
        RNN(Misfitting, 3, 5, backend=backend)(torch.zeros(steps, 2, 3))
    assert not caplog.records
    assert not recwarn.list


def test_torchs_log_of_other_threads_is_not_silenced(caplog):
    torch_log = logging.getLogger("torch._subclasses.fake_tensor")

    class Waiting(Misfitting):
        def step(self, x, h):
            other = threading.Thread(target=torch_log.error, args=["another"])
            other.start()
            other.join()
            return super().step(x, h)

    with pytest.raises(CellError):
        RNN(Waiting, 3, 5)(torch.zeros(4, 2, 3))
    assert {record.getMessage() for record in caplog.records} == {"another"}


@pytest.mark.parametrize(
    ("container", "said"),
    [
        (lambda gate: [gate], r"Hiding\.gates: what is in a plain list is not trained.*; write nn\.ModuleList$"),
        (lambda gate: [[gate]], r"a plain list.*nn\.ModuleList$"),
        (lambda gate: {"z": gate}, r"a plain dict.*nn\.ModuleDict$"),
        (lambda gate: (gate.weight,), r"a plain tuple.*nn\.ParameterList$"),
    ],
)
def test_what_torch_does_not_find_is_said(container, said, one_line):
    warn_once.cache_clear()
    with pytest.warns(UserWarning, match=said):
        RNN(Hiding, 3, 5, container=container)
    with one_line(CellError, "modules are registered: Hiding.gates: "), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        check_cell(Hiding, quick=True, container=container)


@pytest.mark.parametrize(
    "container", [lambda gate: [gate.requires_grad_(False)], lambda gate: nn.ModuleDict({"z": gate})]
)
def test_what_is_registered_or_not_trained_is_not(container, recwarn):
    RNN(Hiding(3, 5, container))
    assert not recwarn.list


def test_a_second_name_for_a_registered_module_is_no_mistake():
    cell = Misfitting(3, 5)
    cell.all = [cell.W, {"W": cell.W}]
    assert unregistered(cell) is None


def test_states_of_other_shapes(one_line):
    with one_line(CellError, "Narrow: step gives [B, 1], [B, 5], but its states are h [B, 5], c [B, 5]"):
        try_step(Narrow(3, 5))


class Wide(seqmodels.Cell):
    def step(self, x, h):
        return h

    def output(self, h):
        return torch.cat([h, h], -1)


def test_an_output_of_another_size(one_line):
    with one_line(CellError, "Wide: output gives 10 features, but output_size is 5"):
        try_step(Wide(3, 5))


@pytest.mark.parametrize("name", seqmodels.cells())
def test_a_step_that_runs(name):
    cell, before = seqmodels.get_cell(name)(3, 5), torch.get_rng_state()
    try_step(cell)
    assert torch.equal(torch.get_rng_state(), before)
