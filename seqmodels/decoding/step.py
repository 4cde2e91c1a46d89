"""What every decoder asks of a model: one token further, over any structure of states."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils import _pytree

from seqmodels.errors import InputError, OptionError

Step = Callable[[Tensor, Any], tuple[Tensor, Any]]
"""``step(tokens [N], state) -> (logits [N, V], state)``; the state is any structure of tensors."""


def select_rows(state: Any, rows: Tensor, batch_dim: Any, count: int) -> Any:
    """The state of other sequences: those of ``rows``, in that order, some perhaps twice.

    Args:
        state: Tuples, lists and dictionaries of tensors; whatever is no tensor, or has no dimensions, stays as it is.
        rows: [M] indices of sequences.
        batch_dim: The dimension that counts sequences: one number for all tensors, or a structure of numbers like
            that of the state, which may end early, as ``in_dims`` of ``torch.vmap`` has them.
        count: N, the sequences that the state has now.

    Raises:
        InputError: If a tensor counts something else along its dimension.
        OptionError: If ``batch_dim`` doesn't fit the state.

    Example:
        >>> import torch
        >>> state = {"rnn": (torch.zeros(2, 4, 8), torch.zeros(2, 4, 8)), "memory": torch.zeros(4, 9)}
        >>> state = select_rows(state, torch.tensor([3, 3]), {"rnn": 1, "memory": 0}, count=4)
        >>> state["rnn"][0].shape, state["memory"].shape
        (torch.Size([2, 2, 8]), torch.Size([2, 9]))
    """
    leaves, structure = _pytree.tree_flatten(state)
    dims = _pytree._broadcast_to_and_flatten(batch_dim, structure)
    if dims is None:
        raise OptionError(
            f"batch_dim {batch_dim!r} has another structure than the state; give one number, or a number for each part"
        )
    return _pytree.tree_unflatten(
        [_select(leaf, rows, dim, count) for leaf, dim in zip(leaves, dims, strict=True)], structure
    )


def _select(leaf: Any, rows: Tensor, dim: Any, count: int) -> Any:
    if not isinstance(leaf, Tensor) or not leaf.ndim:
        return leaf
    if type(dim) is not int or not -leaf.ndim <= dim < leaf.ndim:
        raise OptionError(f"batch_dim must be a dimension of each tensor of the state, not {dim!r} of {leaf.ndim}")
    if leaf.shape[dim] != count:
        raise InputError(
            f"state: a tensor {list(leaf.shape)} has {leaf.shape[dim]} sequences along dimension {dim} instead of "
            f"{count}; name the right one with batch_dim"
        )
    return leaf.index_select(dim, rows.to(leaf.device))


def check_start(start: Tensor) -> None:
    """Raises InputError unless it is a token for each of N sequences."""
    if start.ndim != 1 or start.is_floating_point() or start.is_complex() or start.dtype == torch.bool:
        raise InputError(f"start must be [N] token indices, not {list(start.shape)} of {start.dtype}")


def check_logits(logits: Any, rows: int, end: int | None = None) -> None:
    """Raises InputError unless they are [rows, V] numbers, and OptionError unless the end is one of the V."""
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != rows or not logits.is_floating_point():
        shown = f"{list(logits.shape)} {logits.dtype}" if isinstance(logits, Tensor) else type(logits).__name__
        raise InputError(f"step must give floating-point logits [{rows}, V], not {shown}")
    if end is not None and end >= logits.shape[1]:
        raise OptionError(f"end: there is no token {end}, the model has {logits.shape[1]}")


def not_numbers(sequence: int) -> InputError:
    """What every decoder raises where logits are NaN or infinite."""
    return InputError(f"step: the logits of sequence {sequence} are not all numbers; look for NaN in the model")


def check_whole(name: str, value: Any, least: int, most: int | None = None) -> None:
    """Raises OptionError unless the option is a whole number from ``least`` to ``most``."""
    if type(value) is not int or value < least or (most is not None and value > most):
        span = f"{least} or more" if most is None else f"from {least} to {most}"
        raise OptionError(f"{name} must be a whole number, {span}, not {value!r}")
