"""The search that plain and diverse beam search share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from seqmodels.decoding.beams import Beams, Choice, choose
from seqmodels.decoding.constraints import Constraints
from seqmodels.decoding.diversity import Diversity
from seqmodels.decoding.hypothesis import Hypothesis, Pool
from seqmodels.decoding.step import Step, check_logits, check_start, check_whole, not_numbers, select_rows
from seqmodels.decoding.trace import TraceStep, trace_step
from seqmodels.errors import OptionError


@dataclass(frozen=True)
class Search:
    """A beam search; see ``beam_search`` and ``diverse_beam_search`` for the options."""

    beam_size: int
    """Of each group."""
    max_length: int
    groups: int
    end: int | None
    n_best: int | None
    length_penalty: float
    constraints: Constraints | None
    diversity: Diversity | None
    batch_dim: Any
    trace: Callable[[TraceStep], Any] | None

    def __post_init__(self) -> None:
        check_whole("max_length", self.max_length, 1)
        if self.end is not None:
            check_whole("end", self.end, 0)
        if self.n_best is not None:
            check_whole("n_best", self.n_best, 1, self.beam_size * self.groups)
        if not 0 <= self.length_penalty <= 10:
            raise OptionError(f"length_penalty must be from 0 to 10, not {self.length_penalty}")
        if self.constraints is not None:
            self.constraints.check(self.max_length, self.end)

    @torch.no_grad()
    def run(self, step: Step, state: Any, start: Tensor) -> list[list[Hypothesis]]:
        """The best hypotheses of each item; all groups read each token in one call of ``step``."""
        check_start(start)
        items = torch.arange(len(start), device=start.device)
        if not len(items):
            return []
        logits, state = step(start, state)
        check_logits(logits, len(start), self.end)
        # All groups begin from the same one beam.
        nothing = logits.new_zeros(self.groups, len(items), 1, dtype=_score_type(logits))
        written = start.new_empty(*nothing.shape, 0, dtype=torch.long)
        beams = Beams(items, nothing, nothing, written, items[:, None].expand(nothing.shape))
        pool = Pool(self.groups, len(items), self.beam_size, self.max_length, nothing)
        if self.diversity:
            self.diversity.begin(self.groups)
        for time in range(1, self.max_length + 1):
            beams, parents = self._advance(logits, beams, pool)
            if time == self.max_length:
                self._offer(pool, beams.items, beams.score, beams.written, ended=False)
                break
            beams, parents = self._drop_done(beams, parents, pool)
            if not len(beams.items):
                break
            state = select_rows(state, parents.flatten(), self.batch_dim, len(logits))
            logits, state = step(beams.written[..., -1].flatten(), state)
            check_logits(logits, parents.numel(), self.end)
        return pool.best(self.n_best or self.beam_size * self.groups)

    def _advance(self, logits: Tensor, beams: Beams, pool: Pool) -> tuple[Beams, Tensor]:
        """One token further: the new beams, and the row of logits and states that each goes on from, [G, n, size]."""
        groups, n, m, time = beams.written.shape
        shared = time == 0
        log_probability = logits.log_softmax(-1, dtype=_score_type(logits))
        allowed = logits
        if self.constraints is not None:
            history = beams.written[:1] if shared else beams.written
            allowed = self.constraints.apply(logits, history.reshape(len(logits), time), self.end)
        choices, written = [], []
        for group in range(groups):
            rows = slice(0, n) if shared else slice(group * n * m, (group + 1) * n * m)
            own, choosing = logits[rows], allowed[rows]
            if self.diversity:
                choosing = self.diversity.penalised(choosing.view(n, m, -1), beams.written[group], group).view_as(own)
            choice = choose(
                self.beam_size, self.end, choosing, own, log_probability[rows], beams.score[group], beams.ranking[group]
            )
            choices.append(choice)
            written.append(_longer(beams.written[group], choice.parent, choice.token))
            if self.diversity:
                self.diversity.record(written[-1], choice.score > -torch.inf, group)
        if self.diversity:
            self.diversity.end_step()
        chosen = Choice(*(torch.stack(parts) for parts in zip(*choices, strict=True)))
        self._finish(chosen, beams, pool)
        new = Beams(beams.items, chosen.score, chosen.ranking, torch.stack(written), beams.place)
        if self.trace:
            new = self._record(self.trace, chosen, beams, new)
        first = torch.arange(n, device=logits.device)[None, :, None] * m
        if not shared:
            first = first + torch.arange(groups, device=logits.device)[:, None, None] * (n * m)
        return new, first + chosen.parent

    def _finish(self, chosen: Choice, beams: Beams, pool: Pool) -> None:
        """Into the pool go beams that ended, and those that nothing may follow."""
        ended, stuck, broken = chosen.end_score > -torch.inf, chosen.stuck > -torch.inf, chosen.broken
        happened = torch.stack([ended.any(), stuck.any(), broken.any()]).tolist()
        if happened[2]:
            raise not_numbers(int(beams.items[broken.any(0)][0]))
        if happened[1]:
            if not beams.written.shape[3]:
                item = int(beams.items[stuck.any(2).any(0)][0])
                raise OptionError(
                    f"sequence {item} can't have any first token: each is ruled out by the constraints, or has "
                    "probability 0"
                )
            self._offer(pool, beams.items, chosen.stuck, beams.written, ended=False)
        if happened[0]:
            written = _rows(beams.written, chosen.end_parent)
            self._offer(pool, beams.items, chosen.end_score, written, ended=True)

    def _offer(self, pool: Pool, items: Tensor, score: Tensor, written: Tensor, ended: bool) -> None:
        length = written.shape[3] + ended
        pool.offer(items, score / length**self.length_penalty, score, written, ended)

    def _drop_done(self, beams: Beams, parents: Tensor, pool: Pool) -> tuple[Beams, Tensor]:
        """Without the groups that can't find anything better, and without the items all of whose groups are done."""
        worst = pool.score[:, beams.items, -1]
        # Log-probabilities only fall, so a beam is worth most if it reaches max_length with what it has now.
        attainable = beams.score.amax(2) / self.max_length**self.length_penalty
        done = worst >= attainable
        score, ranking = (values.masked_fill(done[:, :, None], -torch.inf) for values in (beams.score, beams.ranking))
        beams = beams._replace(score=score, ranking=ranking)
        kept = (score > -torch.inf).any(2).any(0).nonzero()[:, 0]
        if len(kept) == len(beams.items):
            return beams, parents
        if self.diversity:
            self.diversity.keep(kept)
        return beams.keep(kept), parents.index_select(1, kept)

    def _record(self, trace: Callable[[TraceStep], Any], chosen: Choice, old: Beams, new: Beams) -> Beams:
        alive = new.score > -torch.inf
        end = torch.full_like(chosen.end_parent, 0 if self.end is None else self.end)
        ended = torch.cat([_rows(old.written, chosen.end_parent), end[..., None]], 3)
        trace(
            trace_step(
                old.items,
                (old.place.gather(2, chosen.parent), new.written, new.score),
                (old.place.gather(2, chosen.end_parent), ended, chosen.end_score),
            )
        )
        return new._replace(place=(alive.flatten().cumsum(0) - 1).clamp(min=0).view_as(alive))


def _score_type(logits: Tensor) -> torch.dtype:
    return torch.promote_types(logits.dtype, torch.float32)


def _rows(written: Tensor, parent: Tensor) -> Tensor:
    """[..., m, t] of other beams: those of parent [..., k]."""
    return written.gather(-2, parent[..., None].expand(*parent.shape, written.shape[-1]))


def _longer(written: Tensor, parent: Tensor, token: Tensor) -> Tensor:
    return torch.cat([_rows(written, parent), token[..., None]], -1)
