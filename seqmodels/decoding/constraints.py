"""What a decoder may not write, or must."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from seqmodels.decoding.step import check_whole
from seqmodels.errors import OptionError


@dataclass(frozen=True)
class Constraints:
    """Rules on the tokens that are written; the token before the first, and the end, are not among these.

    A sequence for which the rules leave no token, not even the end, stops there as it is.

    Args:
        min_length: No end before this many tokens are written.
        no_repeat_ngram: No sequence of this many tokens twice (Paulus et al. 2017, arXiv 1705.04304); 1: no token.
        banned: Tokens that are never written; the end may be one.
        forced: The first tokens, in this order, whatever ``no_repeat_ngram`` says.

    Raises:
        OptionError: If a value is out of range, or a token is both banned and forced.

    Example:
        >>> import torch
        >>> from seqmodels.decoding import Constraints, greedy
        >>> successor = lambda tokens, state: (torch.eye(4)[(tokens + 1) % 4], state)
        >>> greedy(successor, None, torch.tensor([0]), 6, constraints=Constraints(forced=(3,), no_repeat_ngram=2))
        tensor([[3, 0, 1, 2, 3, 1]])
    """

    min_length: int = 0
    no_repeat_ngram: int | None = None
    banned: Sequence[int] = ()
    forced: Sequence[int] = ()

    def __post_init__(self) -> None:
        check_whole("min_length", self.min_length, 0)
        if self.no_repeat_ngram is not None:
            check_whole("no_repeat_ngram", self.no_repeat_ngram, 1)
        for name in ("banned", "forced"):
            tokens = tuple(getattr(self, name))
            for token in tokens:
                check_whole(f"a token of {name}", token, 0)
            object.__setattr__(self, name, tokens)
        if both := set(self.banned) & set(self.forced):
            raise OptionError(f"token {min(both)} is both banned and forced; take it out of one")

    def check(self, length: int, end: int | None) -> None:
        """Raises OptionError where the rules can't be kept by any sequence of at most ``length`` tokens."""
        if self.min_length and end is None:
            raise OptionError("min_length needs an end token; give end, too")
        if self.min_length > length:
            raise OptionError(f"min_length {self.min_length} is more than the {length} tokens that may be written")
        if len(self.forced) > length:
            raise OptionError(f"forced has {len(self.forced)} tokens, but {length} may be written")
        if end in self.forced:
            raise OptionError(f"forced: {end} is the end token; leave it out")

    def apply(
        self, logits: Float[Tensor, "N V"], written: Int[Tensor, "N t"], end: int | None = None
    ) -> Float[Tensor, "N V"]:
        """-inf for each token that may not follow what is written; the given tensor stays as it is.

        Raises:
            OptionError: If a token of a rule is none of the V.
        """
        for name, tokens in (("banned", self.banned), ("forced", self.forced)):
            if tokens and max(tokens) >= logits.shape[1]:
                raise OptionError(f"{name}: there is no token {max(tokens)}, the model has {logits.shape[1]}")
        time = written.shape[1]
        if time < len(self.forced):
            only = torch.full_like(logits, -torch.inf)
            only[:, self.forced[time]] = logits[:, self.forced[time]]
            return only
        early = end is not None and time < self.min_length
        n = self.no_repeat_ngram or time + 1
        repeats = time >= n
        if not (self.banned or early or repeats):
            return logits
        logits = logits.clone()
        if self.banned:
            logits[:, list(self.banned)] = -torch.inf
        if early:
            logits[:, end] = -torch.inf
        if repeats:
            ngrams = written.unfold(1, n, 1)  # [N, t - n + 1, n]
            last = written[:, None, time - n + 1 :]
            row, place = (ngrams[..., :-1] == last).all(-1).nonzero(as_tuple=True)
            logits[row, ngrams[row, place, -1]] = -torch.inf
        return logits
