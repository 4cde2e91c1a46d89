"""One token after another: the likeliest, or one drawn from the model's distribution."""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seqmodels.decoding.constraints import Constraints
from seqmodels.decoding.filters import filter_logits
from seqmodels.decoding.step import Step, check_logits, check_whole, not_numbers
from seqmodels.errors import OptionError


def greedy(
    step: Step,
    state: Any,
    start: Int[Tensor, " N"],
    length: int,
    end: int | None = None,
    constraints: Constraints | None = None,
) -> Int[Tensor, "N length"]:
    """The likeliest token at every step (argmax), fed back.

    Args:
        step: The model; see :data:`Step`.
        state: State before ``start`` is read.
        start: First token of each of N sequences; not part of the result.
        length: Number of tokens to write, the end included.
        end: The token that ends a sequence, which it fills from there on; writing stops once all have ended.
        constraints: Rules on what is written.

    Raises:
        InputError: If logits have the wrong shape, or are NaN.
        OptionError: If an option is out of range, or a rule leaves no token where there is no end to stop with.

    Example:
        >>> import torch
        >>> successor = lambda tokens, state: (torch.eye(4)[(tokens + 1) % 4], state)
        >>> greedy(successor, None, torch.tensor([0]), 5)
        tensor([[1, 2, 3, 0, 1]])
        >>> greedy(successor, None, torch.tensor([0]), 5, end=2)
        tensor([[1, 2, 2, 2, 2]])
    """
    return _write(step, state, start, length, lambda logits: logits.argmax(-1), end, constraints)


def sample(
    step: Step,
    state: Any,
    start: Int[Tensor, " N"],
    length: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
    *,
    min_p: float | None = None,
    end: int | None = None,
    constraints: Constraints | None = None,
) -> Int[Tensor, "N length"]:
    """A token drawn from the model's distribution at every step, fed back.

    Args:
        step: The model; see :data:`Step`.
        state: State before ``start`` is read.
        start: First token of each of N sequences; not part of the result.
        length: Number of tokens to write, the end included.
        temperature: See :func:`filter_logits`.
        top_k: See :func:`filter_logits`.
        top_p: See :func:`filter_logits`.
        generator: Source of random numbers, on the CPU, whatever the device: the same seed writes the same text again.
            Another device, or another number of threads, may round probabilities otherwise, and so draw another token.
        min_p: See :func:`filter_logits`.
        end: The token that ends a sequence, which it fills from there on; writing stops once all have ended.
        constraints: Rules on what is written; the filters choose among what they leave.

    Raises:
        InputError: If logits have the wrong shape, or are NaN.
        OptionError: If an option is out of range, or a rule leaves no token where there is no end to stop with.

    Example:
        >>> import torch
        >>> coin = lambda tokens, state: (torch.zeros(len(tokens), 2), state)
        >>> tokens = sample(coin, None, torch.tensor([0, 0]), 100, generator=torch.Generator().manual_seed(0))
        >>> tokens.shape, 0.4 < tokens.float().mean() < 0.6
        (torch.Size([2, 100]), tensor(True))
    """

    def draw(logits: Float[Tensor, "N V"]) -> Int[Tensor, " N"]:
        probabilities = filter_logits(logits.float(), temperature, top_k, top_p, min_p).softmax(-1)
        return torch.multinomial(probabilities.cpu(), 1, generator=generator)[:, 0].to(logits.device)

    return _write(step, state, start, length, draw, end, constraints)


@torch.no_grad()
def _write(
    step: Step,
    state: Any,
    tokens: Tensor,
    length: int,
    choose: Callable[[Tensor], Tensor],
    end: int | None,
    constraints: Constraints | None,
) -> Tensor:
    check_whole("length", length, 0)
    if end is not None:
        check_whole("end", end, 0)
    if constraints is not None:
        constraints.check(length, end)
    written = tokens.new_empty(len(tokens), length, dtype=torch.long)
    ended = torch.zeros_like(tokens, dtype=torch.bool)
    for time in range(length):
        logits, state = step(tokens, state)
        check_logits(logits, len(tokens), end)
        if (broken := ~(logits.amax(-1) < torch.inf)).any():  # of a NaN, too
            raise not_numbers(int(broken.nonzero()[0, 0]))
        if constraints is not None:
            logits, stuck = _constrained(constraints, logits, written[:, :time], ended, end)
            ended = ended | stuck
        tokens = choose(logits)
        if end is not None:
            tokens = tokens.masked_fill(ended, end)
            ended = ended | (tokens == end)
        written[:, time] = tokens
        if end is not None and ended.all():
            written[:, time + 1 :] = end
            break
    return written


def _constrained(
    constraints: Constraints, logits: Tensor, written: Tensor, ended: Tensor, end: int | None
) -> tuple[Tensor, Tensor]:
    """What the rules leave, and the sequences to which they leave nothing, whose logits are 0: some token is drawn."""
    logits = constraints.apply(logits, written, end)
    stuck = logits.amax(-1) == -torch.inf
    new = stuck & ~ended
    if new.any() and (end is None or not written.shape[1]):
        row, time = int(new.nonzero()[0, 0]), written.shape[1]
        mend = "loosen the constraints" if end is not None else "loosen the constraints, or give end to stop there"
        raise OptionError(f"sequence {row}: no token may follow the {time} that are written; {mend}")
    return logits.masked_fill(stuck[:, None], 0), stuck
