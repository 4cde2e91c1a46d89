"""One step in, a whole sequence out. :func:`run` is the only door."""

from importlib import import_module
from typing import Literal, get_args

import torch
from torch import Tensor

from seqmodels import strangers
from seqmodels.engine import generated, interception, reference, vendor
from seqmodels.engine.generated import backend_of
from seqmodels.engine.interception import intercept
from seqmodels.engine.layer_pass import LayerPass, LayerResult, within_lengths
from seqmodels.engine.native.build import NoCompiler
from seqmodels.engine.once import warn_once
from seqmodels.engine.products import Product, find_products
from seqmodels.engine.settings import plain_settings
from seqmodels.engine.step_modules import StepModules
from seqmodels.errors import OptionError

Backend = Literal["auto", "reference", "native", "vendor", "cuda"]
BACKENDS: tuple[str, ...] = get_args(Backend)

__all__ = [
    "BACKENDS",
    "Backend",
    "LayerPass",
    "LayerResult",
    "Product",
    "StepModules",
    "backend_of",
    "check_backend",
    "find_products",
    "intercept",
    "plain_settings",
    "refusals",
    "run",
    "within_lengths",
]


def check_backend(backend: str) -> None:
    """Raises OptionError unless it is the name of a backend."""
    if backend not in BACKENDS:
        raise OptionError(f"backend must be one of {', '.join(BACKENDS)}, not {backend!r}")


def get_ready(backend: str) -> None:
    """Imports what tracing a step needs, torch's Dynamo, so that the second it takes is not the first call's."""
    if backend not in ("reference", "vendor"):
        import_module("torch._dynamo")


def run(layer: LayerPass, backend: str = "auto") -> LayerResult:
    """Runs one layer in one direction over a sequence.

    Args:
        layer: What to compute.
        backend: "reference": the plain loop; "native": generated code for the CPU; "vendor": torch's kernel, if the
            cell equals one of torch's modules; "cuda": generated code for GPUs; "auto": the first that can, on the CPU
            of native, vendor and reference, elsewhere of cuda, vendor and reference; of a single step, for which the
            matrices would have to be packed, of vendor and reference.

    Raises:
        OptionError: If the backend that is asked for can't compute this; says why.
        CellError: If the step fails.
    """
    check_backend(backend)
    if not torch.compiler.is_compiling() and (instead := interception.runner.get()) is not None:
        with intercept(None):
            return instead(layer, backend)
    layer = layer.without_padding()
    if backend == "reference":
        return _plain_loop(layer)
    if torch.compiler.is_compiling():
        from seqmodels.engine import opaque

        return opaque.run(layer, backend)
    reason = ""
    for name in _order(layer) if backend == "auto" else (backend,):
        found = _attempt(layer, name)
        if isinstance(found, LayerResult):
            return _as_given(layer, found) if backend == "auto" else found
        reason = found if name != "vendor" or backend == "vendor" else reason
    if backend != "auto":
        raise OptionError(f"backend={backend!r} can't run this: {reason}; use backend='auto'")
    result = _plain_loop(layer)
    if reason:  # after it: a step that fails is not slow
        warn_once(f"{type(layer.cell).__name__} runs as a plain loop, which is slower: {reason}")
    return _as_given(layer, result)


def _as_given(layer: LayerPass, result: LayerResult) -> LayerResult:
    """In the types of input and state, as from generated code, where autocast has made torch's operations give others.

    What "auto" gives is then the same whatever computes it: a single step, or a whole sequence.
    """
    device = layer.input.device.type
    if not torch.is_autocast_enabled(device):
        return result
    narrow, dtype = torch.get_autocast_dtype(device), layer.input.dtype

    def wide(tensor: Tensor, like: torch.dtype) -> Tensor:
        return tensor.to(like) if tensor.dtype is narrow else tensor

    return LayerResult(
        wide(result.output, dtype),
        tuple(wide(new, old.dtype) for new, old in zip(result.state, layer.state, strict=True)),
        None if result.states is None else tuple(wide(sequence, dtype) for sequence in result.states),
    )


def _plain_loop(layer: LayerPass) -> LayerResult:
    if torch.compiler.is_compiling():  # Dynamo looks into this
        return reference.run(layer)
    with strangers.one_line(type(layer.cell), "step"):
        return reference.run(layer)


def _order(layer: LayerPass) -> tuple[str, ...]:
    """The backends that "auto" tries before the plain loop."""
    if len(layer.input) <= 1:  # packing the matrices costs as much as a single step
        return ("vendor",)
    return generated.order(layer.input.device)


def _attempt(layer: LayerPass, backend: str) -> LayerResult | str:
    """What a backend gives, or why it can't."""
    if backend == "vendor":
        return vendor.refusal(layer) or vendor.run(layer)
    if (refusal := generated.wrong_device(layer, backend)) is not None:
        return refusal
    program = generated.prepare(layer)
    try:
        return program if isinstance(program, str) else generated.run(layer, program)
    except NoCompiler as error:  # it fails on this cell's code alone
        return str(error)


def refusals(layer: LayerPass) -> dict[str, str | None]:
    """Of each backend that can't take every layer: why it can't take this one, or None."""
    found = {name: generated.refusal(layer, name) for name in ("native", "cuda")}
    return {"native": found["native"], "vendor": vendor.refusal(layer), "cuda": found["cuda"]}
