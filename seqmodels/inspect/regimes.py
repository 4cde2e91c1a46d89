"""The two regimes of gradients through time, and what holds each: the numbers behind three pictures.

A gradient that goes back k steps is multiplied with k Jacobians. Where they stretch it explodes, and clipping its norm
saves the training; where they shrink it vanishes, and another cell helps: an LSTM's state passes on by its forget gate.
All here is deterministic, in float64, and takes seconds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import clip_grad_norm_

from seqmodels.cell import Cell
from seqmodels.errors import OptionError
from seqmodels.inspect.gradient_maps import gradient_norms
from seqmodels.registry import split_options
from seqmodels.rnn import RNN
from seqmodels.strangers import try_step


class GradientDecay(NamedTuple):
    """How the gradient of the loss at the last step changes on its way back."""

    title: str
    """Which cell, such as ``elman, largest singular value 1.2``."""
    steps_back: Int[Tensor, " T"]
    """T - s: 0, 1, ..., as many as there are steps."""
    norms: Float[Tensor, " T"]
    """|dL_T / dh_s|, the Euclidean norm over all states of the cell, its mean over the batch."""


class TrainingRun(NamedTuple):
    """A training run, step by step."""

    clip: float | None
    """The norm to which gradients were clipped; None: not at all."""
    losses: Float[Tensor, " N"]
    """Nats a sequence, of each step's batch."""
    norms: Float[Tensor, " N"]
    """The norm of the gradient of all parameters, before clipping."""


def two_regimes(
    largest_singular_values: Sequence[float] = (0.8, 1.0, 1.2),
    steps: int = 50,
    hidden_size: int = 32,
    input_scale: float = 1e-6,
    seed: int = 0,
) -> list[GradientDecay]:
    """|dL_T / dh_s| over T - s in an Elman network, where its recurrent matrix stretches and where it shrinks.

    The recurrent matrix is a random orthogonal one times the largest singular value, so that it stretches every vector
    alike. Below 1 gradients vanish whatever the input: tanh only shrinks more. Above 1 they explode where the states
    are so small that tanh is the identity; large states saturate it, which holds them.

    Args:
        largest_singular_values: One network each.
        steps: T.
        hidden_size: Features of h.
        input_scale: Standard deviation of the input. The default keeps tanh in its linear part.
        seed: Of the matrices and the input.

    Source: Pascanu, Mikolov and Bengio 2013, section 2.1: a largest singular value below 1 is sufficient for gradients
    to vanish, one above 1 necessary for them to explode.

    Example:
        >>> vanishing, exploding = two_regimes([0.5, 2.0], steps=11)
        >>> [f"{float(regime.norms[10]):.1e}" for regime in (vanishing, exploding)]  # 2 ** -10 and 2 ** 10
        ['9.8e-04', '1.0e+03']
    """
    regimes = []
    for value in largest_singular_values:
        with _seeded(seed):
            rnn = RNN("elman", hidden_size, hidden_size, bias=False)
            _scale_recurrence(rnn, value)
            title = f"elman, largest singular value {value:g}"
            regimes.append(_decay(title, rnn, input_scale * torch.randn(steps, 8, hidden_size)))
    return regimes


def forget_path(
    forget_biases: Sequence[float] = (1.0, 2.0, 3.0), steps: int = 100, hidden_size: int = 32, seed: int = 0
) -> list[GradientDecay]:
    """|dL_T / dh_s| over T - s of an Elman network and of LSTMs that remember ever longer, as they are before training.

    In an LSTM dc_t / dc_{t-1} is the forget gate f, beside what goes through h: with a bias of b on it, a gradient
    falls like sigmoid(b) ** (T - s) instead of by the matrix at every step.

    Args:
        forget_biases: One LSTM each.
        steps: T.
        hidden_size: Features of each state.
        seed: Of the weights and the input, which is standard normal.

    Source: Hochreiter and Schmidhuber 1997; Gers, Schmidhuber and Cummins 2000; Jozefowicz et al. 2015 for the bias.

    Example:
        >>> [decay.title for decay in forget_path(steps=5)]
        ['elman', 'lstm, forget bias 1', 'lstm, forget bias 2', 'lstm, forget bias 3']
    """
    makers = {"elman": partial(RNN, "elman")}
    makers |= {f"lstm, forget bias {bias:g}": partial(RNN, "lstm", forget_bias=bias) for bias in forget_biases}
    return _decays(makers, steps, hidden_size, seed)


def cell_decays(
    cells: Sequence[str | type[Cell]], steps: int = 100, hidden_size: int = 32, seed: int = 0
) -> list[GradientDecay]:
    """|dL_T / dh_s| over T - s of any cells, as they are before training: how long each remembers by itself.

    Args:
        cells: Names, ``package.module:Class``, also with options behind them (``lstm:forget_bias=3``), or Cell classes.
        steps: T.
        hidden_size: Features of the input, and of what the cell takes this for.
        seed: Of the weights and the input, which is standard normal.

    Raises:
        SeqmodelsError: If there is no such cell, or it can't be made or run.

    Example:
        >>> lstm, orthogonal = cell_decays(["lstm", "exprnn"], steps=50)
        >>> bool(lstm.norms[-1] < 1e-4), bool(orthogonal.norms[-1] > 0.9)
        (True, True)
    """
    return _decays({_title(cell): _maker(cell) for cell in cells}, steps, hidden_size, seed)


