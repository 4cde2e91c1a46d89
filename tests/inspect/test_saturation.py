"""Shares of saturated steps against counting, and what can't be counted."""

import numpy as np
import pytest
import torch

from seqmodels.errors import InputError
from seqmodels.inspect.saturation import gate_saturation, tanh_saturation


def share(values, unit, is_saturated):
    steps = [float(value) for value in values[..., unit].flatten()]
    return sum(map(is_saturated, steps)) / len(steps)


def test_the_saturated_steps_of_each_unit_are_counted():
    gates = torch.sigmoid(4 * torch.randn(50, 3, 5))
    shares = gate_saturation(gates)
    assert shares.left.tolist() == pytest.approx([share(gates, unit, lambda v: v < 0.1) for unit in range(5)])
    assert shares.right.tolist() == pytest.approx([share(gates, unit, lambda v: v > 0.9) for unit in range(5)])
    assert (shares.left > 0).all()
    assert (shares.left + shares.right <= 1).all()
    values = torch.tanh(2 * torch.randn(50, 3, 5))
    expected = [share(values, unit, lambda v: abs(v) > 0.9) for unit in range(5)]
    assert tanh_saturation(values).tolist() == pytest.approx(expected)


def test_the_limits_themselves_are_not_saturated():
    shares = gate_saturation(np.array([[0.1, 0.9, 0.0, 1.0]]))
    assert shares.left.tolist() == [0, 0, 1, 0]
    assert shares.right.tolist() == [0, 0, 0, 1]
    assert tanh_saturation(np.array([[0.9, -0.9, 0.91, -0.91]])).tolist() == [0, 0, 1, 1]
    assert tanh_saturation(torch.tensor([[0.9, -0.9]])).tolist() == [0, 0]


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_tensors_and_arrays_are_counted_alike(dtype):
    gates = torch.rand(20, 2, 4, dtype=torch.float64).to(dtype).requires_grad_()
    array = gates.detach().double().numpy()
    assert [part.tolist() for part in gate_saturation(gates)] == [part.tolist() for part in gate_saturation(array)]


@pytest.mark.parametrize(
    ("saturation", "values", "part"),
    [
        (gate_saturation, [[-0.2, 0.5]], "gates are from -0.2 to 0.5, not from 0 to 1"),
        (gate_saturation, [[0.2, float("nan")]], "give them after their activation function"),
        (tanh_saturation, [[-3.0, 0.5]], "tanh values are from -3 to 0.5, not from -1 to 1"),
        (gate_saturation, [0.2, 0.5], "have shape [2]; give [steps, units]"),
        (tanh_saturation, np.zeros((0, 3)), "have shape [0, 3]"),
    ],
)
def test_what_cannot_be_counted_is_refused(one_line, saturation, values, part):
    with one_line(InputError, part):
        saturation(np.array(values))
