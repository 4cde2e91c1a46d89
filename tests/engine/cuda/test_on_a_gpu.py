"""Where there is a GPU: every cell, under every driver that can run it, computes there what the plain loop computes."""

import copy
from typing import Any

import pytest
import torch
from agreement import largest_difference, measure
from foreign_cells import STRANGERS

from seqmodels import RNN
from seqmodels.engine.cuda import choice
from seqmodels.errors import OptionError
from seqmodels.trees import sequence_cells

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")

T, B, INPUTS, H = 9, 19, 12, 40
TOLERANCES = {"float64": 1e-10, "ieee": 2e-5, "tf32": 1e-2, "bfloat16": 8e-2}
GROWING = {"ligru in place": 0.3, "indrnn": 0.3}  # kinks, or nothing that bounds the state
LENGTHS = [T - (row % 5) * 2 if row != 3 else 0 for row in range(B)]
RESETS = torch.tensor([[t == 2 or (t + row) % 5 == 0 for row in range(B)] for t in range(T)])


@pytest.fixture(autouse=True)
def precision_is_restored():
    before = torch.backends.cudnn.allow_tf32
    yield
    torch.backends.cudnn.allow_tf32 = before


def difference(cell: str, kind: str, options: dict[str, Any] | None = None, **arguments: Any) -> float:
    """From the plain loop in float64 on the CPU, relative to the largest entry where that is above 1."""
    source, own = STRANGERS.get(cell, (cell, {}))
    torch.manual_seed(0)
    plain = RNN(source, INPUTS, H, backend="reference", **own, **(options or {})).double()
    x = torch.randn(T, B, INPUTS, dtype=torch.float64)
    expected = measure(plain, x, **arguments)
    dtype = torch.float32 if kind in ("ieee", "tf32") else getattr(torch, kind)
    torch.backends.cudnn.allow_tf32 = kind != "ieee"
    ours = copy.deepcopy(plain).to("cuda", dtype)
    ours.backend = "cuda"
    if "reset" in arguments:
        arguments["reset"] = arguments["reset"].cuda()
    return largest_difference(measure(ours, x.to("cuda", dtype), **arguments), expected)


def attempt(driver: str, cell: str, kind: str, *options: Any, **arguments: Any) -> float:
    """The difference; 0 where a driver can't run a cell, as all but stepwise may: not those of this package."""
    try:
        return difference(cell, kind, *options, **arguments)
    except OptionError:
        must = driver == "stepwise" or (cell in sequence_cells() and kind in ("tf32", "bfloat16"))
        return float("inf") if must else 0.0


@pytest.mark.parametrize("cell", [*sequence_cells(), *STRANGERS])
def test_values_and_gradients(cell, monkeypatch):
    wrong = {}
    for driver in choice.DRIVERS:
        monkeypatch.setenv(choice.VARIABLE, driver)
        for kind, tolerance in TOLERANCES.items():
            found = attempt(driver, cell, kind)
            if not found <= max(tolerance, GROWING.get(cell, 0.0) if kind in ("tf32", "bfloat16") else 0.0):
                wrong[driver, kind] = found
    assert wrong == {}


@pytest.mark.parametrize("cell", ["lstm", "gru", "mut3"])
@pytest.mark.parametrize(
    ("options", "arguments"),
    [
        ({}, {"lengths": LENGTHS, "reset": RESETS, "return_states": True}),
        ({"bidirectional": True, "num_layers": 2}, {}),
        ({"layer_norm": True}, {}),
        ({"zoneout": 0.3}, {"lengths": LENGTHS}),
    ],
    ids=["lengths and resets", "layers and directions", "layer norm", "zoneout"],
)
def test_what_surrounds_a_step(cell, options, arguments, monkeypatch):
    if "zoneout" in options:
        monkeypatch.setattr(torch, "rand", lambda *shape, **how: torch.full(shape, 0.5, **how))  # nothing is kept
    found = {}
    for driver in choice.DRIVERS:
        monkeypatch.setenv(choice.VARIABLE, driver)
        found[driver] = attempt(driver, cell, "tf32", options, **arguments)
    assert {driver: each for driver, each in found.items() if not each <= TOLERANCES["tf32"]} == {}
