"""Dependency trees: CoNLL-U."""

from collections.abc import Sequence

from seqmodels.errors import InputError
from seqmodels.trees import Branch, Tree

FORM, HEAD, COLUMNS = 1, 6, 10


def parse_conllu(lines: Sequence[str]) -> Tree:
    """The dependency tree of a sentence: every word below its head, the label of a comment ``# label = x`` at the root.

    Words of several tokens (``1-2``) and empty nodes (``1.1``) are left out: they have no head of their own.

    Args:
        lines: Of one sentence: comments, then ten columns with tabs between.

    Raises:
        InputError: A line has not ten columns, words aren't numbered from 1, a head is no word, not exactly one word
            has the head 0, or heads go round in a circle.

    Source: universaldependencies.org/format.html.

    Example:
        >>> rows = [["1", "Birds", "2"], ["2", "sing", "0"], ["3", "loudly", "2"]]
        >>> lines = ["\\t".join([n, word, *"____", head, *"___"]) for n, word, head in rows]
        >>> print(parse_conllu(["# label = fact", *lines]))
        (fact sing ( Birds) ( loudly))
    """
    label: str | None = None
    words: list[str] = []
    heads: list[str] = []
    for line in lines:
        if line.startswith("#"):
            name, _, value = line[1:].partition("=")
            label = value.strip() if name.strip() == "label" else label
            continue
        columns = line.split("\t")
        if len(columns) != COLUMNS:
            raise InputError(f"{line!r:.60} has {len(columns)} columns; CoNLL-U has {COLUMNS}, with tabs between")
        if "-" in columns[0] or "." in columns[0]:
            continue
        if columns[0] != str(len(words) + 1):
            raise InputError(f"word {columns[0]!r} follows word {len(words)}; number words from 1")
        words.append(columns[FORM])
        heads.append(columns[HEAD])
    branches = [Branch(word=word) for word in words]
    root = _attach(branches, [_head(head, words, number) for number, head in enumerate(heads, 1)])
    root.label = label
    return Tree.of(root)


def _head(text: str, words: Sequence[str], number: int) -> int:
    if not text.isdecimal() or int(text) > len(words):
        raise InputError(f"the head of word {number} is {text!r}; it must be 0 to {len(words)}, the number of a word")
    return int(text)


def _attach(branches: list[Branch], heads: list[int]) -> Branch:
    """Hangs each word below its head; the root."""
    roots = [number for number, head in enumerate(heads) if head == 0]
    if len(roots) != 1:
        found = ", ".join(str(root + 1) for root in roots) or "none"
        raise InputError(f"{len(roots)} words have the head 0 ({found}); a tree has one root")
    for branch, head in zip(branches, heads, strict=True):
        if head:
            branches[head - 1].children.append(branch)
    reached, todo = 0, [branches[roots[0]]]
    while todo:
        reached += 1
        todo += todo.pop().children
    if reached < len(branches):
        raise InputError(
            f"the heads of {len(branches) - reached} words go round in a circle; each must lead to the root"
        )
    return branches[roots[0]]
