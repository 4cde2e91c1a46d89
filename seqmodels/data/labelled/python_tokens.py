"""Lines of Python with the role of each token: tagged sentences that every Python brings."""

import io
import itertools
import keyword
import tokenize
from collections.abc import Iterator

from seqmodels.data.corpora import corpus_title, read_corpus
from seqmodels.data.labelled.records import TaggedSentence

_LINES = 5_000
_LAYOUT = {tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT, tokenize.ENDMARKER}


def read_python_tokens() -> list[TaggedSentence]:
    """The first 5,000 logical lines of the standard library; comments and layout are left out.

    Tags: keyword, operator, number, string; and of the other names: definition (after def and class), call (before a
    bracket), argument (before = within brackets), attribute (after a point) and name. Both neighbours of a name, and
    the brackets that are open, decide.

    Raises:
        DataError: This Python comes without the source of its standard library.

    Example:
        >>> lines = read_python_tokens()
        >>> [line[:2] for line in lines if line.words[:2] == ("def", "register") and len(line.words) == 8]
        [(('def', 'register', '(', 'cls', ',', 'subclass', ')', ':'), ('keyword', 'definition', 'operator', ...))]
    """
    title = corpus_title("python")
    lines = itertools.islice(_logical_lines(read_corpus("python")), _LINES)
    return [TaggedSentence(tuple(_word(token) for token in line), tuple(_tags(line)), title) for line in lines]


def _logical_lines(text: str) -> Iterator[list[tokenize.TokenInfo]]:
    line: list[tokenize.TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NEWLINE:
            if line:
                yield line
            line = []
        elif token.type not in _LAYOUT:
            line.append(token)


def _word(token: tokenize.TokenInfo) -> str:
    """A string literal without its white space, so that it is one word."""
    return "_".join(token.string.split()) or "_"


def _tags(line: list[tokenize.TokenInfo]) -> Iterator[str]:
    depth = 0  # of open brackets
    strings = ["", *(token.string for token in line), ""]
    for token, before, after in zip(line, strings, strings[2:], strict=False):
        if token.type == tokenize.OP:
            depth += {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}.get(token.string, 0)
        yield _tag(token, before, after, depth > 0)


def _tag(token: tokenize.TokenInfo, before: str, after: str, within_brackets: bool) -> str:
    if token.type != tokenize.NAME:
        return {tokenize.OP: "operator", tokenize.NUMBER: "number"}.get(token.type, "string")
    if keyword.iskeyword(token.string):
        return "keyword"
    if before in ("def", "class"):
        return "definition"
    if after == "(":
        return "call"
    if after == "=" and within_brackets:
        return "argument"
    return "attribute" if before == "." else "name"
