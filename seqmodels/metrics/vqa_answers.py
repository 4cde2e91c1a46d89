"""Answers to questions about images, spelled as the official evaluation of VQA spells them."""

import re

from seqmodels.errors import InputError

_PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
_POINT = re.compile(r"\.(?!\d)", re.ASCII)
_MOST_POINTS = 32  # the original gives re.UNICODE, 32, where the number of replacements goes
_COMMA_IN_NUMBER = re.compile(r"\d,\d", re.ASCII)
_ONE_TO_TEN = "one two three four five six seven eight nine ten"
_NUMBERS = {"none": "0", "zero": "0"} | {word: str(number) for number, word in enumerate(_ONE_TO_TEN.split(), 1)}
_ARTICLES = frozenset(["a", "an", "the"])

# Each is also written without its apostrophe; of several apostrophes, without one of them. Some, such as "she'd", are
# not in the original, because without it they are other words.
_CONTRACTIONS = """
    ain't aren't can't could've couldn't couldn't've didn't doesn't don't hadn't hadn't've hasn't haven't he'd he'd've
    he's how'd how'll how's isn't it'd it'd've it'll ma'am mightn't mightn't've might've mustn't must've needn't not've
    o'clock oughtn't 'ow's'at shan't she'd've should've shouldn't shouldn't've somebody'd've somebody'll somebody's
    someone'd someone'd've someone'll someone's something'd something'd've something'll that's there'd there'd've
    there're there's they'd they'd've they'll they're they've 'twas wasn't we'd've we've weren't what'll what're what's
    what've when's where'd where's where've who'd who'd've who'll who's who've why'll why're why's won't would've
    wouldn't wouldn't've y'all y'all'll y'all'd've you'd you'd've you'll you're you've
"""
_SPELLINGS = {
    contraction[:place] + contraction[place + 1 :]: contraction
    for contraction in _CONTRACTIONS.split()
    for place, character in enumerate(contraction)
    if character == "'"
} | {"somebody'd": "somebodyd"}  # the wrong way round in the original


def clean_answer(text: str) -> str:
    """Without line ends, tabs, and spaces around it.

    Raises:
        InputError: ``text`` isn't a string.
    """
    if not isinstance(text, str):
        raise InputError(f"an answer is {type(text).__name__}; give a string")
    return text.replace("\n", " ").replace("\t", " ").strip()


def normalise_answer(text: str) -> str:
    """The spelling under which the official evaluation of VQA compares answers.

    In its order: punctuation becomes nothing where it is beside a space, or in a text with a comma between digits, and
    a space elsewhere; points go unless a digit follows; lower case; ``none`` and ``zero`` to ``ten`` become digits;
    articles go; missing apostrophes come back (``dont``). Apostrophes and colons stay.

    Args:
        text: An answer.

    Raises:
        InputError: ``text`` isn't a string.

    Source: github.com/GT-Vision-Lab/VQA, ``vqaEval.py`` of 2021, ``processPunctuation`` and ``processDigitArticle``.

    Example:
        >>> normalise_answer("The T-shirt."), normalise_answer("two dogs, dont know"), normalise_answer("1,000")
        ('t shirt', "2 dogs don't know", '1000')
    """
    text = clean_answer(text)
    has_comma = _COMMA_IN_NUMBER.search(text) is not None
    plain = text
    for sign in _PUNCTUATION:
        beside_space = sign + " " in text or " " + sign in text
        plain = plain.replace(sign, "" if beside_space or has_comma else " ")
    words = [_NUMBERS.get(word, word) for word in _POINT.sub("", plain, count=_MOST_POINTS).lower().split()]
    return " ".join(_SPELLINGS.get(word, word) for word in words if word not in _ARTICLES)