def _title(cell: str | type[Cell]) -> str:
    return cell if isinstance(cell, str) else cell.__name__


def _maker(cell: str | type[Cell]) -> Callable[..., RNN]:
    if not isinstance(cell, str):
        return partial(RNN, cell)
    name, options = split_options(cell)
    if wrong := next(
        (option for option in options if option in ("cell", "input_size", "hidden_size", "batch_first")), None
    ):
        raise OptionError(f"cell {cell!r}: {wrong} is the same for all cells; leave it out")
    return partial(RNN, name, **options)


def _decays(makers: Mapping[str, Callable[..., RNN]], steps: int, hidden_size: int, seed: int) -> list[GradientDecay]:
    decays = []
    for title, make in makers.items():
        with _seeded(seed):
            rnn = make(input_size=hidden_size, hidden_size=hidden_size)
            try_step(rnn.cell)
            decays.append(_decay(title, rnn, torch.randn(steps, 8, hidden_size)))
    return decays


def clipping(
    clip: float = 1.0,
    updates: int = 200,
    largest_singular_value: float = 1.5,
    steps: int = 30,
    hidden_size: int = 32,
    learning_rate: float = 1.0,
    seed: int = 0,
) -> tuple[TrainingRun, TrainingRun]:
    """The same training without and with clipping by norm, of an Elman network in the exploding regime.

    The problem: which of two classes the first input, 1 or -1, has told; normal noise follows, through which the
    network must latch it. Trained by SGD on new sequences at each step, 32 at once.

    Args:
        clip: The norm to which the second run clips.
        updates: N, steps of training.
        largest_singular_value: Of the recurrent matrix at first, an orthogonal one times this.
        steps: Of a sequence.
        hidden_size: Features of h.
        learning_rate: Of SGD.
        seed: Of weights and sequences.

    Returns:
        The run without, and the run with clipping. Without it losses may end in infinity or NaN.

    Source: Pascanu, Mikolov and Bengio 2013, algorithm 1; the problem is the latching of Bengio et al. 1994.

    Example:
        >>> free, clipped = clipping(updates=3, steps=10)
        >>> free.clip, clipped.clip, clipped.losses.shape
        (None, 1.0, torch.Size([3]))
    """
    runs = []
    for bound in (None, clip):
        with _seeded(seed):
            rnn = RNN("elman", 1, hidden_size)
            _scale_recurrence(rnn, largest_singular_value)
            runs.append(_train(rnn, bound, updates, steps, learning_rate))
    return runs[0], runs[1]


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Random numbers of a seed, and float64, within; the caller's own go on after it."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would also change the generators of GPUs
            yield
    finally:
        torch.set_default_dtype(before)


@torch.no_grad()
def _scale_recurrence(elman: RNN, largest_singular_value: float) -> None:
    weight: Tensor = elman.cell.W_hh.weight  # type: ignore[union-attr,assignment]
    weight.copy_(largest_singular_value * nn.init.orthogonal_(torch.empty_like(weight)))


def _decay(title: str, rnn: RNN, input: Tensor) -> GradientDecay:
    """L_T is the last output times a random vector of length 1."""
    direction = F.normalize(torch.randn(rnn.output_size), dim=0)
    flow = gradient_norms(rnn, lambda: (rnn(input)[0][-1] @ direction).sum())
    over_states = torch.stack([state.norms for state in flow]).norm(dim=0)
    return GradientDecay(title, torch.arange(len(input)), over_states.mean(-1).flip(0))


def _train(rnn: RNN, clip: float | None, updates: int, steps: int, learning_rate: float) -> TrainingRun:
    readout = nn.Linear(rnn.output_size, 2)
    parameters = [*rnn.parameters(), *readout.parameters()]
    optimizer = torch.optim.SGD(parameters, learning_rate)
    losses, norms = torch.zeros(updates), torch.zeros(updates)
    for update in range(updates):
        input, target = _latching(steps, batch=32, noise=0.3)
        loss = F.cross_entropy(readout(rnn(input)[0][-1]), target)
        optimizer.zero_grad()
        loss.backward()
        norms[update] = clip_grad_norm_(parameters, torch.inf if clip is None else clip)
        losses[update] = loss.detach()
        optimizer.step()
    return TrainingRun(clip, losses, norms)


def _latching(steps: int, batch: int, noise: float) -> tuple[Tensor, Tensor]:
    """Input [T, B, 1] and classes [B]."""
    target = torch.arange(batch) % 2
    input = noise * torch.randn(steps, batch, 1)
    input[0, :, 0] = 2.0 * target - 1
    return input, target
