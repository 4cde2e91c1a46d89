"""What is done to the scores of the next token before one is drawn."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from seqmodels.decoding.largest import largest
from seqmodels.errors import OptionError


def filter_logits(
    logits: Float[Tensor, "N V"],
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
) -> Float[Tensor, "N V"]:
    """Scores from which to draw: divided by the temperature, then -inf for every token that is ruled out.

    With a temperature other than 1, the likeliest token's score becomes 0.

    Args:
        logits: Unnormalised log-probabilities of the V tokens.
        temperature: Above 0; below 1 the likely becomes likelier.
        top_k: Keep the k likeliest tokens, of equal ones the first; all, if k is V or more.
        top_p: Keep the fewest tokens whose probabilities add up to p or more (Holtzman et al. 2020); at least one.
        min_p: Keep the tokens that are at least this many times as probable as the likeliest (Nguyen et al. 2024, arXiv
            2407.01082).

    Raises:
        OptionError: If a value is out of range.

    Example:
        >>> import torch
        >>> filter_logits(torch.tensor([[1.0, 3.0, 2.0]]), top_k=2)
        tensor([[-inf, 3., 2.]])
    """
    if not 0 < temperature < math.inf:
        raise OptionError(f"temperature must be above 0, not {temperature}; for the likeliest text decode greedily")
    if top_k is not None and top_k < 1:
        raise OptionError(f"top_k must be 1 or more, not {top_k}")
    if top_p is not None and not 0 < top_p <= 1:
        raise OptionError(f"top_p must be above 0 and at most 1, not {top_p}")
    if min_p is not None and not 0 < min_p <= 1:
        raise OptionError(f"min_p must be above 0 and at most 1, not {min_p}")
    if top_k is not None and top_k < logits.shape[-1]:
        # Before differences are divided, which may round the largest to equal ones.
        values, columns = largest(logits, top_k)
        logits = torch.full_like(logits, -torch.inf).scatter(-1, columns, values)
    if temperature != 1:
        # Less the largest, and no nearer to 0 than a normal number: neither the quotient nor 1 / temperature overflows.
        logits = (logits - logits.amax(-1, keepdim=True)) / max(temperature, torch.finfo(logits.dtype).tiny)
    if top_p is not None and top_p < 1:  # at 1 rounding would rule tokens out
        ordered, order = logits.sort(descending=True)
        before = ordered.softmax(-1).cumsum(-1).roll(1, -1)  # what the likelier tokens add up to
        before[:, 0] = 0
        logits = logits.masked_fill((before >= top_p).scatter(-1, order, before >= top_p), -torch.inf)
    if min_p is not None:
        logits = logits.masked_fill(logits < logits.amax(-1, keepdim=True) + math.log(min_p), -torch.inf)
    return logits
