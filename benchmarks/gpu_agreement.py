"""Does a cell compute on a GPU what the plain loop computes on the CPU in float64? Values and gradients."""

import copy
import os
from typing import Any
from unittest import mock

import torch
from engine_cells import cell_sources
from measure import Shape, distance, values_and_gradients

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


def differences(cell: str, mode: str, shape: Shape, device: str) -> dict[str, float | None]:
    """Of each type the largest difference from the plain loop; None where the driver can't run the cell."""
    torch.manual_seed(0)
    plain = RNN(cell_sources()[cell], shape.size, shape.size, backend="reference").double()
    x = torch.randn(shape, dtype=torch.float64)
    states = [torch.randn(1, shape.batch, size, dtype=torch.float64) for size in plain.cell.state_sizes]
    expected = values_and_gradients(plain, x, states)
    driver, graphs = MODES[mode]
    found: dict[str, float | None] = {}
    for name in TOLERANCES:
        torch.backends.cudnn.allow_tf32 = name != "float32"
        dtype = torch.float32 if name.startswith("float32") else getattr(torch, name)
        ours = copy.deepcopy(plain).to(device, dtype)
        ours.backend = "cuda"
        try:
            with set_variable(VARIABLE, driver), set_variable("SEQMODELS_CUDA_GRAPHS", str(int(graphs))):
                results = values_and_gradients(ours, x.to(device, dtype), [state.to(device, dtype) for state in states])
            found[name] = max(distance(a.cpu().double(), b) for a, b in zip(results, expected, strict=True))
        except OptionError:
            found[name] = None
    torch.backends.cudnn.allow_tf32 = True
    return found


def is_wrong(found: dict[str, float | None], mode: str) -> bool:
    """Whether a difference is beyond what its type allows; NaN is. The stepwise driver must run any cell."""
    if MODES[mode][0] == "stepwise" and None in found.values():
        return True
    return any(value is not None and not value <= TOLERANCES[name] for name, value in found.items())


def set_variable(name: str, value: str) -> Any:
    """Sets a variable of the environment within a with statement."""
    return mock.patch.dict(os.environ, {name: value})
