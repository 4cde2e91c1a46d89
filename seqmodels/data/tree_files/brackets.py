"""A tree in brackets: "(4 (3 lovely) (2 film))", "(S (NP (DT The)) ...)", "( ( good film ) . )"."""

import re

from seqmodels.errors import InputError
from seqmodels.trees import Branch, Tree

# No white space but that of ASCII: treebanks have words with other spaces in them.
_TOKENS = re.compile(r"\(([^ \t\r\n()]*)|(\))|([^ \t\r\n()]+)")


def parse_brackets(text: str) -> Tree:
    """The tree that is written in brackets.

    What follows a bracket at once is the node's label, "(3 lovely)"; after a space it is a word or a bracket,
    "( lovely film )". A node with one child takes that child's place, as is usual; the upper of two labels stays.

    Args:
        text: One tree, as the Stanford Sentiment Treebank, the Penn Treebank or the parses of ListOps and SNLI have it.

    Raises:
        InputError: Brackets don't fit, a bracket is empty, or there is none.

    Example:
        >>> tree = parse_brackets("(4 (3 (3 lovely)) (2 film))")
        >>> tree.words, tree.labels
        ((None, 'lovely', 'film'), ('4', '3', '2'))
        >>> parse_brackets("( ( lovely film ) . )").parents
        (-1, 0, 1, 1, 0)
    """
    open_branches: list[Branch] = []
    root: Branch | None = None
    for token in _TOKENS.finditer(text):
        label, closes, word = token.groups()
        if root is not None:
            raise InputError(f"{_shown(text, token.start())} follows the end of the tree; write one tree")
        if label is not None:
            open_branches.append(Branch(label or None))
        elif not open_branches:
            reason = "closes nothing" if closes else "stands in no bracket"
            raise InputError(
                f"{_shown(text, token.start())} {reason}; write a tree in brackets: (4 (3 lovely) (2 film))"
            )
        elif word is not None:
            open_branches[-1].children.append(Branch(word=word))
        else:
            root = _close(open_branches)
    if open_branches:
        missing = "1 bracket is" if len(open_branches) == 1 else f"{len(open_branches)} brackets are"
        raise InputError(f"{missing} never closed; write ) for each")
    if root is None:
        raise InputError("there is no tree; write one in brackets: (4 (3 lovely) (2 film))")
    return Tree.of(root)


def _close(open_branches: list[Branch]) -> Branch | None:
    """Ends the last bracket; the root, if it was the first one."""
    branch = open_branches.pop()
    if not branch.children:
        shown = f"({branch.label or ''})"
        raise InputError(f"the bracket {shown!r:.60} holds no word; a leaf is written (label word)")
    branch.collapse()
    if not open_branches:
        return branch
    open_branches[-1].children.append(branch)
    return None


def _shown(text: str, position: int) -> str:
    """A short piece of the text, as it is."""
    return f"{' '.join(text[position : position + 20].split())!r}"
