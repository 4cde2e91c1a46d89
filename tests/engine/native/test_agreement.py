"""The native backend computes what the plain loop computes: values and gradients of all cells, whoever wrote them."""

import copy
from typing import Any

import pytest
import torch
from agreement import measure, require_equal
from foreign_cells import STRANGERS
from torch import Tensor, nn

from seqmodels import RNN
from seqmodels.engine import find_products
from seqmodels.testing import check_cell
from seqmodels.trees import sequence_cells

SUBJECTS = {
    **{name: (name, {}) for name in sequence_cells()},
    "elman of relu": ("elman", {"nonlinearity": "relu"}),
    "gru, reset after": ("gru", {"reset": "after"}),
    "peephole, diagonal": ("peephole", {"peepholes": "diagonal"}),
    "lstm, no bias": ("lstm", {"bias": False}),
    **STRANGERS,
}
TOLERANCES = {torch.float64: 1e-11, torch.float32: 1e-5}  # both against the plain loop in float64

T, B, H, I = 7, 3, 17, 5  # noqa: E741
BOTH = {"num_layers": 2, "bidirectional": True}
LENGTHS = [T, 0, 3]
RESET = torch.tensor([[t == 4 or (t + row) % 5 == 0 for row in range(B)] for t in range(T)])
OF_PRODUCTS = {"recurrent_dropout": 0.25, "weight_dropout": 0.3, "layer_norm": True}  # need a product of the state
OF_ALL = {"zoneout": 0.1, "learn_initial_state": True}
REGULARISERS = [{name: value} for name, value in {**OF_PRODUCTS, **OF_ALL}.items()]

every_cell = pytest.mark.parametrize("name", SUBJECTS)
some_cells = pytest.mark.parametrize(
    "name", ["lstm", "minimal gated unit", "multiplicative lstm", "gated antisymmetric"]
)


def make(name: str, inputs: int = I, hidden: int = H, **options: Any) -> RNN:
    """An RNN in float32 whose norms and learned states have left their start."""
    cell, own = SUBJECTS[name]
    rnn = RNN(cell, inputs, hidden, **own, **options)
    for layer in rnn.layers:
        for parameter in (*layer.norms.parameters(), *layer.learned_state):
            nn.init.normal_(parameter, std=0.5)
    return rnn


def draw(rnn: RNN, steps: int = T, batch: int = B) -> tuple[Tensor, tuple[Tensor, ...]]:
    """An input [T, B, I] and the states before it, in float32."""
    states = tuple(torch.tanh(torch.randn(len(rnn.layers), batch, size)) for size in rnn.cell.state_sizes)
    return torch.randn(steps, batch, rnn.input_size), states


def compare(rnn: RNN, x: Tensor, state: tuple[Tensor, ...] = (), **arguments: Any) -> None:
    """Native in both types against the plain loop in float64, from the same numbers and the same seed."""
    runs = {}
    for backend, dtype in [("reference", torch.float64), *(("native", dtype) for dtype in TOLERANCES)]:
        converted = copy.deepcopy(rnn).to(dtype)
        converted.backend = backend  # native raises OptionError where it can't run
        torch.manual_seed(1)
        runs[backend, dtype] = measure(converted, x.to(dtype), [s.to(dtype) for s in state], **arguments)
    for dtype, tolerance in TOLERANCES.items():
        found = runs["native", dtype]
        assert all(tensor.dtype == dtype for tensor in found.values())
        require_equal(found, runs["reference", torch.float64], tolerance)


def has_products(name: str) -> bool:
    """Whether the step has a product of the state with a matrix, as the options OF_PRODUCTS need it."""
    return any(product.is_recurrent for product in find_products(make(name).cell))


@pytest.mark.parametrize("name", STRANGERS)
def test_strangers_keep_the_contract(name):
    if name == "orthogonal":
        pytest.skip("torch can't pickle a parametrised module")
    cell, options = STRANGERS[name]
    check_cell(cell, **options)


@pytest.mark.parametrize(("batch", "hidden", "inputs"), [(1, 17, 5), (3, 1, 5), (19, 17, 17), (3, 250, 1)])
@every_cell
def test_every_size(name, batch, hidden, inputs):
    rnn = make(name, inputs, hidden)
    compare(rnn, *draw(rnn, batch=batch))


@pytest.mark.parametrize("steps", [1, 1000])
@every_cell
def test_short_and_long_sequences_from_no_given_state(name, steps):
    rnn = make(name)
    compare(rnn, draw(rnn, steps)[0])


@pytest.mark.parametrize("lengths", [LENGTHS, [0, 0, 0]])
@some_cells
def test_rows_end_at_their_length(name, lengths):
    rnn = make(name)
    compare(rnn, *draw(rnn), lengths=lengths)


@some_cells
def test_resets(name):
    rnn = make(name)
    compare(rnn, *draw(rnn), reset=RESET)


@some_cells
def test_both_directions_of_two_layers(name):
    rnn = make(name, **BOTH)
    compare(rnn, *draw(rnn))


@some_cells
def test_every_state(name):
    rnn = make(name)
    compare(rnn, *draw(rnn), return_states=True)


@every_cell
def test_lengths_resets_directions_layers_and_every_state_at_once(name):
    rnn = make(name, **BOTH)
    compare(rnn, *draw(rnn), lengths=LENGTHS, reset=RESET, return_states=True)


@pytest.mark.parametrize("option", REGULARISERS, ids=lambda option: next(iter(option)))
@some_cells
def test_each_regulariser(name, option):
    rnn = make(name, **option)
    compare(rnn, draw(rnn)[0])


@pytest.mark.parametrize("training", [True, False])
@every_cell
def test_all_regularisers_with_lengths_and_resets(name, training):
    options = {**OF_ALL, **(OF_PRODUCTS if has_products(name) else {})}
    rnn = make(name, num_layers=2, dropout=0.2, input_dropout=0.1, **options).train(training)
    compare(rnn, draw(rnn)[0], lengths=LENGTHS, reset=RESET, return_states=True)
