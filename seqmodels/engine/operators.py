"""The loop as two operators of torch, so that autograd, torch.compile, DDP and AMP see ordinary operations.

A loop is named by its text (text.py): an exported or compiled model holds all it needs to run in another process.
"""

import functools
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from seqmodels.engine import interpret, text
from seqmodels.engine.cuda import device
from seqmodels.engine.cuda.execute import TritonLoop
from seqmodels.engine.directions import Directions, plan_inference, plan_training
from seqmodels.engine.loop import Loop, LoopInputs
from seqmodels.engine.native.execute import NativeLoop
from seqmodels.engine.once import warn_once

KINDS = ("step", "state", "batch", "vector", "matrix")
BY_LOOP = "is computed by a plain loop, which is slower"


@functools.lru_cache(maxsize=512)
def loop_of(key: str) -> Loop:
    """The loop that a key names; for reading, since plans add to the graphs of their own."""
    return text.read(key)


@functools.lru_cache(maxsize=512)
def native_loop(key: str, wanted: str, dtype: torch.dtype) -> NativeLoop:
    """The compiled loop; ``wanted`` has a letter for each input, "g" where its gradient is asked for, or is empty."""
    return NativeLoop(directions_of(key, wanted), dtype)


@functools.lru_cache(maxsize=512)
def triton_loop(key: str, wanted: str, dtype: torch.dtype) -> TritonLoop:
    """The loop for GPUs."""
    return TritonLoop(directions_of(key, wanted), dtype)


def directions_of(key: str, wanted: str) -> Directions:
    """What a loop does, backwards too where gradients are wanted."""
    loop = text.read(key)
    return plan_training(loop, _wanted(loop, wanted)) if wanted else plan_inference(loop)


def _loop_for(key: str, wanted: str, like: Tensor) -> NativeLoop | TritonLoop:
    """What computes a loop on the device of a tensor, in its type."""
    make = triton_loop if device.runs_on(like.device) else native_loop
    return make(key, wanted, like.dtype)


