"""One step in, a whole sequence out. :func:`run` is the only door."""

import functools
import warnings
from typing import Literal, get_args

import torch

from seqmodels.engine import generated, interception, opaque, reference, vendor
from seqmodels.engine.interception import intercept
from seqmodels.engine.layer_pass import LayerPass, LayerResult, within_lengths
from seqmodels.engine.opaque import StepModules
from seqmodels.engine.products import Product, find_products
from seqmodels.errors import OptionError

Backend = Literal["auto", "reference", "native", "vendor"]
BACKENDS: tuple[str, ...] = get_args(Backend)

__all__ = [
    "BACKENDS",
    "Backend",
    "LayerPass",
    "LayerResult",
    "Product",
    "StepModules",
    "check_backend",
    "find_products",
    "intercept",
    "refusals",
    "run",
    "within_lengths",
]


def check_backend(backend: str) -> None:
    """Raises OptionError unless it is the name of a backend."""
    if backend not in BACKENDS:
        raise OptionError(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r}")


def run(layer: LayerPass, backend: str = "auto") -> LayerResult:
    """Runs one layer in one direction over a sequence.

    Args:
        layer: What to compute.
        backend: "reference": the plain loop; "native": generated code for the CPU; "vendor": torch's kernel, if the
            cell equals one of torch's modules; "auto": the first of native, vendor and reference that can. A single
            step is the cell's own in any case but "native".

    Raises:
        OptionError: If the backend that is asked for can't compute this; says why.
    """
    check_backend(backend)
    if not torch.compiler.is_compiling() and (instead := interception.runner.get()) is not None:
        with intercept(None):
            return instead(layer, backend)
    layer = layer.without_padding()
    if backend == "reference":
        return reference.run(layer)
    if torch.compiler.is_compiling():
        return opaque.run(layer, backend)
    program = None
    # Packing the matrices costs as much as a single step.
    if backend == "native" or (backend == "auto" and len(layer.input) > 1):
        program = generated.prepare(layer)
        if not isinstance(program, str):
            return generated.run(layer, program)
    reason = program if backend == "native" else vendor.refusal(layer)
    if reason is None:
        return vendor.run(layer)
    if backend != "auto":
        raise OptionError(f"backend={backend!r} can't run this: {reason}; use backend='auto'")
    if program is not None:
        _say_once(type(layer.cell).__name__, program)
    return reference.run(layer)


def refusals(layer: LayerPass) -> dict[str, str | None]:
    """Of each backend that can't take every layer: why it can't take this one, or None."""
    return {"native": generated.refusal(layer), "vendor": vendor.refusal(layer)}


@functools.cache
def _say_once(cell: str, reason: str) -> None:
    warnings.warn(f"{cell} runs as a plain loop, which is slower: {reason}", stacklevel=2)
