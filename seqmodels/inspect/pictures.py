"""Pictures of what cells remember: text coloured by a unit, and the saturation of gates."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor

from seqmodels.errors import InputError
from seqmodels.figures import FAINT, INK, panels, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 100  # characters of a line, before it is broken
MOST_LINES = 60
TAB = 4


def coloured_text(
    tokens: Sequence[str], units: Mapping[str, Float[Tensor, " T"]], bound: float | None = None
) -> Figure:
    """A text, once for each unit, each character on the colour of its value there: orange above 0, blue below.

    Args:
        tokens: The text's T tokens; a token of several characters has one colour.
        units: Title -> the unit's value at each token.
        bound: The value of the strongest colour; the largest absolute value of each unit, if not given.

    Raises:
        InputError: If a unit hasn't one value for each token.

    Example:
        >>> figure = coloured_text(list("a = 'b'"), {"unit 3": torch.linspace(-1, 1, 7)})
        >>> figure.axes[0].get_title(loc="left")
        'unit 3'
    """
    for title, values in units.items():
        if values.shape != (len(tokens),):
            raise InputError(
                f"{title}: has the shape {list(values.shape)}; give one value for each of {len(tokens)} tokens"
            )
    places = _places(tokens)
    height = 1 + max((line for line, _, _, _ in places), default=0)
    with styled():
        figure, axes = panels(len(units), width=11.5, height=0.165 * height + 0.35, columns=1)
        for ax, (title, values) in zip(axes, units.items(), strict=True):
            strongest = float(values.abs().max()) if bound is None else bound
            _draw_text(ax, places, values / (strongest or 1.0), height)
            ax.set_title(title)
    return figure


def _places(tokens: Sequence[str]) -> list[tuple[int, int, str, int]]:
    """Line, column, character and token of all that is shown."""
    places: list[tuple[int, int, str, int]] = []
    line = column = 0
    for number, token in enumerate(tokens):
        for character in token:
            if character == "\n" or column >= COLUMNS:
                line, column = line + 1, 0
            if line >= MOST_LINES:
                return places
            if character == "\n":
                continue
            places.append((line, column, " " if character == "\t" else character, number))
            column += TAB if character == "\t" else 1
    return places


def _draw_text(ax: Any, places: list[tuple[int, int, str, int]], values: Tensor, height: int) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    grid = torch.full((height, COLUMNS + TAB), torch.nan)
    drawn = []
    for line, column, character, number in places:
        grid[line, column] = values[number]
        if not character.isspace():
            drawn.append(_glyph(character).transformed(_scaled(column, line)))
    ax.imshow(grid.numpy(), cmap=_diverging(), vmin=-1, vmax=1, aspect="auto", interpolation="nearest")
    if drawn:  # as one path: thousands of texts would take minutes
        ax.add_patch(PathPatch(Path.make_compound_path(*drawn), facecolor=INK, linewidth=0))
    ax.set_axis_off()


@functools.cache
def _glyph(character: str) -> Any:
    """The outline of a character, one unit high, around the middle of its place."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    return TextPath((0, 0), character, size=1, prop=FontProperties(family="monospace"), usetex=False)


def _scaled(column: int, line: int) -> Any:
    from matplotlib.transforms import Affine2D

    # A character of the font is 0.6 wide; lines count downwards.
    return Affine2D().translate(-0.3, -0.35).scale(1 / 0.65, -1 / 1.15).translate(column, line)


def _diverging() -> Any:
    """Blue, white, orange: apart for the colour-blind, and light enough for text on it."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("blue-white-orange", ["#6BAED6", "#FFFFFF", "#FDAE6B"])


def saturation(gates: Mapping[str, tuple[Float[Tensor, " U"], Float[Tensor, " U"]]]) -> Figure:
    """Each unit's gate a point: how often it is shut, and how often open (Karpathy et al. 2015, figure 3).

    Args:
        gates: Title -> for each unit the share of steps below 0.1, and of those above 0.9; see
            :func:`seqmodels.inspect.gate_saturation`.

    Example:
        >>> figure = saturation({"z": (torch.tensor([0.1, 0.8]), torch.tensor([0.7, 0.0]))})
        >>> figure.axes[0].get_xlabel()
        'share of steps below 0.1'
    """
    with styled():
        figure, axes = panels(len(gates), width=2.9, height=2.7, columns=4)
        for ax, (title, (shut, opened)) in zip(axes, gates.items(), strict=True):
            ax.plot([0, 1], [1, 0], color=FAINT, linewidth=1, zorder=1)
            ax.scatter(shut.numpy(), opened.numpy(), s=14, color=INK, alpha=0.5, linewidths=0, zorder=2)
            ax.set(title=title, xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")
            ax.set_xlabel("share of steps below 0.1")
            ax.set_ylabel("above 0.9")
    return figure
