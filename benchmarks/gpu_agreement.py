"""Does a cell compute on a GPU what the plain loop computes on the CPU in float64? Values and gradients."""

import copy
import os
from typing import Any, NamedTuple
from unittest import mock

import torch
from contestants import cell_sources
from torch import Tensor

from seqmodels import RNN
from seqmodels.engine.cuda.choice import VARIABLE
from seqmodels.errors import OptionError

TOLERANCES = {"float32": 2e-5, "float32 (TF32)": 1e-2, "bfloat16": 6e-2, "float16": 1e-2}
# The driver, and whether its launches are captured in CUDA graphs.
MODES = {
    "stepwise in graphs": ("stepwise", True),
    "stepwise": ("stepwise", False),
    "persistent": ("persistent", False),
    "cooperative": ("cooperative", False),
}


class Shape(NamedTuple):
    """T, B, and H of both input and state."""

    steps: int
    batch: int
    size: int


def differences(cell: str, mode: str, shape: Shape, device: str) -> dict[str, float | None]:
    """Of each type the largest difference from the plain loop; None where the driver can't run the cell."""
    torch.manual_seed(0)
    plain = RNN(cell_sources()[cell], shape.size, shape.size, backend="reference").double()
    x = torch.randn(shape, dtype=torch.float64)
    expected = _values_and_gradients(plain, x)
    driver, graphs = MODES[mode]
    found: dict[str, float | None] = {}
    for name in TOLERANCES:
        torch.backends.cudnn.allow_tf32 = name != "float32"
        dtype = torch.float32 if name.startswith("float32") else getattr(torch, name)
        ours = copy.deepcopy(plain).to(device, dtype)
        ours.backend = "cuda"
        try:
            with set_variable(VARIABLE, driver), set_variable("SEQMODELS_CUDA_GRAPHS", str(int(graphs))):
                results = _values_and_gradients(ours, x.to(device, dtype))
            found[name] = max(_distance(a.cpu().double(), b) for a, b in zip(results, expected, strict=True))
        except OptionError:
            found[name] = None
    torch.backends.cudnn.allow_tf32 = True
    return found


def is_wrong(found: dict[str, float | None]) -> bool:
    return not all(found[name] is None or found[name] <= allowed for name, allowed in TOLERANCES.items())  # type: ignore[operator]


def set_variable(name: str, value: str) -> Any:
    """Sets a variable of the environment within a with statement."""
    return mock.patch.dict(os.environ, {name: value})


def _values_and_gradients(rnn: RNN, x: Tensor) -> list[Tensor]:
    x = x.clone().requires_grad_()
    output, final = rnn(x)
    results = [output, *rnn.cell.pack_state(final)]
    source = torch.Generator().manual_seed(1)
    weights = [torch.randn(result.shape, generator=source, dtype=torch.float64).to(result) for result in results]
    leaves = [x, *rnn.parameters()]
    results_alone = [result.detach() for result in results]
    return [*results_alone, *torch.autograd.grad(results, leaves, weights, allow_unused=True, materialize_grads=True)]


def _distance(found: Tensor, expected: Tensor) -> float:
    """Relative to the largest entry where that is above 1; NaN counts as infinitely far."""
    if not found.numel():
        return 0.0
    difference = float((found - expected).abs().max() / expected.abs().max().clamp(min=1))
    return difference if difference == difference else float("inf")
