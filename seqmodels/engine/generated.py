"""All passes for one layer: from its step to operators, remembered as long as the cell lives."""

import functools
import os
import threading
import weakref
from dataclasses import dataclass

import torch
from torch import Tensor
from torch._guards import tracing
from torch.autograd import forward_ad
from torch.autograd.graph import saved_tensors_hooks
from torch.utils._python_dispatch import _disable_current_modes

from seqmodels.cell import Cell
from seqmodels.engine import operators, text
from seqmodels.engine.columns import Columns
from seqmodels.engine.cuda import device as triton
from seqmodels.engine.graph import Unsupported
from seqmodels.engine.layer_pass import LayerPass, LayerResult, within_lengths
from seqmodels.engine.loop import Loop
from seqmodels.engine.native import build, execute
from seqmodels.engine.native.build import NoCompiler
from seqmodels.engine.prelude import Prelude
from seqmodels.engine.settings import plain_settings
from seqmodels.engine.sharing import share_products
from seqmodels.engine.trace import Inputs, trace, without_autocast
from seqmodels.engine.verification import verify
from seqmodels.engine.whole_step import zoneout_masks

MOST_PROGRAMS = 64  # of a cell, for all types, devices, options and settings
NARROW = (torch.bfloat16, torch.float16)
_tracing = threading.RLock()  # torch.fx changes nn.Module while it traces, and must be done before another begins
_programs: "weakref.WeakKeyDictionary[Cell, dict[tuple, Program | str]]" = weakref.WeakKeyDictionary()


def _renew_the_lock() -> None:
    """A child that was forked while another thread traced would wait for ever."""
    global _tracing
    _tracing = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_the_lock)


@dataclass
class Program:
    """What a layer comes to."""

    loop: Loop
    key: str
    prelude: Prelude


def backend_of(device: torch.device) -> str | None:
    """Which backend generates code for a device, if one does."""
    if triton.runs_on(device):
        return "cuda"
    return "native" if device.type == "cpu" else None


def order(device: torch.device) -> tuple[str, ...]:
    """The backends that "auto" tries on a device before the plain loop."""
    return ("native", "vendor") if device.type == "cpu" else ("cuda", "vendor")


def refusal(layer: LayerPass, backend: str = "native") -> str | None:
    """Why a backend's generated code doesn't compute this, or None if it does."""
    prepared = wrong_device(layer, backend) or prepare(layer)
    return prepared if isinstance(prepared, str) else None


def wrong_device(layer: LayerPass, backend: str) -> str | None:
    """Says so if a backend generates no code for the device of a layer."""
    device = layer.input.device
    if (other := backend_of(device)) is None:
        return f"no code is generated for tensors on {device.type}"
    return None if other == backend else f"tensors on {device.type} are for backend={other!r}"


def prepare(layer: LayerPass) -> Program | str:
    """The program that computes this on its device, or why there is none."""
    backend = backend_of(layer.input.device)
    if backend is None:
        return f"no code is generated for tensors on {layer.input.device.type}"
    tensors = (layer.input, *layer.state, *layer.parameters.values())
    if torch._C._are_functorch_transforms_active():
        return "vmap and transforms of torch.func need the step itself"
    if not torch.compiler.is_compiling() and any(forward_ad.unpack_dual(t).tangent is not None for t in tensors):
        return "forward-mode derivatives need the step itself"
    if layer.has_hooks:
        return "hooks of the cell's modules want to be called at every step"
    program = program_of(layer)
    problem = triton.problem(layer.input.device) if backend == "cuda" else _compile_problem()
    return program if isinstance(program, str) else problem or program


def run(layer: LayerPass, program: Program) -> LayerResult:
    """Runs the generated code that prepare(layer) gave."""
    real = None if layer.lengths is None else within_lengths(layer.lengths, layer.input.shape[0])
    inputs = Inputs.of(layer, real, zoneout_masks(layer))
    device = layer.input.device
    dtype = _triton_type(inputs, program.loop) if triton.runs_on(device) else _compute_type(inputs)
    steps, batch = layer.input.shape[:2]
    with without_autocast(device.type):
        tensors = [_converted(item.tensor, dtype) for item in inputs]
        given = [_placed(tensor, device, dtype) for tensor in program.prelude(tensors, steps, batch)]
        new, final = operators.apply(program.key, steps, given)
    states = tuple(sequence.to(layer.input.dtype) for sequence in new)
    state = tuple(tensor.to(old.dtype) for tensor, old in zip(final, layer.state, strict=True))
    return LayerResult(layer.output(states), state, states if layer.every_state else None)


