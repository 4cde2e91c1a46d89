"""Every cell computes its paper's equations, as written down anew in NumPy; and the equations tell cells apart."""

import equations
import numpy as np
import pytest
import torch
from torch import Tensor

from seqmodels import RNN, Cell
from seqmodels.plugins.gru import GRU
from seqmodels.plugins.mut1 import MUT1
from seqmodels.plugins.mut2 import MUT2
from seqmodels.plugins.mut3 import MUT3

T, B = 4, 3
CELLS = ("elman", "lstm", "peephole", "coupled", "gru", "mut1", "mut2", "mut3")
VARIANTS = [
    ("elman", 3, {}),
    ("elman", 3, {"nonlinearity": "relu"}),
    ("lstm", 3, {}),
    ("lstm", 3, {"forget_bias": 3.0}),
    ("peephole", 3, {}),
    ("peephole", 3, {"peepholes": "diagonal"}),
    ("coupled", 3, {}),
    ("gru", 3, {}),
    ("gru", 3, {"reset": "after"}),
    ("mut1", 3, {}),
    ("mut1", 5, {}),
    ("mut2", 3, {}),
    ("mut2", 5, {}),
    ("mut3", 3, {}),
    ("mut3", 5, {}),
    ("gru", 3, {"reset": "after", "bias": False}),
    *((name, 3, {"bias": False}) for name in CELLS),
]


def largest_difference(name: str, rnn: RNN, **options) -> float:
    """Between an RNN and the equations with its parameters, in outputs and final states."""
    cell = rnn.double().cell
    x = torch.randn(T, B, cell.input_size, dtype=torch.float64)
    state = tuple(torch.randn(1, B, cell.hidden_size, dtype=torch.float64) for _ in cell.state_names)
    output, final = rnn(x, state)
    wanted, wanted_final = equations.run(name, cell, x.numpy(), tuple(s[0].numpy() for s in state), **options)
    pairs = zip((output, *cell.pack_state(final)), (wanted, *wanted_final), strict=True)
    return max(np.abs(found.detach().numpy() - expected).max() for found, expected in pairs)


@pytest.mark.parametrize("backend", ["reference", "auto"])
@pytest.mark.parametrize(("name", "input_size", "options"), VARIANTS)
def test_cell_computes_its_equations(name, input_size, options, backend):
    rnn = RNN(name, input_size, 5, backend=backend, **options)
    assert largest_difference(name, rnn, **options) < 1e-12


@pytest.mark.parametrize("name", ["mut1", "mut2"])
def test_projection_exists_only_where_sizes_differ(name):
    assert not list(RNN(name, 5, 5).cell.P.parameters())
    assert [p.shape for p in RNN(name, 3, 5).cell.P.parameters()] == [(5, 3)]


class SwappedGRU(GRU):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        x_r, x_z, x_new = self.W_x(x).chunk(3, -1)
        h_r, h_z = self.W_h(h).chunk(2, -1)
        r, z = torch.sigmoid(x_z + h_z), torch.sigmoid(x_r + h_r)
        return (1 - z) * h + z * torch.tanh(x_new + self.W_hh(r * h))


class SwappedMUT1(MUT1):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        z = torch.sigmoid(self.W_xz(x))
        return torch.tanh(self.W_hh(z * h) + torch.tanh(self.P(x))) * z + h * (1 - z)


class SwappedMUT2(MUT2):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        z = torch.sigmoid(self.W_xz(x) + self.W_hz(h))
        return torch.tanh(self.W_hh(z * h) + self.W_xh(x)) * z + h * (1 - z)


class SwappedMUT3(MUT3):
    def step(self, x: Tensor, h: Tensor) -> Tensor:
        z = torch.sigmoid(self.W_xz(x) + self.W_hz(torch.tanh(h)))
        return torch.tanh(self.W_hh(z * h) + self.W_xh(x)) * z + h * (1 - z)


@pytest.mark.parametrize(
    ("name", "swapped"), [("gru", SwappedGRU), ("mut1", SwappedMUT1), ("mut2", SwappedMUT2), ("mut3", SwappedMUT3)]
)
def test_z_in_the_place_of_r_is_caught(name: str, swapped: type[Cell]):
    assert largest_difference(name, RNN(swapped, 3, 5)) > 1e-3


@pytest.mark.parametrize("name", CELLS)
def test_a_cell_without_biases_has_none(name):
    assert [key for key, _ in RNN(name, 3, 5, bias=False).named_parameters() if key.endswith("bias")] == []
