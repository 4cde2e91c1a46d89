"""The likeliest sequences, by beam search, and different ones, by diverse beam search."""

from collections.abc import Callable
from typing import Any

from jaxtyping import Int
from torch import Tensor

from seqmodels.decoding.constraints import Constraints
from seqmodels.decoding.diversity import Diversity, DiversityKind
from seqmodels.decoding.hypothesis import Hypothesis
from seqmodels.decoding.search import Search
from seqmodels.decoding.step import Step, check_whole
from seqmodels.decoding.trace import TraceStep
from seqmodels.errors import OptionError


def beam_search(
    step: Step,
    state: Any,
    start: Int[Tensor, " N"],
    *,
    beam_size: int,
    max_length: int,
    end: int | None = None,
    n_best: int | None = None,
    length_penalty: float = 0.0,
    constraints: Constraints | None = None,
    batch_dim: Any = 0,
    trace: Callable[[TraceStep], Any] | None = None,
) -> list[list[Hypothesis]]:
    """Likely sequences: at every step the best ``beam_size`` go on.

    A beam that ends goes into a pool of the ``beam_size`` best, if it is among the best ``beam_size`` of its step; the
    others fill up. A sequence is done once no beam can still enter its full pool. What is left at ``max_length`` enters
    as it is. With ``beam_size`` 1 this is :func:`greedy`. Sequences that are done cost nothing any more.

    Args:
        step: The model; see :data:`Step`. It is called once a step, for all beams of all sequences that aren't done.
        state: State before ``start`` is read.
        start: The token before the first of each of N sequences; not part of the result.
        beam_size: Beams of each sequence; may be more than there are tokens.
        max_length: Tokens at most, the end included.
        end: The token that ends a sequence; None: all have ``max_length`` tokens.
        n_best: Hypotheses to give for each sequence; ``beam_size`` if not given. There may be fewer.
        length_penalty: Hypotheses are ranked by log-probability / length ** length_penalty. From 0, the log-probability
            itself, over 1, its mean over tokens, to 10.
        constraints: Rules on what is written.
        batch_dim: The dimension of the state's tensors that counts sequences: 0, or 1 for that of :class:`RNN`, or one
            for each part: ``{"rnn": 1, "memory": 0}`` for a dictionary with these parts. The initial state, too, must
            have N sequences there, if it goes on into the next one.
        trace: Called after each step with the beams that live on; ``trace=steps.append`` keeps them.

    Returns:
        For each of the N sequences its hypotheses, best first.

    Raises:
        OptionError: If an option is out of range, or a rule leaves no first token.
        InputError: If logits or state have the wrong shape, or logits are NaN.

    Source: Sutskever et al. 2014, arXiv 1409.3215; of two equal hypotheses the one with the smaller token is first.

    Example:
        >>> import torch
        >>> from seqmodels.decoding import beam_search
        >>> likely = torch.tensor([[0, 5, 4, 1], [0, 4, 3, 3], [0, 0, 1, 9], [0, 0, 0, 10]]) / 10
        >>> markov = lambda tokens, state: (likely[tokens].log(), state)
        >>> [[best]] = beam_search(markov, None, torch.tensor([0]), beam_size=2, max_length=5, end=3, n_best=1)
        >>> best.tokens, round(best.log_probability, 3)  # where the likeliest first token leads elsewhere
        ((2,), -1.022)
    """
    check_whole("beam_size", beam_size, 1)
    search = Search(
        beam_size=beam_size,
        max_length=max_length,
        groups=1,
        end=end,
        n_best=n_best,
        length_penalty=length_penalty,
        constraints=constraints,
        diversity=None,
        batch_dim=batch_dim,
        trace=trace,
    )
    return search.run(step, state, start)


def diverse_beam_search(
    step: Step,
    state: Any,
    start: Int[Tensor, " N"],
    *,
    beam_size: int,
    groups: int,
    max_length: int,
    diversity: float = 0.5,
    kind: DiversityKind = "hamming",
    ngram: int = 2,
    end: int | None = None,
    n_best: int | None = None,
    length_penalty: float = 0.0,
    constraints: Constraints | None = None,
    batch_dim: Any = 0,
    trace: Callable[[TraceStep], Any] | None = None,
) -> list[list[Hypothesis]]:
    """Likely sequences that differ: groups of beams, each of which avoids what those before it wrote.

    Within a step one group chooses after the other. A token that earlier groups chose loses ``diversity`` nats for each
    time. The loss decides, also at later steps, which beams go on; hypotheses are ranked without it. The end is never
    penalised. Each group has a pool of its own, as in :func:`beam_search`, which one group is, as is each for itself
    with ``diversity`` 0. All groups read their tokens in one call of ``step``.

    Args:
        step: See :func:`beam_search`, as for all that isn't here.
        state: State before ``start`` is read.
        start: The token before the first of each of N sequences.
        beam_size: Beams of each sequence, of all groups together.
        groups: Groups of ``beam_size / groups`` beams.
        max_length: Tokens at most, the end included.
        diversity: Nats, 0 or more.
        kind: What is counted: "hamming", choices of the token at this step; "cumulative", at all steps until now;
            "ngram", choices until now of the n-gram that the token completes. (The paper's cumulative diversity is
            another: it compares hypotheses place by place.)
        ngram: n, of "ngram".
        end: The token that ends a sequence.
        n_best: Hypotheses to give for each sequence; ``beam_size`` if not given.
        length_penalty: Exponent of the length in the ranking.
        constraints: Rules on what is written.
        batch_dim: The dimension of the state's tensors that counts sequences.
        trace: Called after each step with the beams that live on.

    Returns:
        For each of the N sequences the hypotheses of all groups, best first; ``group`` tells which found it. Two groups
        may have found the same.

    Raises:
        OptionError: If an option is out of range, or a rule leaves no first token.
        InputError: If logits or state have the wrong shape, or logits are NaN.

    Source: Vijayakumar et al. 2016, arXiv 1610.02424, algorithm 1.

    Example:
        >>> import torch
        >>> from seqmodels.decoding import diverse_beam_search
        >>> likely = torch.tensor([0.5, 0.3, 0.2]).log()
        >>> step = lambda tokens, state: (likely.expand(len(tokens), 3), state)
        >>> [found] = diverse_beam_search(
        ...     step, None, torch.tensor([0]), beam_size=2, groups=2, max_length=3, diversity=1.0
        ... )
        >>> [(hypothesis.tokens, hypothesis.group) for hypothesis in found]
        [((0, 0, 0), 0), ((1, 1, 1), 1)]
    """
    check_whole("beam_size", beam_size, 1)
    check_whole("groups", groups, 1)
    if beam_size % groups:
        raise OptionError(f"beam_size {beam_size} can't be divided into {groups} equal groups; give a multiple of them")
    penalty = Diversity(diversity, kind, ngram)
    search = Search(
        beam_size=beam_size // groups,
        max_length=max_length,
        groups=groups,
        end=end,
        n_best=n_best,
        length_penalty=length_penalty,
        constraints=constraints,
        diversity=penalty if groups > 1 and diversity else None,
        batch_dim=batch_dim,
        trace=trace,
    )
    return search.run(step, state, start)
