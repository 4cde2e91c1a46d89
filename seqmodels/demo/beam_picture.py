"""A picture of the tree that a beam search has grown: it grows before one's eyes."""

import html
from collections.abc import Sequence

from seqmodels.demo.beam_tree import Node

ROW, LETTER = 30, 9.0  # heights and widths, in units of the picture
BEND = 34  # of an edge, before its word


def draw_tree(nodes: Sequence[Node], steps: int | None = None) -> str:
    """A tree as SVG: words stand on its edges, each with the log-probability of all that is written until there.

    What the search has given up is faint, what it has found ends in a ring with its rank, and the way to the best is
    bold. Each group of diverse beam search has a colour.

    Args:
        nodes: See :func:`seqmodels.demo.beam_tree.grow_tree`.
        steps: How many steps are drawn; None: all, one after another, as an animation.

    Example:
        >>> root = Node("", 0.0, 0, 0, None)
        >>> picture = draw_tree([root, Node("a", -0.5, 1, 0, root), Node("b", -1.0, 1, 0, root, row=1.0)])
        >>> picture.count("<path"), "−0.50" in picture
        (2, True)
    """
    left = _columns(nodes)
    width, height = left[-1] + 56, (max(node.row for node in nodes) + 1) * ROW
    drawn = "".join(_branch(node, left, steps) for node in nodes[1:] if steps is None or node.step <= steps)
    root = f'<circle cx="{left[0]}" cy="{_height(nodes[0]):.1f}" r="4"/>'
    return (
        f'<div class="scroll" tabindex="0"><svg class="tree" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img" aria-label="beam search">{root}{drawn}</svg></div>'
    )


def _columns(nodes: Sequence[Node]) -> list[float]:
    """Where the nodes of each step are, from the left."""
    left = [8.0]
    for step in range(1, max(node.step for node in nodes) + 1):
        longest = max(len(node.word) for node in nodes if node.step == step)
        left.append(left[-1] + BEND + LETTER * longest + 48)
    return left


def _height(node: Node) -> float:
    return (node.row + 0.5) * ROW + 4


def _branch(node: Node, left: Sequence[float], steps: int | None) -> str:
    """The edge to a node, its word, and the node."""
    assert node.parent is not None
    x, y, x0, y0 = left[node.step], _height(node), left[node.step - 1], _height(node.parent)
    best = node.best
    kind = "given-up" if best is None else "best" if best == 1 else "found"
    delay = "" if steps is None else "animation:none"
    end = f'<circle cx="{x}" cy="{y:.1f}" r="2.5"/>'
    if node.rank is not None:
        end = (
            f'<circle class="ring" cx="{x + 9}" cy="{y:.1f}" r="9"/>'
            f'<text class="rank" x="{x + 9}" y="{y + 4:.1f}">{node.rank}</text>'
        )
    return (
        f'<g class="{kind} group-{node.group % 7}" style="{delay or f"animation-delay:{0.45 * node.step:.2f}s"}">'
        f"<title>{html.escape(_written(node))}</title>"
        f'<path d="M{x0},{y0:.1f} C{x0 + BEND * 0.6:.1f},{y0:.1f} {x0 + BEND * 0.4:.1f},{y:.1f} '
        f'{x0 + BEND},{y:.1f} H{x}"/><text x="{x0 + BEND}" y="{y - 5:.1f}">{html.escape(node.word)}'
        f'<tspan dx="6">{minus(node.log_probability)}</tspan></text>{end}</g>'
    )


def _written(node: Node) -> str:
    """All words until a node, and what they are worth."""
    words, at = [], node
    while at.parent is not None:
        words.append(at.word)
        at = at.parent
    own = node.log_probability - (node.parent.log_probability if node.parent else 0.0)
    return f"{' '.join(reversed(words))}: {minus(node.log_probability)}, the last word {minus(own)}"


def minus(value: float) -> str:
    """A log-probability with two digits and a minus sign."""
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
