"""Words in lower case, apart from punctuation: what questions and other short texts are cut into."""

import re

_WORDS = re.compile(r"\w+(?:['\u2019]\w+)*|[^\w\s]")


def plain_words(text: str) -> str:
    """Lower case, a space between words and punctuation marks.

    Example:
        >>> plain_words("How many horses are in this image?")
        'how many horses are in this image ?'
    """
    return " ".join(_WORDS.findall(text.lower()))
