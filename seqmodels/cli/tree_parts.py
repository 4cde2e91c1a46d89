"""How ``seqmodels classify`` shows the classes of all parts of a tree."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seqmodels.trees import Tree

LONGEST = 60  # characters of a part's words


def shown_parts(tree: "Tree", classes: Sequence[tuple[str, float]]) -> list[str]:
    """A line a node: the probability of its class, the class, and its words, indented by its depth.

    Args:
        tree: The tree; where inner nodes have words, each is shown with its own.
        classes: Of each node, with their probabilities.

    Example:
        >>> from seqmodels.data.tree_files import parse_brackets
        >>> tree = parse_brackets("( not ( good film ) )")
        >>> print(*shown_parts(tree, [("bad", 0.75), ("bad", 1), ("good", 0.5), ("good", 1), ("fair", 1)]), sep="\\n")
         75.00%  bad   not good film
        100.00%  bad     not
         50.00%  good    good film
        100.00%  good      good
        100.00%  fair      film
    """
    width = max(len(label) for label, _ in classes)
    nodes = zip(range(len(tree)), tree.depths.tolist(), classes, strict=True)
    return [
        f"{probability:7.2%}  {label:{width}}  {'  ' * depth}{_words(tree, node)}"
        for node, depth, (label, probability) in nodes
    ]


def _words(tree: "Tree", node: int) -> str:
    return textwrap.shorten(tree.words[node] or tree.phrase(node), LONGEST, placeholder=" ...")
