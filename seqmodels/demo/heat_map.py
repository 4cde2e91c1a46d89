"""Where a translator looked, as a picture."""

import html
from collections.abc import Sequence

from jaxtyping import Float
from torch import Tensor

from seqmodels.inspect.attention_pictures import visible

LETTER = 8.5  # width of a character, in units of the picture


def heat_map(weights: Float[Tensor, "T S"], target_tokens: Sequence[str], source_tokens: Sequence[str]) -> str:
    """Weights as SVG: a row for each token written, a column for each token read, the darker the more.

    Args:
        weights: In [0, 1].
        target_tokens: Of the rows.
        source_tokens: Of the columns.

    Example:
        >>> import torch
        >>> picture = heat_map(torch.eye(2), ["a", "cat"], ["eine", "Katze"])
        >>> picture.count("<rect"), "cat ← Katze: 1.00" in picture
        (4, True)
    """
    target_tokens, source_tokens = ([visible(token) for token in tokens] for tokens in (target_tokens, source_tokens))
    side = 34 if len(source_tokens) <= 24 else 20
    left = 16 + LETTER * max(map(len, target_tokens))
    top = 16 + 0.75 * LETTER * max(map(len, source_tokens))  # they stand at 45 degrees
    width = left + side * len(source_tokens) + top
    height = top + side * len(target_tokens) + 4
    parts = []
    for column, token in enumerate(source_tokens):
        x, y = left + side * (column + 0.6), top - 6
        parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" transform="rotate(-45 {x:.1f} {y:.1f})">{html.escape(token)}</text>'
        )
    for row, (token, values) in enumerate(zip(target_tokens, weights.tolist(), strict=True)):
        y = top + side * row
        parts.append(
            f'<text x="{left - 8:.1f}" y="{y + side / 2 + 5:.1f}" text-anchor="end">{html.escape(token)}</text>'
        )
        for column, (read, value) in enumerate(zip(source_tokens, values, strict=True)):
            title = html.escape(f"{token} ← {read}: {value:.2f}")
            parts.append(
                f'<rect x="{left + side * column + 1:.1f}" y="{y + 1:.1f}" width="{side - 2}" height="{side - 2}" '
                f'rx="3" style="--weight:{value:.3f}"><title>{title}</title></rect>'
            )
    return (
        f'<div class="scroll" tabindex="0"><svg class="heat" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="attention">{"".join(parts)}</svg></div>'
    )
