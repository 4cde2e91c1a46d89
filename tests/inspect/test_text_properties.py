"""Properties of texts: what is inside and what is not, against Python's tokenizer and against what one sees."""

import inspect
import io
import string
import textwrap
import tokenize

import numpy as np
import pytest

from seqmodels.errors import OptionError
from seqmodels.inspect.text_properties import PROPERTIES, text_property


def marked(name, text):
    """``^`` below each character where the property is true."""
    return "".join(" ^"[value] for value in text_property(name, text).values.astype(int)).rstrip()


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        # From the mark that opens to before the mark that closes.
        ("double_quotes", 'a "bc" d', "  ^^^"),
        ("double_quotes", "a “bc” d “e", "  ^^^    ^^"),
        ("single_quotes", "a 'bc' d", "  ^^^"),
        ("single_quotes", "don't 'let 'em, it's' so", "      ^^^^^^^^^^^^^^"),
        ("single_quotes", "a \u2018don\u2019t\u2019 b", "  ^^^^^^"),
        ("python_string", "x = f'a' + \"b\"", "     ^^    ^^"),
        ("python_string", r'x = r"\"" + "', "     ^^^    ^"),
        ("python_string", 'x = """a"b""" ', "      ^^^^^^"),
        ("python_string", "x = 'open\ny = 'b'", "    ^^^^^     ^^"),
        ("python_string", "x = 'a\\\nb' '", "    ^^^^^  ^"),
        ("python_string", "# it's\nx = '#'", "           ^^"),
        ("python_string", 'x = "a\\', "    ^^^"),
        ("python_comment", "x = '#'  # y\nz", "         ^^^"),
        ("python_string_or_comment", "x = '#'  # y\nz", "    ^^   ^^^"),
        ("c_string", 'a = \'"\'; b = "c\\"d";', "             ^^^^^"),
        ("c_comment", "a /* b\n*/ c", "   ^^^^^"),
        ("c_comment", "a /*/ b */ c", "   ^^^^^^"),
        ("c_comment", 'a "/*" // b \\\n c\nd', "        ^^^^^^^^"),
        ("c_string_or_comment", 'a "b" // c\'s\nd', "  ^^   ^^^^^"),
        ("round_brackets", "f(a, (b)) c", " ^^^^^^^"),
        ("square_brackets", "a[b] {c}", " ^^"),
        ("curly_brackets", "a[b] {c}", "     ^^"),
        ("round_brackets", "a) (b", "   ^^"),
        ("round_brackets", "{a (b} c", "   ^^"),
        ("round_brackets", "(')') a", "^^"),
        ("python_round_brackets", "(')') a", "^^^^"),
        ("c_round_brackets", '(")" /* ) */) a', "^^^^^^^^^^^^"),
        ("python_if", "if a[1:2]: b", "  ^^^^^^^"),
        ("python_if", "  elif (a :=\n b): c", "      ^^^^^^^^^^"),
        ("python_if", "if a := b: c", "  ^^^^^^^"),
        ("python_if", "if a \\\n and b: c", "  ^^^^^^^^^^^"),
        ("python_if", "if a\nb: c", "  ^^"),
        ("python_if", "x = [a\n if b]; c: d", ""),
        ("python_if", "iffy: a = b if c else d", ""),
        ("python_if", "'''\nif a: b''' # \nif ':': d", "                    ^^^^"),
        ("c_if", "} else if (a && f(b)) c;", "          ^^^^^^^^^^"),
        ("c_if", "if (a == ')') c;", "   ^^^^^^^^^"),
        ("c_if", "#if (a)\n# if (b)\niffy(c)", ""),
        ("c_if", "if (a", "   ^^"),
        ("upper_case_word", "A BC Def MAX_2 12", "  ^^     ^^^^^"),
        ("digit", "a 12, b3", "  ^^   ^"),
        ("regex:b+", "abba b", " ^^  ^"),
    ],
)
def test_what_is_inside_and_what_is_not(name, text, expected):
    assert marked(name, text) == expected


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("line_position", "ab\n\nabc", [1, 2, 0, 0, 1, 2, 3]),
        ("line_fraction", "ab\n\nabcd", [0.5, 1, 0, 0, 0.25, 0.5, 0.75, 1]),
        ("indentation", "  a\n\tb\n \tc\nd", [1, 2, 2, 0, 8, 8, 0, 1, 8, 8, 0, 0]),
        ("bracket_depth", "a(b[c]{d)e", [0, 1, 1, 2, 2, 1, 2, 2, 0, 0]),
        ("python_bracket_depth", "('(')#(", [1, 1, 1, 1, 0, 0, 0]),
        ("c_bracket_depth", "('(')//(", [1, 1, 1, 1, 0, 0, 0, 0]),
    ],
)
def test_numbers_are_those_after_the_character(name, text, expected):
    found = text_property(name, text)
    assert found.kind == "number"
    assert found.values.tolist() == expected


