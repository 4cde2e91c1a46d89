"""What the later groups of diverse beam search lose for repeating the earlier ones."""

from typing import Literal, get_args

import torch
from torch import Tensor

from seqmodels.decoding.step import check_whole
from seqmodels.errors import OptionError

DiversityKind = Literal["hamming", "cumulative", "ngram"]


class Diversity:
    """The penalty: ``strength`` times how often earlier groups of the same item chose a token, or an n-gram.

    Tensors are of one group, n items and m choices (beams); every kind counts n-grams, of one token in two of them.

    Args:
        strength: 0 or more; nats for each choice.
        kind: "hamming" counts choices at this step, "cumulative" at all steps so far, "ngram" those of n-grams so far.
        ngram: n, of "ngram".

    Raises:
        OptionError: If a value is out of range.

    Source: Vijayakumar et al. 2016, arXiv 1610.02424, sections 4 and 5.1.
    """

    def __init__(self, strength: float, kind: DiversityKind, ngram: int) -> None:
        if not 0 <= strength < float("inf"):
            raise OptionError(f"diversity must be 0 or more, not {strength}")
        if kind not in get_args(DiversityKind):
            raise OptionError(f"kind must be one of {', '.join(get_args(DiversityKind))}, not {kind!r}")
        check_whole("ngram", ngram, 1)
        self.strength = strength
        self._size = ngram if kind == "ngram" else 1
        self._all_steps = kind != "hamming"
        self._chosen: list[list[tuple[Tensor, Tensor]]] = []  # of each group, at each step: n-grams and which count

    def begin(self, groups: int) -> None:
        """No choice is made."""
        self._chosen = [[] for _ in range(groups)]

    def penalised(self, logits: Tensor, written: Tensor, group: int) -> Tensor:
        """Logits [n, m, V] of what may follow [n, m, t], less the penalty; the given tensor stays as it is."""
        earlier = [choice for choices in self._chosen[:group] for choice in choices]
        if not (self.strength and earlier):
            return logits
        ngrams = torch.cat([ngram for ngram, _ in earlier], 1)  # [n, c, size]
        counts = torch.cat([count for _, count in earlier], 1)
        last = written[:, :, None, written.shape[2] - self._size + 1 :]
        repeated = (ngrams[:, None, :, :-1] == last).all(-1) & counts[:, None]  # [n, m, c]
        token = ngrams[:, None, :, -1].expand_as(repeated)
        penalised = logits.to(torch.promote_types(logits.dtype, torch.float32), copy=True)
        return penalised.scatter_add_(2, token, repeated.to(penalised.dtype) * -self.strength)

    def record(self, written: Tensor, alive: Tensor, group: int) -> None:
        """The group has chosen the last tokens of [n, m, t]; those of beams [n, m] that are not alive don't count."""
        if written.shape[2] >= self._size:
            self._chosen[group].append((written[:, :, -self._size :], alive))

    def end_step(self) -> None:
        """What earlier groups chose at this step is past."""
        if not self._all_steps:
            self.begin(len(self._chosen))

    def keep(self, items: Tensor) -> None:
        """Goes on with these of the n items."""
        self._chosen = [[(n[items], alive[items]) for n, alive in choices] for choices in self._chosen]