def program_of(layer: LayerPass) -> Program | str:
    """The program of a layer, or why there is none."""
    known, signature = _programs.setdefault(layer.cell, {}), _signature(layer)
    program = known.get(signature)
    if program is None and len(known) >= MOST_PROGRAMS:
        return f"it has been changed {MOST_PROGRAMS} times, which is a program each; a buffer may change as it will"
    if program is None:
        # torch.compile and torch.export come here while they trace, with sizes that are symbols.
        with _tracing, _disable_current_modes(), tracing(None), saved_tensors_hooks(_itself, _itself):
            program = known.get(signature) or known.setdefault(signature, _make(layer))
    return program


def _itself(tensor: Tensor) -> Tensor:
    """What a trace saves is not for hooks around the call: checkpoint counts what each of its two passes saves."""
    return tensor


def _make(layer: LayerPass) -> Program | str:
    reason = ""
    for decompose, multiply in ((False, True), (True, True), (False, False)):
        try:
            traced = trace(layer, decompose, multiply)
            columns = Columns(traced.graph, traced.kinds, traced.rows)
            columns.loop.narrow = layer.has_narrow_products
            share_products(columns.loop)
            prelude = Prelude(traced.graph, columns)
            verify(traced, columns.loop, prelude)
            return Program(columns.loop, text.write(columns.loop), prelude)
        except Unsupported as error:
            reason = reason or str(error)
    return reason


def _signature(layer: LayerPass) -> tuple:
    """All that a program depends on: not the sizes of time and batch, nor any value of a tensor."""
    cell = layer.cell
    return (
        layer.input.dtype,
        layer.input.device,  # a step that makes tensors makes them there
        layer.has_narrow_products,
        int(layer.input.shape[2]),  # a symbol under torch.compile
        layer.lengths is not None,
        layer.reset is not None,
        layer.zoneout,
        layer.training and any(layer.zoneout),
        tuple(layer.operand_masks),
        tuple(layer.weight_masks),
        tuple([(index, plain_settings(norm)) for index, norm in layer.norms.items()]),
        tuple([(name, tensor.shape, tensor.dtype) for name, tensor in layer.parameters.items()]),
        type(cell).step,
        plain_settings(cell),
    )


def _compute_type(inputs: Inputs) -> torch.dtype:
    types = {item.tensor.dtype for item in inputs if item.tensor.is_floating_point()}
    return torch.float64 if torch.float64 in types else torch.float32


def _triton_type(inputs: Inputs, loop: Loop) -> torch.dtype:
    """Of what kernels read and write; what is narrower than float32 they compute in float32."""
    types = {item.tensor.dtype for item in inputs if item.tensor.is_floating_point()}
    device = inputs.x.device.type
    if torch.float64 not in types and torch.is_autocast_enabled(device):
        types = {torch.get_autocast_dtype(device)}
    # The place of a maximum is found again on the way back, which rounding would hide.
    is_rounded = len(types) == 1 and types <= set(NARROW) and all(node.op != "amax" for node in loop.graph.nodes)
    return types.pop() if is_rounded else _compute_type(inputs)


def _placed(tensor: Tensor, device: torch.device, dtype: torch.dtype) -> Tensor:
    """What is computed of numbers that the step makes may lie on the CPU."""
    return tensor if tensor.dtype is dtype and tensor.device == device else tensor.to(device, dtype)


def _converted(tensor: Tensor, dtype: torch.dtype) -> Tensor:
    return tensor.to(dtype) if tensor.dtype is not dtype and tensor.is_floating_point() else tensor


def _compile_problem() -> str | None:
    """Why nothing can be compiled, or None."""
    return _problem_of(os.environ.get("SEQMODELS_CC"), os.environ.get("SEQMODELS_ISA"), os.environ.get("PATH"))


@functools.cache
def _problem_of(*settings: str | None) -> str | None:
    try:
        build.target()
        execute.runtime("float32", narrow=False)  # a compiler may be there and fail
    except NoCompiler as error:
        return str(error)
    return None