def apply(key: str, steps: int, tensors: Sequence[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """States after every step, each [T, B, size], and after the last, each [B, size].

    Args:
        key: Text of the loop.
        steps: T.
        tensors: Inputs of the loop in order: of every step, states, of the batch, vectors, matrices.
    """
    trains = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)
    wanted = _letters(tensors) if trains else ""
    if _are_ordinary(tensors):
        results = _Direct.apply(key, wanted, steps, *tensors) if wanted else _compute(key, wanted, steps, tensors)
    else:
        results = torch.ops.seqmodels.loop(key, wanted, steps, list(tensors))
    states = len(loop_of(key).states)
    return list(results[:states]), list(results[states : 2 * states])


def _are_ordinary(tensors: Sequence[Tensor]) -> bool:
    """Whether the tensors are real ones and nobody records what is done with them.

    The operators themselves take some 100 us a call, which an autograd.Function saves.
    """
    if torch.compiler.is_compiling() or torch._C._len_torch_dispatch_stack():
        return False
    return all(type(tensor) in (Tensor, nn.Parameter) for tensor in tensors)


def _letters(tensors: Sequence[Tensor]) -> str:
    return "".join("g" if tensor.requires_grad else "." for tensor in tensors)


def _wanted(loop: Loop, letters: str) -> set[tuple[str, int]]:
    sizes: tuple[list, ...] = (loop.steps, loop.states, loop.batches, loop.vectors, loop.matrices)
    names = [(kind, index) for kind, each in zip(KINDS, sizes, strict=True) for index in range(len(each))]
    return {name for name, letter in zip(names, letters, strict=True) if letter == "g"}


def _compute(key: str, wanted: str, steps: int, tensors: Sequence[Tensor]) -> list[Tensor]:
    """States after every step, and after the last, and what the way back needs."""
    loop = _loop_for(key, wanted, tensors[0])
    new, kept = loop.forward(LoopInputs.of(loop.loop, tensors), steps, save=bool(wanted))
    return [*new, *(sequence[-1].clone() for sequence in new), *(kept if wanted else ())]


@torch.library.custom_op("seqmodels::loop", mutates_args=())
def _loop(key: str, wanted: str, steps: int, tensors: Sequence[Tensor]) -> list[Tensor]:
    return _compute(key, wanted, steps, tensors)


@_loop.register_fake
def _(key: str, wanted: str, steps: int, tensors: Sequence[Tensor]) -> list[Tensor]:
    loop = loop_of(key)
    like = tensors[len(loop.steps)]  # the first state
    results = [like.new_empty(steps, like.shape[0], size) for size in loop.states]
    results += [like.new_empty(like.shape[0], size) for size in loop.states]
    if wanted:
        made = _loop_for(key, wanted, like)
        results += [like.new_empty(steps, like.shape[0], made.padded(w)) for w in made.directions.saved]
    return results


def _compute_backward(
    key: str,
    wanted: str,
    tensors: Sequence[Tensor],
    new: Sequence[Tensor],
    kept: Sequence[Tensor],
    incoming: Sequence[Tensor | None],
    final: Sequence[Tensor | None],
) -> list[Tensor]:
    made = _loop_for(key, wanted, new[0])
    incoming = [None if gradient is None else gradient.contiguous() for gradient in incoming]
    names = _wanted(made.loop, wanted)
    found = made.backward(LoopInputs.of(made.loop, tensors), new, kept, incoming, final, names)
    everything = [*found.steps, *found.states, *found.batches, *found.vectors, *found.matrices]
    return [gradient for gradient, letter in zip(everything, wanted, strict=True) if letter == "g"]


@torch.library.custom_op("seqmodels::loop_backward", mutates_args=())
def _loop_backward(
    key: str,
    wanted: str,
    tensors: Sequence[Tensor],
    new: Sequence[Tensor],
    kept: Sequence[Tensor],
    incoming: Sequence[Tensor | None],
    final: Sequence[Tensor | None],
) -> list[Tensor]:
    return _compute_backward(key, wanted, tensors, new, kept, incoming, final)


@_loop_backward.register_fake
def _(
    key: str,
    wanted: str,
    tensors: Sequence[Tensor],
    new: Sequence[Tensor],
    kept: Sequence[Tensor],
    incoming: Sequence[Tensor | None],
    final: Sequence[Tensor | None],
) -> list[Tensor]:
    first_matrix = len(tensors) - len(loop_of(key).matrices)
    return [
        _like(tensor, is_matrix=index >= first_matrix)
        for index, (tensor, letter) in enumerate(zip(tensors, wanted, strict=True))
        if letter == "g"
    ]


def _like(tensor: Tensor, is_matrix: bool) -> Tensor:
    """A gradient is contiguous, but for that of a matrix whose columns are."""
    if is_matrix and tensor.stride(0) == 1:
        return tensor.new_empty(tensor.shape[::-1]).t()
    return tensor.new_empty(tensor.shape)


def _remember(ctx: Any, inputs: tuple, output: Sequence[Tensor]) -> None:
    ctx.key, wanted, ctx.steps, tensors = inputs
    asked = _letters(tensors)
    # An exported model may be asked for other gradients than where it was exported.
    ctx.is_prepared = bool(wanted) and all(a == "." or w == "g" for a, w in zip(asked, wanted, strict=True))
    ctx.wanted = wanted if ctx.is_prepared else asked
    ctx.counts = len(tensors), len(loop_of(ctx.key).states)
    ctx.set_materialize_grads(False)
    states = ctx.counts[1]
    ctx.save_for_backward(*tensors, *output[:states], *output[2 * states :])


def _backward(ctx: Any, gradients: list[Tensor | None]) -> tuple:
    count, states = ctx.counts
    saved = list(ctx.saved_tensors)
    tensors, new, kept = saved[:count], saved[count : count + states], saved[count + states :]
    incoming, final = gradients[:states], gradients[states : 2 * states]
    found: Sequence[Tensor | None]
    if torch.is_grad_enabled():  # a gradient of this gradient may be asked for
        warn_once(f"a gradient that can be differentiated again {BY_LOOP}")
    elif not ctx.is_prepared:
        warn_once(f"a gradient that an exported model was not asked for {BY_LOOP}")
    if torch.is_grad_enabled() or not ctx.is_prepared:
        found = _by_torch(ctx.key, ctx.wanted, ctx.steps, tensors, [*incoming, *final])
    else:
        ordinary = _are_ordinary(new) and _are_ordinary([g for g in gradients if g is not None])
        compute = _compute_backward if ordinary else torch.ops.seqmodels.loop_backward
        found = compute(ctx.key, ctx.wanted, tensors, new, kept, incoming, final)
    following = iter(found)
    return None, None, None, [next(following) if letter == "g" else None for letter in ctx.wanted]


def _by_torch(
    key: str, wanted: str, steps: int, tensors: Sequence[Tensor], gradients: Sequence[Tensor | None]
) -> list[Tensor | None]:
    """The gradients by torch's own operations, which can be differentiated again if gradients are enabled."""
    is_asked_again = torch.is_grad_enabled()
    with torch.enable_grad():
        tensors = [tensor.view_as(tensor) for tensor in tensors]  # one may have been computed from another
        new, final = interpret.run(loop_of(key), tensors, steps)
    given = [(result, g) for result, g in zip([*new, *final], gradients, strict=True) if g is not None]
    asked = [tensor for tensor, letter in zip(tensors, wanted, strict=True) if letter == "g"]
    if not given:
        return [None] * len(asked)
    results, with_respect = zip(*given, strict=True)
    return list(torch.autograd.grad(results, asked, with_respect, create_graph=is_asked_again, allow_unused=True))


class _Direct(torch.autograd.Function):
    """The operator and its gradient, without a way through the dispatcher."""

    @staticmethod
    def forward(ctx: Any, key: str, wanted: str, steps: int, *tensors: Tensor) -> tuple[Tensor, ...]:
        results = _compute(key, wanted, steps, tensors)
        _remember(ctx, (key, wanted, steps, tensors), results)
        return tuple(results[: 2 * ctx.counts[1]])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple:
        *rest, of_tensors = _backward(ctx, list(gradients))
        return *rest, *of_tensors


torch.library.register_autograd("seqmodels::loop", _backward, setup_context=_remember)
