"""Pictures of attention: where each word that was written looked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from seqmodels.errors import InputError
from seqmodels.figures import panels, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image

DARKEST = 0.15  # of a picture's light, where a word didn't look
COLUMNS = 5
SIDE, LONGEST = 0.28, 14.0  # inches of a token in a matrix, and of all of them
LETTER = 0.075  # inches of a label's character
MOST_LABELS = 120  # that can be read
LONGEST_LABEL, LONGEST_TITLE = 20, 11  # characters


def attention_picture(image: Image | None, words: Sequence[str], weights: Float[Tensor, "T R"]) -> Figure:
    """Where the words of a caption looked: on the picture, if there is one that its regions divide, else as a matrix.

    Args:
        image: What :func:`attention_on_picture` takes; None if there are features only, such as those of frames.
        words: The T words.
        weights: Of each, over the R regions.

    Example:
        >>> figure = attention_picture(None, ["a", "dog"], torch.eye(5)[:2])
        >>> [label.get_text() for label in figure.axes[0].get_xticklabels()]
        ['0', '1', '2', '3', '4']
    """
    regions = weights.shape[1]
    if image is None or math.isqrt(regions) ** 2 != regions:
        return attention_matrix(words, [str(number) for number in range(regions)], weights)
    return attention_on_picture(image, words, weights)


def attention_on_picture(image: Image, words: Sequence[str], weights: Float[Tensor, "T R"]) -> Figure:
    """A picture, and once more for each word, the lighter the more the word looked there.

    Each is as light as it can be where its word looked most; the title says what share of the attention that has.

    Args:
        image: Square, as the network sees it.
        words: The T words.
        weights: Of each, over the R regions of the picture, row by row; R is a square number.

    Raises:
        InputError: If R is no square number, or there is another number of words.

    Source: Xu et al. 2015, "Show, attend and tell", figures 2 to 5.

    Example:
        >>> from PIL import Image
        >>> figure = attention_on_picture(Image.new("RGB", (8, 8)), ["a", "dog"], torch.eye(4)[:2])
        >>> [ax.get_title(loc="left") for ax in figure.axes[:3]]
        ['', 'a  1.00', 'dog  1.00']
    """
    weights = _checked(words, weights)
    side = math.isqrt(weights.shape[1])
    if side * side != weights.shape[1]:
        raise InputError(f"attention: {weights.shape[1]} regions are no square of a picture; draw them as a matrix")
    width, height = image.size
    pixels = torch.frombuffer(bytearray(image.convert("RGB").tobytes()), dtype=torch.uint8).view(height, width, 3)
    maps = weights.view(-1, 1, side, side) / weights.amax(-1).view(-1, 1, 1, 1).clamp(1e-9)
    light = DARKEST + (1 - DARKEST) * F.interpolate(maps, (height, width), mode="bilinear", align_corners=False)
    with styled():
        figure, axes = panels(1 + len(words), width=1.6, height=1.7, columns=COLUMNS)
        axes[0].imshow(pixels.numpy())
        for ax, word, lit, each in zip(axes[1:], words, light[:, 0, :, :, None], weights, strict=True):
            ax.imshow((pixels * lit).round().byte().numpy())
            ax.set_title(f"{_short(word, LONGEST_TITLE)}  {float(each.max()):.2f}")
        for ax in axes:
            ax.set_axis_off()
    return figure


def attention_matrix(rows: Sequence[str], columns: Sequence[str], weights: Float[Tensor, "T S"]) -> Figure:
    """A row for each token that was written, a column for each that it could look at, the darker the more.

    Of long texts the places are smaller, and of those that are too long to be read the tokens are left out.

    Args:
        rows: The T tokens that were written.
        columns: What was read: S tokens, frames or regions.
        weights: Of each row, over the columns.

    Raises:
        InputError: If the numbers of rows or columns are others.

    Source: Bahdanau, Cho and Bengio 2015, figure 3.

    Example:
        >>> figure = attention_matrix(["a", "cat"], ["eine", "Katze"], torch.eye(2))
        >>> [label.get_text() for label in figure.axes[0].get_yticklabels()]
        ['a', 'cat']
    """
    weights = _checked(rows, weights)
    if len(columns) != weights.shape[1]:
        raise InputError(f"attention: {weights.shape[1]} weights in a row, but {len(columns)} columns")
    across, down = ([_short(visible(token), LONGEST_LABEL) for token in tokens] for tokens in (columns, rows))
    side = min(SIDE, LONGEST / max(len(across), len(down)))  # inches
    beside, above = (LETTER * max(map(len, labels)) for labels in (down, across))
    with styled():
        figure, (ax,) = panels(1, width=1.2 + beside + side * len(across), height=0.6 + above + side * len(down))
        image = ax.imshow(weights.numpy(), cmap="Blues", vmin=0.0, aspect="auto")
        ax.grid(False)
        ax.xaxis.tick_top()
        for axis, labels in ((ax.xaxis, across), (ax.yaxis, down)):
            shown = labels if len(labels) <= MOST_LABELS else []
            axis.set_ticks(range(len(shown)), shown, fontsize=min(8.0, 60 * side))  # points
        ax.tick_params(axis="x", labelrotation=90)
        figure.colorbar(image, ax=ax, label="share of the attention")
    return figure


def _checked(words: Sequence[str], weights: Tensor) -> Tensor:
    if weights.dim() != 2 or weights.numel() == 0:
        raise InputError(f"attention: weights are {list(weights.shape)}; give [words, regions], at least one of each")
    if len(words) != len(weights):
        raise InputError(f"attention: {len(words)} words, but weights of {len(weights)}")
    return weights.detach().float().cpu()


def _short(label: str, most: int) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"


def visible(token: str) -> str:
    """With signs for what can't be seen: a space alone, and the line end that ends a text.

    Example:
        >>> visible(" "), visible("\\n"), visible(" dog")
        ('␣', '⏎', 'dog')
    """
    return token.replace("\n", "⏎").replace(r"\n", "⏎").strip() or "␣"
