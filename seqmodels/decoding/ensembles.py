"""Several models that write together."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from seqmodels.decoding.step import Step, check_logits
from seqmodels.errors import InputError, OptionError


def ensemble(steps: Sequence[Step], weights: Sequence[float] | None = None) -> Step:
    """The step of several models with the same vocabulary: the log of the mean of their probabilities.

    Args:
        steps: At least one; see :data:`Step`.
        weights: One above 0 for each; divided by their sum. Equal ones if not given.

    Returns:
        A step whose state is the tuple of the models' states; None stands for None of each.

    Raises:
        OptionError: If there is no model, or weights don't fit.
        InputError: While it is called: if models have different vocabularies, or not as many states.

    Example:
        >>> import torch
        >>> from seqmodels.decoding import ensemble
        >>> sure = lambda tokens, state: (torch.tensor([[0.9, 0.1]]).log(), state)
        >>> unsure = lambda tokens, state: (torch.tensor([[0.5, 0.5]]).log(), state)
        >>> logits, state = ensemble([sure, unsure])(torch.tensor([0]), (None, None))
        >>> logits.exp()
        tensor([[0.7000, 0.3000]])
    """
    steps = tuple(steps)
    if not steps:
        raise OptionError("ensemble: no model is given; give at least one step")
    weights = (1.0,) * len(steps) if weights is None else tuple(weights)
    if len(weights) != len(steps):
        raise OptionError(f"ensemble: {len(weights)} weights are given for {len(steps)} models; give one for each")
    for weight in weights:
        if not 0 < weight < math.inf:
            raise OptionError(f"ensemble: weights must be above 0, not {weight}; leave that model out")
    shares = [math.log(weight) - math.log(math.fsum(weights)) for weight in weights]

    def step(tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        states = (None,) * len(steps) if state is None else state
        if not isinstance(states, tuple) or len(states) != len(steps):
            raise InputError(f"ensemble: the state must be a tuple of {len(steps)}, one for each model")
        mean: Tensor | None = None
        after = []
        for number, (model, own, share) in enumerate(zip(steps, states, shares, strict=True)):
            logits, own = model(tokens, own)
            check_logits(logits, len(tokens))
            if mean is not None and logits.shape != mean.shape:
                raise InputError(f"ensemble: model {number} has {logits.shape[1]} tokens, those before {mean.shape[1]}")
            values = logits.log_softmax(-1, dtype=torch.promote_types(logits.dtype, torch.float32)) + share
            mean = values if mean is None else torch.logaddexp(mean, values)
            after.append(own)
        assert mean is not None
        return mean, tuple(after)

    return step
