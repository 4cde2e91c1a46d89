"""Names and their probabilities, as bars."""

import html
from collections.abc import Sequence


def bars(probabilities: Sequence[tuple[str, float]]) -> str:
    """A list as HTML: a name, its bar, and its percentage in each line.

    Args:
        probabilities: In [0, 1], the largest first.

    Example:
        >>> bars([("yes", 0.75)])
        '<ol class="bars"><li><span>yes</span><i style="--share:75.00%"></i><b>75.0 %</b></li></ol>'
    """
    rows = (
        f'<li><span>{html.escape(name)}</span><i style="--share:{p:.2%}"></i><b>{p * 100:.1f} %</b></li>'
        for name, p in probabilities
    )
    return f'<ol class="bars">{"".join(rows)}</ol>'
