"""Pictures of how gradients flow back through time."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from seqmodels.figures import COLOURS, FAINT, INK, LINES, panels, styled
from seqmodels.inspect.gradient_maps import GradientNorms
from seqmodels.inspect.regimes import GradientDecay, TrainingRun

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SMALLEST = 1e-16  # of what is drawn on a logarithmic axis
FEW = 6  # lines, between which there is room for a legend


def decay_picture(decays: Sequence[GradientDecay], title: str) -> Figure:
    """The gradient of the last step's loss on its way back, a line each.

    Example:
        >>> from seqmodels.inspect.regimes import two_regimes
        >>> figure = decay_picture(two_regimes(steps=10), "vanishing and exploding")
        >>> figure.axes[0].get_yscale(), len(figure.axes[0].lines)
        ('log', 4)
    """
    with styled():
        figure, (ax,) = panels(1, width=6.2, height=3.4)
        ax.axhline(float(decays[0].norms[0]), color=FAINT, linewidth=1)
        looks = itertools.cycle(itertools.product(LINES, (INK, *COLOURS)))
        for decay, (line, colour) in zip(decays, looks, strict=False):
            shown = decay.norms >= SMALLEST
            ax.plot(decay.steps_back[shown], decay.norms[shown], ls=line, color=colour, label=decay.title)
        ax.set(title=title, xlabel="steps back in time", ylabel="norm of the gradient")
        _logarithmic(ax)
        if len(decays) > FEW:
            figure.legend(loc="outside right upper", ncols=-(-len(decays) // 16))
        else:
            ax.legend(loc="best")
    return figure


def clipping_picture(runs: Sequence[TrainingRun]) -> Figure:
    """The same training without and with clipping: its loss, and the norm of its gradient.

    Example:
        >>> from seqmodels.inspect.regimes import clipping
        >>> figure = clipping_picture(clipping(updates=3, steps=5))
        >>> [ax.get_title(loc="left") for ax in figure.axes]
        ['loss', 'norm of the gradient']
    """
    with styled():
        figure, (loss, norm) = panels(2, width=4.2, height=3.2)
        for run, colour in zip(runs, (COLOURS[1], COLOURS[0]), strict=False):
            title = "not clipped" if run.clip is None else f"clipped to {run.clip:g}"
            _run_line(loss, run.losses, colour, title)
            _run_line(norm, run.norms, colour, title)
        loss.set(title="loss", xlabel="step of training", ylabel="nats a sequence")
        norm.set(title="norm of the gradient", xlabel="step of training")
        for ax in (loss, norm):
            _logarithmic(ax)
        loss.legend(loc="best")
    return figure


def _run_line(ax: Axes, values: Float[Tensor, " N"], colour: str, title: str) -> None:
    """A line as far as there are numbers, and a cross where they end."""
    finite = values.isfinite()
    last = len(values) if bool(finite.all()) else int((~finite).nonzero()[0])
    ax.plot(torch.arange(last), values[:last].clamp(min=SMALLEST), color=colour, label=title, linewidth=1.2)
    if 0 < last < len(values):
        ax.plot(last - 1, float(values[last - 1]), "x", color=colour)


def _logarithmic(ax: Axes) -> None:
    """Ticks as 1e-04: figures show no formulas."""
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter("{x:.0e}")


def map_picture(flows: Sequence[GradientNorms]) -> Figure:
    """For every layer and state, how much each loss depends on the state after each step: log10 of a mean over rows.

    Example:
        >>> from seqmodels import RNN, inspect
        >>> rnn, x = RNN("gru", 2, 3), torch.randn(5, 4, 2)
        >>> figure = map_picture(inspect.gradient_map(rnn, lambda: rnn(x)[0].pow(2).sum(-1)))
        >>> figure.axes[0].get_xlabel()
        'state after step s'
    """
    with styled():
        figure, axes = panels(len(flows), width=3.6, height=3.3)
        for ax, flow in zip(axes, flows, strict=True):
            norms = flow.norms.mean(-1)
            shown = torch.where(norms > 0, norms.clamp(min=SMALLEST).log10(), torch.nan)
            image = ax.imshow(shown.numpy(), cmap="viridis", origin="upper", interpolation="nearest", aspect="auto")
            ax.grid(False)
            ax.set(title=f"{flow.state} of {flow.place}", xlabel="state after step s", ylabel="loss of step t")
            figure.colorbar(image, ax=ax, label="log10 of the gradient's norm")
    return figure