def test_a_blank_line_ends_a_quotation():
    assert marked("double_quotes", 'a "b\n \nc "d" e') == "  ^^^^   ^^"
    assert marked("single_quotes", "a 'b\nc\n\nd") == "  ^^^^^"


def tokens_of(source, kinds):
    """True from the last character of what opens a token of Python to before what closes it."""
    starts = np.cumsum([0] + [len(line) for line in source.splitlines(keepends=True)])
    values = np.zeros(len(source), dtype=bool)
    for kind, begin, end in whole_tokens(source):
        if kind in kinds:
            first, last = (starts[row - 1] + column for row, column in (begin, end))
            if kind == "STRING":
                first = min(place for place in (source.find(mark, first) for mark in "'\"") if place >= 0)
                first += 2 * (source[first : first + 3] in ("'''", '"""'))
                last -= 1
            values[first:last] = True
    return values


def whole_tokens(source):
    """Kind, begin and end of each token; an f-string is one, as it was before Python 3.12."""
    opened = []
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = tokenize.tok_name[token.type]
        if kind == "FSTRING_START":
            opened.append(token.start)
        elif kind == "FSTRING_END":
            begin = opened.pop()
            if not opened:
                yield "STRING", begin, token.end
        elif not opened:
            yield kind, token.start, token.end


@pytest.mark.parametrize("module", [string, textwrap, tokenize])
def test_python_is_read_as_its_tokenizer_does(module):
    source = inspect.getsource(module)
    for name, kinds in [("python_comment", {"COMMENT"}), ("python_string", {"STRING"})]:
        expected = tokens_of(source, kinds)
        assert expected.any()
        assert np.array_equal(text_property(name, source).values, expected)
    both = text_property("python_string_or_comment", source).values
    assert np.array_equal(both, tokens_of(source, {"COMMENT", "STRING"}))


@pytest.mark.parametrize("name", PROPERTIES)
def test_any_part_of_a_text_has_every_property(name):
    source = inspect.getsource(tokenize)[:3000]
    for text in ("", "x", "\n", source[1000:], source[:1777], "'\"\\([{/*#“\u2018if(" * 3, "\ud800é\r\n"):
        found = text_property(name, text)
        assert len(found) == len(found.values) == len(text)
        assert found.kind == ("binary" if found.values.dtype == bool else "number")
        assert found[1:3].values.tolist() == found.values[1:3].tolist()


@pytest.mark.parametrize("name", sorted(set(PROPERTIES) - {"line_fraction", "upper_case_word"}))
def test_what_follows_a_line_does_not_change_what_was_true_in_it(name):
    source = inspect.getsource(textwrap)
    stop = source.index("\n", 6000) + 1
    assert np.array_equal(text_property(name, source[:stop]).values, text_property(name, source).values[:stop])


def test_a_function_of_ones_own_is_a_property():
    def vowel(text):
        return np.array([character in "aeiou" for character in text])

    found = text_property(vowel, "tea")
    assert (found.name, found.kind, found.values.tolist()) == ("vowel", "binary", [False, True, True])
    found = text_property(lambda text: list(map(ord, text)), "ab")
    assert (found.kind, found.values.tolist()) == ("number", [97.0, 98.0])


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("double_quote", "no text property 'double_quote'; did you mean 'double_quotes'? known: double_quotes, "),
        ("xyz", "no text property 'xyz'; known: "),
        ("regex:(", "'regex:(' is no regular expression: missing ), unterminated subpattern"),
        (lambda text: [1, 2], "its array has shape [2]; return one value for each of the text's 3 characters"),
        (lambda text: [1, 2, float("nan")], "some of its values are no finite numbers"),
        (lambda text: list(text), "some of its values are no finite numbers"),
    ],
)
def test_what_is_no_property_is_refused(one_line, name, part):
    with one_line(OptionError, part):
        text_property(name, "abc")
