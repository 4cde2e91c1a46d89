"""The tree that a beam search has grown, and where each of its nodes is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from seqmodels.decoding import Hypothesis, TraceStep


@dataclass
class Node:
    """What one beam had written after one step."""

    word: str
    """The last of it."""
    log_probability: float
    """Of all of it, in nats."""
    step: int
    """0 is the root, before the first word."""
    group: int
    """Of diverse beam search."""
    parent: "Node | None"
    ended: bool = False
    """Whether the word is the end."""
    rank: int | None = None
    """Its place among what the search found, from 1; None: it goes on, or was given up."""
    row: float = 0.0
    """Where it is drawn, from the top; leaves have whole numbers."""
    children: "list[Node]" = field(default_factory=list)

    @property
    def best(self) -> int | None:
        """The rank of the best hypothesis that goes through it; None: the search has given it up."""
        ranks = [self.rank, *(child.best for child in self.children)]
        return min((rank for rank in ranks if rank is not None), default=None)


def grow_tree(trace: Sequence[TraceStep], found: Sequence[Hypothesis], words: Sequence[str]) -> list[Node]:
    """The nodes of the search of one sequence, the root first, step by step.

    Args:
        trace: What the search was given as ``trace`` has collected.
        found: The hypotheses of the sequence, best first.
        words: What each token is called.

    Example:
        >>> import torch
        >>> from seqmodels.decoding import beam_search
        >>> likely = torch.tensor([[0, 5, 4, 1], [0, 4, 3, 3], [0, 0, 1, 9], [0, 0, 0, 10]]) / 10
        >>> markov, trace = lambda tokens, state: (likely[tokens].log(), state), []
        >>> [found] = beam_search(
        ...     markov, None, torch.tensor([0]), beam_size=2, max_length=5, end=3, trace=trace.append
        ... )
        >>> tree = grow_tree(trace, found, ["", "a", "b", "."])
        >>> [(node.parent.word, node.word, node.step) for node in tree if node.rank == 1]
        [('b', '.', 2)]
    """
    ranks = {(one.group, one.tokens, one.ended): place for place, one in enumerate(found, 1)}
    nodes = [Node("", 0.0, 0, 0, None)]
    before = nodes
    for number, step in enumerate(trace, 1):
        new = []
        columns = (step.group, step.parent, step.tokens, step.log_probability, step.ended)
        for group, parent, tokens, score, ended in zip(*(column.tolist() for column in columns), strict=True):
            node = Node(words[tokens[-1]], score, number, group, before[parent], ended)
            node.rank = ranks.get((group, tuple(tokens[:-1] if ended else tokens), ended))
            before[parent].children.append(node)
            new.append(node)
        before = new
        nodes += new
    _place(nodes[0], 0)
    return nodes


def _place(node: Node, first: int) -> int:
    """Gives a node and all below it their rows, from the first free one; the next free one."""
    if not node.children:
        node.row = first
        return first + 1
    for child in sorted(node.children, key=lambda child: child.group):  # the groups of diverse search stay together
        first = _place(child, first)
    node.row = (node.children[0].row + node.children[-1].row) / 2
    return first
