"""Refuses steps that change gradients by hand: the way back is derived from values, and would be another."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction
from torch.overrides import TorchFunctionMode

from seqmodels.engine.graph import Unsupported


class _Watch(TorchFunctionMode):
    """Refuses what leaves no mark in the graph of gradients."""

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func is torch._C._set_grad_enabled and not args[0]:
            raise Unsupported("the step turns gradients off (torch.no_grad); detach() says the same of one value")
        if func is Tensor.register_hook:
            raise Unsupported("the step has hooks on gradients")
        return func(*args, **(kwargs or {}))


def refuse_own_gradients(step: Callable[..., tuple[Tensor, ...]], examples: Sequence[Tensor]) -> None:
    """Runs a step once with gradients, on tensors without values.

    Raises:
        Unsupported: If it turns gradients off, has hooks on them, or an autograd.Function of its own.
    """
    from torch._subclasses.fake_tensor import FakeTensorMode

    with torch.inference_mode(False), torch.enable_grad(), FakeTensorMode():
        tensors = [_blank(example) for example in examples]
        given = [t.requires_grad_().clone() if t.is_floating_point() else t for t in tensors]
        with _Watch():
            outputs = step(*given)
        todo = [output.grad_fn for output in outputs]
        seen: set[Any] = set()
        while todo:
            function = todo.pop()
            if function is not None and function not in seen:
                seen.add(function)
                if isinstance(function, BackwardCFunction):
                    raise Unsupported(f"the step has an autograd.Function of its own ({function.name()})")
                todo += [following for following, _ in function.next_functions]


def _blank(example: Tensor) -> Tensor:
    """One like it, but with gradients to come, which an inference tensor and its copies can't have."""
    return torch.empty_strided(example.shape, example.stride(), dtype=example.dtype, device=example.device)
