"""Which emoji are one picture but for skin tone, gender and direction."""

import re

_SKIN = re.compile(r" (medium-dark|medium-light|light|medium|dark) skin tone")
_PEOPLE = {"adult", "boy", "child", "girl", "man", "men", "people", "person", "woman", "women"}
_PEOPLE |= {"men\u2019s", "women\u2019s"}  # rooms
# Names whose words for a gender are words of their own.
_SAME = {
    "mermaid": "merperson",
    "merman": "merperson",
    "mrs. claus": "santa claus",
    "mx claus": "santa claus",
    "old man": "older person",
    "old woman": "older person",
    "prince": "person with crown",
    "princess": "person with crown",
    "woman and man holding hands": "people holding hands",
}


def emoji_base(name: str) -> str:
    """What is left of an emoji's name without skin tone, people and direction: the same for all its variants.

    Emoji are held out by it, not one by one: a model that was trained on "woman firefighter" has seen nearly all of
    "man firefighter dark skin tone", which would then measure memory.

    Example:
        >>> emoji_base("woman firefighter dark skin tone"), emoji_base("man running facing right"), emoji_base("man")
        ('firefighter', 'running', 'person')
    """
    text = _SKIN.sub("", name.lower()).removesuffix(" facing right")
    words = [word for word in _SAME.get(text, text).split() if word not in _PEOPLE]
    return " ".join(words) or "person"
