"""How often gates are all but shut or open, and tanh values all but -1 or 1: the steps of a unit that are saturated."""

from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from seqmodels.errors import InputError

GATE_MARGIN = 0.1
TANH_LIMIT = 0.9

Values = Float[np.ndarray, "*steps U"] | Float[Tensor, "*steps U"]


class GateSaturation(NamedTuple):
    """The shares of steps, from 0 to 1, in which each of U gates is saturated; left and right add up to at most 1."""

    left: Float[Tensor, " U"]
    """Below 0.1, all but shut. A forget gate that is left-saturated keeps nothing: the unit doesn't look back."""
    right: Float[Tensor, " U"]
    """Above 0.9, all but open. A forget gate that is right-saturated keeps the unit's value for long."""


def gate_saturation(gates: Values) -> GateSaturation:
    """The shares of steps in which each gate is left saturated, below 0.1, and right saturated, above 0.9.

    Args:
        gates: Values from 0 to 1 of U gates; steps, and sequences, in the dimensions before. No padding: it would
            count as steps.

    Raises:
        InputError: No steps, or values outside of 0 to 1.

    Source: Karpathy, Johnson and Fei-Fei 2015, "Visualizing and understanding recurrent networks", Figure 3, which
    has a point for every gate, ``left`` by ``right``.

    Example:
        >>> shares = gate_saturation(np.array([[0.05, 0.95], [0.5, 0.95]]))
        >>> shares.left.tolist(), shares.right.tolist()
        ([0.5, 0.0], [0.0, 1.0])
    """
    values = _steps_of_units(gates, "gates", 0.0)
    return GateSaturation(_share(values < GATE_MARGIN), _share(values > 1 - GATE_MARGIN))


def tanh_saturation(values: Values) -> Float[Tensor, " U"]:
    """The share of steps in which each tanh value is saturated, above 0.9 or below -0.9.

    Args:
        values: From -1 to 1, of U units; steps, and sequences, in the dimensions before, without padding.

    Raises:
        InputError: No steps, or values outside of -1 to 1.

    Example:
        >>> tanh_saturation(torch.tensor([[0.95, -0.5], [-0.95, 0.95]])).tolist()
        [1.0, 0.5]
    """
    return _share(_steps_of_units(values, "tanh values", -1.0).abs() > TANH_LIMIT)


def _share(saturated: Bool[Tensor, "N U"]) -> Float[Tensor, " U"]:
    return saturated.float().mean(0)


def _steps_of_units(values: Values, what: str, lowest: float) -> Float[Tensor, "N U"]:
    tensor = torch.as_tensor(values).detach().cpu()
    if tensor.ndim < 2 or not tensor.numel():
        raise InputError(f"{what} have shape {list(tensor.shape)}; give [steps, units], one step and one unit or more")
    if not ((tensor >= lowest) & (tensor <= 1)).all():
        raise InputError(
            f"{what} are from {tensor.min():.4g} to {tensor.max():.4g}, not from {lowest:g} to 1; give them after "
            "their activation function"
        )
    return tensor.flatten(0, -2)
