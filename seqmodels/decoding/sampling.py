"""One token after another: the likeliest, or one drawn from the model's distribution."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seqmodels.decoding.filters import filter_logits

Step = Callable[[Tensor, Any], tuple[Tensor, Any]]
"""``step(tokens [N], state) -> (logits [N, V], state)``; the state is any structure of tensors."""


def greedy(step: Step, state: Any, start: Int[Tensor, " N"], length: int) -> Int[Tensor, "N length"]:
    """The likeliest token at every step (argmax), fed back.

    Args:
        step: The model; see :data:`Step`.
        state: State before ``start`` is read.
        start: First token of each of N sequences; not part of the result.
        length: Number of tokens to write.

    Example:
        >>> import torch
        >>> successor = lambda tokens, state: (torch.eye(4)[(tokens + 1) % 4], state)
        >>> greedy(successor, None, torch.tensor([0]), 5)
        tensor([[1, 2, 3, 0, 1]])
    """
    return _write(step, state, start, length, lambda logits: logits.argmax(-1))


def sample(
    step: Step,
    state: Any,
    start: Int[Tensor, " N"],
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Int[Tensor, "N length"]:
    """A token drawn from the model's distribution at every step, fed back.

    Args:
        step: The model; see :data:`Step`.
        state: State before ``start`` is read.
        start: First token of each of N sequences; not part of the result.
        length: Number of tokens to write.
        temperature: See :func:`filter_logits`.
        top_k: See :func:`filter_logits`.
        top_p: See :func:`filter_logits`.
        generator: Source of random numbers, on the CPU: the same seed writes the same text on every device.

    Example:
        >>> import torch
        >>> coin = lambda tokens, state: (torch.zeros(len(tokens), 2), state)
        >>> tokens = sample(coin, None, torch.tensor([0, 0]), 100, generator=torch.Generator().manual_seed(0))
        >>> tokens.shape, 0.4 < tokens.float().mean() < 0.6
        (torch.Size([2, 100]), tensor(True))
    """

    def draw(logits: Float[Tensor, "N V"]) -> Int[Tensor, " N"]:
        probabilities = filter_logits(logits.float(), temperature, top_k, top_p).softmax(-1)
        return torch.multinomial(probabilities.cpu(), 1, generator=generator)[:, 0].to(logits.device)

    return _write(step, state, start, length, draw)


def _write(step: Step, state: Any, tokens: Tensor, length: int, choose: Callable[[Tensor], Tensor]) -> Tensor:
    written = []
    for _ in range(length):
        logits, state = step(tokens, state)
        tokens = choose(logits)
        written.append(tokens)
    return torch.stack(written, -1) if written else tokens.new_empty(len(tokens), 0)
