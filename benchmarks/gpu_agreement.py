"""Does a cell compute on a GPU what the plain loop computes on the CPU in float64? Values and gradients."""

import copy
import math
import os
from collections.abc import Mapping, Sequence
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
AT_SIZE = "the chosen one"  # at the sizes that are timed


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
        dtype = torch.float32 if name.startswith("float32") else getattr(torch, name)
        ours = copy.deepcopy(plain).to(device, dtype)
        ours.backend = "cuda"
        try:
            torch.backends.cudnn.allow_tf32 = name != "float32"
            with set_variable(VARIABLE, driver), set_variable("SEQMODELS_CUDA_GRAPHS", str(int(graphs))):
                results = values_and_gradients(ours, x.to(device, dtype), [state.to(device, dtype) for state in states])
            found[name] = worst([distance(a.cpu().double(), b) for a, b in zip(results, expected, strict=True)])
        except OptionError:
            found[name] = None
        finally:
            torch.backends.cudnn.allow_tf32 = True
    return found


def difference_at(cell: str, shape: Shape, dtype: torch.dtype) -> float | None:
    """Of the driver that is chosen for a shape from the step-by-step one on the same GPU, in the same type.

    What kernels read before another program has written it is NaN.
    """
    torch.manual_seed(0)
    rnn = RNN(cell_sources()[cell], shape.size, shape.size, backend="cuda").to("cuda", dtype)
    x = torch.randn(shape, device="cuda", dtype=dtype)
    states = [torch.randn(1, shape.batch, size, device="cuda", dtype=dtype) for size in rnn.cell.state_sizes]
    with set_variable(VARIABLE, "stepwise"):
        expected = values_and_gradients(rnn, x, states)
    for factor in (1, 1, 1, 2, 4, 8):  # what is allocated next lies where these did
        torch.full((shape.steps, shape.batch, factor * shape.size), math.nan, device="cuda", dtype=dtype)
    found = values_and_gradients(rnn, x, states)
    return worst([distance(a.double(), b.double()) for a, b in zip(found, expected, strict=True)])


def worst(differences: Sequence[float | None]) -> float | None:
    """The largest difference, NaN if there is one; None where no driver could run."""
    found = [each for each in differences if each is not None]
    return max(found, key=lambda each: math.inf if math.isnan(each) else each, default=None)


def is_wrong(found: Mapping[str, float | None], mode: str) -> bool:
    """Whether a difference is beyond what its type allows; NaN is. The stepwise driver must run any cell."""
    if mode.startswith("stepwise") and None in found.values():
        return True
    return any(value is not None and not value <= TOLERANCES[name] for name, value in found.items())


def set_variable(name: str, value: str) -> Any:
    """Sets a variable of the environment within a with statement."""
    return mock.patch.dict(os.environ, {name: value})
