"""Expressions as trees of operators: "[MAX 2 9 [MIN 4 7 ] 0 ]"."""

from seqmodels.errors import InputError
from seqmodels.trees import Branch, Tree


def parse_operators(text: str) -> Tree:
    """The tree whose inner nodes are operators, with what they take below them; parentheses don't count.

    Args:
        text: Tokens with spaces between, as ListOps has them: "[MAX" begins an operator, "]" ends it.

    Raises:
        InputError: Brackets don't fit, or an operator takes nothing.

    Source: Nangia and Bowman 2018, "ListOps: a diagnostic dataset for latent tree learning".

    Example:
        >>> tree = parse_operators("[MAX 2 [MIN 4 7 ] ]")
        >>> tree.words, tree.parents
        (('[MAX', '2', '[MIN', '4', '7'), (-1, 0, 0, 2, 2))
    """
    outside = Branch()
    above = [outside]
    for token in text.split():
        if token in ("(", ")"):
            continue
        if token == "]":
            if len(above) == 1:
                raise InputError("']' ends no operator; begin one, such as '[MAX'")
            if not above.pop().children:
                raise InputError("an operator takes nothing; write something between '[MAX' and ']'")
            continue
        branch = Branch(word=token)
        above[-1].children.append(branch)
        if token.startswith("["):
            above.append(branch)
    if len(above) > 1:
        raise InputError(f"{above[-1].word!r} is never ended; write ']' for it")
    if len(outside.children) != 1:
        raise InputError(f"there are {len(outside.children)} expressions; write one, such as '[MAX 2 9 ]'")
    return Tree.of(outside.children[0])
