"""What a step was lowered to is tried once, on random numbers: it must compute what the step computes.

Lowering goes by shapes. A step that takes the number of rows for a number, or looks across rows in what is computed
for all steps at once, has the right shapes and other values; on a batch of another size that shows.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from seqmodels.engine import interpret
from seqmodels.engine.graph import Unsupported
from seqmodels.engine.loop import Loop
from seqmodels.engine.prelude import Prelude
from seqmodels.engine.trace import Input, Traced, example_type, own_shape, without_autocast

STEPS, ROWS = 2, 3
TOLERANCE = 1e-2  # absolute and relative: a GPU's products may be of TF32
REASON = "the step depends on the number of rows, or looks across them"
SPREAD = 0.1  # what is added to parameters, as zeros would hide much


def verify(traced: Traced, loop: Loop, prelude: Prelude) -> None:
    """Raises Unsupported unless loop and prelude compute, over two steps of three rows, what the traced step does."""
    device = traced.inputs.x.device
    with without_autocast(device.type):
        generator = torch.Generator(device).manual_seed(0)
        tensors = [_random(item, generator) for item in traced.inputs]
        is_double = any(tensor.dtype is torch.float64 for tensor in tensors)
        dtype = torch.float64 if is_double else torch.float32  # as programs compute
        try:
            given = [tensor.to(device, dtype) for tensor in prelude(tensors, STEPS, ROWS)]
            found, _ = interpret.run(loop, given, STEPS)
        except Exception as error:  # of any kind, from operations on other shapes than those of the trace
            raise Unsupported(REASON) from error
        for t, expected in enumerate(_by_step(traced, tensors)):
            for sequence, state in zip(found, expected, strict=True):
                if not torch.allclose(sequence[t].to(state.dtype), state, TOLERANCE, TOLERANCE, equal_nan=True):
                    raise Unsupported(REASON)


def _by_step(traced: Traced, tensors: list[Tensor]) -> Iterator[tuple[Tensor, ...]]:
    """The states after each step, by the step itself."""
    kinds = [item.kind for item in traced.inputs]
    state = [tensor for kind, tensor in zip(kinds, tensors, strict=True) if kind == "state"]
    for t in range(STEPS):
        following = iter(state)
        given = [
            tensor[t] if kind == "step" else next(following) if kind == "state" else tensor
            for kind, tensor in zip(kinds, tensors, strict=True)
        ]
        try:
            state = list(traced.step(*given))
        except Exception as error:  # whatever a stranger's step raises
            raise Unsupported(REASON) from error
        yield tuple(state)


def _random(item: Input, generator: torch.Generator) -> Tensor:
    """A tensor of the form of an input; parameters near their values, so that what holds of them still does."""
    shape = own_shape(item)
    if item.kind != "parameter":
        shape = (STEPS, ROWS, *shape) if item.kind == "step" else (ROWS, *shape)
    dtype, device = example_type(item), item.tensor.device
    noise = torch.randn(shape, generator=generator, dtype=torch.float32, device=device)
    if item.kind != "parameter":
        return noise > 0 if dtype == torch.bool else noise.to(dtype)
    # Under torch.compile tensors have no values.
    has_values = type(item.tensor) in (Tensor, nn.Parameter) and not torch._is_functional_tensor(item.tensor)
    value = item.tensor.detach().to(dtype) if has_values else torch.zeros(shape, dtype=dtype, device=device)
    return value + SPREAD * noise.to(dtype) if dtype.is_floating_point else value
