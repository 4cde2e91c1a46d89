"""Names of characters and what these are: texts with classes that every Python brings."""

import unicodedata

from seqmodels.data.labelled.records import LabelledText

# The Unicode Standard, table 4-4. The line and the paragraph separator are alone in their categories.
_CATEGORIES = {
    "Lu": "uppercase letter",
    "Ll": "lowercase letter",
    "Lt": "titlecase letter",
    "Lm": "modifier letter",
    "Lo": "other letter",
    "Mn": "nonspacing mark",
    "Mc": "spacing mark",
    "Me": "enclosing mark",
    "Nd": "decimal number",
    "Nl": "letter number",
    "No": "other number",
    "Pc": "connector punctuation",
    "Pd": "dash punctuation",
    "Ps": "open punctuation",
    "Pe": "close punctuation",
    "Pi": "initial quote",
    "Pf": "final quote",
    "Po": "other punctuation",
    "Sm": "math symbol",
    "Sc": "currency symbol",
    "Sk": "modifier symbol",
    "So": "other symbol",
    "Zs": "space",
    "Cf": "format character",
}
_COMPUTED = ("CJK ", "HANGUL SYLLABLE ")  # names made of the code point or the sound, tens of thousands of them


def read_unicode_names() -> list[LabelledText]:
    """The characters of Unicode's Basic Multilingual Plane by name, about 14,000, with their general category.

    Source: unicode.org, as of this Python's ``unicodedata.unidata_version``.

    Example:
        >>> [text[:2] for text in read_unicode_names() if "GREEK SMALL LETTER ALPHA" == text.text]
        [('lowercase letter', 'GREEK SMALL LETTER ALPHA')]
    """
    found = []
    for code in range(0x10000):
        name = unicodedata.name(chr(code), "")
        label = _CATEGORIES.get(unicodedata.category(chr(code)))
        if name and label and not name.startswith(_COMPUTED):
            found.append(LabelledText(label, name, f"unicode, U+{code:04X}"))
    return found
