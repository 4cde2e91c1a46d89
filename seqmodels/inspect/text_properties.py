"""What is true of a text at each of its characters: in a quotation, in a comment, how far along the line."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from seqmodels.errors import OptionError


@dataclass(frozen=True)
class TextProperty:
    """What is true after each of a text's T characters is read; ``[start:stop]`` gives a part of it.

    Example:
        >>> quoted = text_property("double_quotes", 'a "b" c')
        >>> len(quoted), quoted[2:5].values.tolist()
        (7, [True, True, False])
    """

    name: str
    kind: Literal["binary", "number"]
    values: Bool[np.ndarray, " T"] | Float[np.ndarray, " T"]

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, part: slice) -> "TextProperty":
        return TextProperty(self.name, self.kind, self.values[part])


def text_property(name: str | Callable[[str], Any], text: str) -> TextProperty:
    """A property of a text, at every character.

    The value at place t is what holds once the character at t is read, as for a model's state at step t. So the last
    character of what opens a quotation, string, comment or bracket is inside (``"``, the ``*`` of ``/*``), and the
    last character of what closes it is outside, as is the newline after a line's comment.

    A quotation also ends at a blank line, so that a missing quote can't turn the rest of the text around; an
    apostrophe at a word's start or end can't be told from a single quote. An f-string ends at the first quote like
    its own, as before Python 3.12. A closing bracket that nothing opened is passed over.

    Args:
        name: One of ``PROPERTIES``; ``regex:PATTERN``, whether the character is in a match of Python's ``re``; or a
            function that turns a text into an array [T], of bool for a binary property, else of numbers.
        text: Characters as the model reads them. It may start and stop anywhere; then what was opened before its
            start isn't known.

    Raises:
        OptionError: No such property, a pattern that isn't one, or a function's array that doesn't fit the text.

    Example:
        >>> text_property("python_comment", "x  # y").values.astype(int).tolist()
        [0, 0, 0, 1, 1, 1]
        >>> text_property("regex:[aeiou]", "tea").kind, text_property("line_position", "ab\\nc").values.tolist()
        ('binary', [1.0, 2.0, 0.0, 1.0])
    """
    if callable(name):
        return _of_function(name, text)
    if name.startswith("regex:"):
        try:
            return _typed(name, _in_match(name.removeprefix("regex:"), text))
        except re.error as error:
            raise OptionError(f"property {name!r} is no regular expression: {error}; mend the pattern") from None
    if name not in _BUILT_IN:
        near = get_close_matches(name, PROPERTIES, n=1)
        hint = f"did you mean {near[0]!r}? " if near else ""
        raise OptionError(f"no text property {name!r}; {hint}known: {', '.join(PROPERTIES)}, or regex:PATTERN")
    return _typed(name, _BUILT_IN[name].compute(text))


def _of_function(function: Callable[[str], Any], text: str) -> TextProperty:
    name = getattr(function, "__name__", repr(function))
    values = np.asarray(function(text))
    if values.shape != (len(text),):
        raise OptionError(
            f"property {name}: its array has shape {list(values.shape)}; return one value for each of the text's "
            f"{len(text)} characters"
        )
    if values.dtype.kind not in "biuf" or not np.isfinite(values).all():
        raise OptionError(f"property {name}: some of its values are no finite numbers; return bools or numbers")
    return _typed(name, values)


def _typed(name: str, values: np.ndarray) -> TextProperty:
    if values.dtype == bool:
        return TextProperty(name, "binary", values)
    return TextProperty(name, "number", values.astype(np.float64))


# --- quotations, strings and comments -----------------------------------------------------------------------------


class _Region(NamedTuple):
    """Three patterns without groups: what opens it, one step of what is inside, what closes it."""

    kind: str
    opening: str
    body: str
    closing: str


_BLANK_LINE = r"\n[ \t\r]*\n"
_NEVER = r"(?!)"  # it ends where its body does, before the newline

_DOUBLE_QUOTES = (
    _Region("quote", '"', rf'(?!{_BLANK_LINE})[^"]', f'"|{_BLANK_LINE}'),
    _Region("quote", "“", rf"(?!{_BLANK_LINE})[^”]", f"”|{_BLANK_LINE}"),
)
_SINGLE_QUOTES = (
    # Not the apostrophe of don't: none opens after a letter, or closes before one or after a space.
    _Region("quote", r"(?<!\w)'(?=\S)", rf"(?!{_BLANK_LINE})(?:[^']|'(?=\w)|(?<=\s)')", rf"'|{_BLANK_LINE}"),
    _Region("quote", "\u2018", rf"(?!{_BLANK_LINE})(?:[^\u2019]|\u2019(?=\w))", f"\u2019|{_BLANK_LINE}"),
)
_PYTHON = (
    _Region("comment", "#", r"[^\n]", _NEVER),
    _Region("string", '"""', r'\\.?|(?!""").', '"""'),
    _Region("string", "'''", r"\\.?|(?!''').", "'''"),
    _Region("string", '"', r'\\.?|[^\\\n"]', '"'),
    _Region("string", "'", r"\\.?|[^\\\n']", "'"),
)
_C = (
    _Region("comment", r"/\*", r"(?!\*/).", r"\*/"),
    _Region("comment", "//", r"\\\r?\n|[^\n]", _NEVER),
    _Region("string", '"', r'\\.?|[^\\\n"]', '"'),
    _Region("character", "'", r"\\.?|[^\\\n']", "'"),
)


class _Found(NamedTuple):
    """A region in a text: all of it with its marks, and what is inside."""

    kind: str
    all: slice
    inside: slice


def _find(regions: tuple[_Region, ...], text: str) -> Iterator[_Found]:
    """Regions from left to right; one that has begun hides what looks like another's opening."""
    patterns = (f"({region.opening})(?:{region.body})*({region.closing})?" for region in regions)
    for match in re.finditer("|".join(patterns), text, re.DOTALL):
        assert match.lastindex is not None
        number, closed = divmod(match.lastindex - 1, 2)  # two groups a region: opening, closing
        inside = slice(match.end(2 * number + 1) - 1, match.end() - closed)
        yield _Found(regions[number].kind, slice(*match.span()), inside)


def _inside(text: str, regions: tuple[_Region, ...], *kinds: str) -> Bool[np.ndarray, " T"]:
    values = np.zeros(len(text), dtype=bool)
    for found in _find(regions, text):
        if found.kind in kinds:
            values[found.inside] = True
    return values


def _blanked(text: str, regions: tuple[_Region, ...]) -> str:
    """The text, just as long, with spaces for strings and comments: what is left is code."""
    parts, end = [], 0
    for found in _find(regions, text):
        parts += [text[end : found.all.start], " " * (found.all.stop - found.all.start)]
        end = found.all.stop
    return "".join([*parts, text[end:]])


# --- brackets and conditions --------------------------------------------------------------------------------------


def _bracket_depths(text: str, regions: tuple[_Region, ...] = ()) -> Int[np.ndarray, "3 T"]:
    """How many round, square and curly brackets are open after each character, outside of the regions."""
    change = np.zeros((3, len(text)), dtype=np.int64)
    opened: list[int] = []
    for match in re.finditer(r"[()\[\]{}]", _blanked(text, regions) if regions else text):
        closing, kind = divmod("([{)]}".index(match[0]), 3)
        if not closing:
            opened.append(kind)
            change[kind, match.start()] += 1
        while closing and kind in opened:  # brackets within it that were left open close with it
            last = opened.pop()
            change[last, match.start()] -= 1
            closing = last != kind
    return change.cumsum(1)


def _bracket_depth(text: str, regions: tuple[_Region, ...]) -> Int[np.ndarray, " T"]:
    return _bracket_depths(text, regions).sum(0)


def _in_python_condition(text: str) -> Bool[np.ndarray, " T"]:
    """From ``if`` or ``elif`` to the colon, or where there is none to the end of the line."""
    code, depth = _blanked(text, _PYTHON), _bracket_depth(text, _PYTHON)
    values = np.zeros(len(text), dtype=bool)
    end = re.compile(r"\\\r?\n|:(?!=)|\n")
    for match in re.finditer(r"^[ \t]*(?:el)?if\b", code, re.MULTILINE):
        if match.start() and depth[match.start() - 1]:
            continue  # the condition of a comprehension
        ends = (found.start() for found in end.finditer(code, match.end()) if found[0] in ":\n")
        values[match.end() : next((place for place in ends if depth[place] == 0), None)] = True
    return values


def _in_c_condition(text: str) -> Bool[np.ndarray, " T"]:
    """In the brackets after ``if``; not the preprocessor's ``#if``."""
    code, depth = _blanked(text, _C), _bracket_depth(text, _C)
    values = np.zeros(len(text), dtype=bool)
    for match in re.finditer(r"#\s*if\b|\bif\s*\(", code):
        if match[0].endswith("("):
            start = match.end() - 1
            closes = (found.start() for found in re.compile(r"[)\]}]").finditer(code, start))
            values[start : next((place for place in closes if depth[place] < depth[start]), None)] = True
    return values


# --- lines and words ----------------------------------------------------------------------------------------------


def _newlines(text: str) -> Bool[np.ndarray, " T"]:
    return np.array([character == "\n" for character in text], dtype=bool)


def _line_position(text: str) -> Int[np.ndarray, " T"]:
    place = np.arange(len(text))
    return place - np.maximum.accumulate(np.where(_newlines(text), place, -1))


def _line_fraction(text: str) -> Float[np.ndarray, " T"]:
    lengths = np.array([len(line) for line in text.split("\n")])
    return _line_position(text) / np.maximum(lengths[_newlines(text).cumsum()], 1)


def _indentation(text: str) -> Int[np.ndarray, " T"]:
    values = np.zeros(len(text), dtype=np.int64)
    for match in re.finditer(r"^([ \t]+)[^\n]*", text, re.MULTILINE):
        column = 0
        for place in range(match.start(), match.end(1)):
            column += 8 - column % 8 if text[place] == "\t" else 1
            values[place] = column
        values[match.end(1) : match.end()] = column
    return values


def _in_match(pattern: str, text: str, which: Callable[[str], bool] = bool) -> Bool[np.ndarray, " T"]:
    values = np.zeros(len(text), dtype=bool)
    for match in re.finditer(pattern, text):
        if which(match[0]):
            values[match.start() : match.end()] = True
    return values


# --- the table ----------------------------------------------------------------------------------------------------


class _BuiltIn(NamedTuple):
    description: str
    compute: Callable[[str], np.ndarray]


def _of_brackets(prefix: str, regions: tuple[_Region, ...], where: str) -> dict[str, _BuiltIn]:
    def inside(kind: int) -> Callable[[str], np.ndarray]:
        return lambda t: _bracket_depths(t, regions)[kind] > 0

    shapes = ("round", "square", "curly")
    return {
        **{f"{prefix}{s}_brackets": _BuiltIn(f"in {s} brackets{where}", inside(kind)) for kind, s in enumerate(shapes)},
        f"{prefix}bracket_depth": _BuiltIn(f"how many brackets are open{where}", lambda t: _bracket_depth(t, regions)),
    }


_BUILT_IN = {
    "double_quotes": _BuiltIn("in a quotation in double quotes", lambda t: _inside(t, _DOUBLE_QUOTES, "quote")),
    "single_quotes": _BuiltIn("in a quotation in single quotes", lambda t: _inside(t, _SINGLE_QUOTES, "quote")),
    "python_string": _BuiltIn("in a Python string", lambda t: _inside(t, _PYTHON, "string")),
    "python_comment": _BuiltIn("in a Python comment", lambda t: _inside(t, _PYTHON, "comment")),
    "python_string_or_comment": _BuiltIn(
        "in a Python string or comment", lambda t: _inside(t, _PYTHON, "string", "comment")
    ),
    "python_if": _BuiltIn("in the condition of a Python if or elif statement", _in_python_condition),
    "c_string": _BuiltIn("in a C string", lambda t: _inside(t, _C, "string")),
    "c_comment": _BuiltIn("in a C comment, /* */ or //", lambda t: _inside(t, _C, "comment")),
    "c_string_or_comment": _BuiltIn("in a C string or comment", lambda t: _inside(t, _C, "string", "comment")),
    "c_if": _BuiltIn("in the condition of a C if statement", _in_c_condition),
    **_of_brackets("", (), ", wherever they are"),
    **_of_brackets("python_", _PYTHON, " in Python code"),
    **_of_brackets("c_", _C, " in C code"),
    "line_position": _BuiltIn("characters read of the line, 0 after its newline", _line_position),
    "line_fraction": _BuiltIn("the share of the line that is read, from 0 to 1", _line_fraction),
    "indentation": _BuiltIn("columns of white space at the line's start, a tab's as in Python", _indentation),
    "upper_case_word": _BuiltIn(
        "in a word in upper case, of two characters or more", lambda t: _in_match(r"\b\w{2,}\b", t, str.isupper)
    ),
    "digit": _BuiltIn("a digit", lambda t: _in_match(r"\d+", t)),
}

PROPERTIES: dict[str, str] = {name: built_in.description for name, built_in in _BUILT_IN.items()}
"""Names and descriptions of the properties that come with the library."""
