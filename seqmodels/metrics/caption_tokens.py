"""Words of a caption, as the COCO caption evaluation finds them."""

import re

from seqmodels.errors import InputError

# What the COCO caption evaluation takes out. Its list has "-LRB-" and the like too, but in capitals, and its words are
# in lower case by then: brackets stay.
_PUNCTUATION = frozenset(["'", "''", "`", "``", ".", "?", "!", ",", ":", ";", "-", "--", "---", "..."])
_ENTITIES = {"&quot;": '"', "&apos;": "'", "&nbsp;": " ", "&lt;": "<", "&gt;": ">"}
# Apostrophes are one; quotes, dashes and dots are spelled as punctuation, which is left out.
_PLAIN = str.maketrans(
    dict.fromkeys("\u2019\u201b", "'")
    | dict.fromkeys('"`\u2018\u201a\u201c\u201d\u201e\u2039\u203a\u00ab\u00bb\u2013\u2014\u2015\u2026', " ")
)
_SPELLINGS = str.maketrans(
    {"(": "-lrb-", ")": "-rrb-", "[": "-lsb-", "]": "-rsb-", "{": "-lcb-", "}": "-rcb-"}
    | {"¢": "cents", "£": "#", "€": "$", "¤": "$", "½": "1/2", "¼": "1/4", "¾": "3/4", "⅓": "1/3", "⅔": "2/3"}
)
# Words that are two, and the length of the first.
_COMPOUNDS = {"cannot": 3, "gonna": 3, "gotta": 3, "gimme": 3, "lemme": 3, "wanna": 3, "'tis": 2, "'twas": 2}

_ABBREVIATIONS = r"""
    jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thurs fri
    ala ariz calif colo conn ct dak fla ga ind kans? ky md mich minn mo mont neb nev okla penn tenn va vt wisc? wyo
    mr mrs ms drs? profs? sens? reps? attys? lt col gen messrs govs? adm rev maj sgt cpl pvt capt ste? ave pres lieut
    hon brig co?mdr pfc spc supts? det jr sr bros (?:ed|ph)\.d blvd rd esq
    inc cos? corp pty pte ltd plc bancorp dept bhd bldg assn univ intl sys ph etc al seq est ext tel
    vs alex wm jos cie cf elec mfg mt natl sq treas
"""
_WITH_A_CAPITAL = "Az Ark Del Ft Ill La Mass Ore Pa Tex Wash"  # without one they are words
_BEFORE_A_NUMBER = "no nos figs? art op pp prop ca"
# After these a sentence begins, so that the point before them is no part of "T." in "the letter T. A man ...".
_BEGINNINGS = """
    A An And As At But For He Here How I If In It On One She So That The There They This To We What When With You
"""


def _any(words: str) -> str:
    return "|".join(words.split())


_L = r"[^\W\d_]"  # a letter
_A = r"[^\W_]"  # a letter or digit
_PATTERNS = [  # the first that fits
    rf"(?!(?i:{'|'.join(_COMPOUNDS)})\s)[A-Za-z]+(?=\s)",  # most words, so first for speed
    r"</?[A-Za-z][^\s<>]*>",
    r"""(?:(?:https?|ftp)://|www\.)[^\s"<>|()]+[^\s"<>|().,;:!?'-]""",
    r"""[A-Za-z0-9][^\s"<>|(){}@,;:!?]*@(?:[^\s"<>|(){}.,;:!?@]+\.)*[^\s"<>|(){}.,;:!?@]+""",  # address for mail
    rf"@[A-Za-z_]\w* | \#{_L}+",
    r"(?i:-[lr][rsc]b-)",
    r"[<>]?[:;=][-o*']?[()DPdpO\\{@|\[\]](?!\w)",  # smiley
    rf"(?i:{'|'.join(_COMPOUNDS)})(?!\w)",
    r"[A-Z]+(?:(?:[+&]|&amp;)[A-Z]+)+ | &amp; | &\#\d+;",  # AT&T
    rf"{_L}+?(?=[nN]'[tT](?!{_A})) | [nN]'[tT](?!{_A})",  # do n't
    rf"\d{{1,4}}-\d{{1,4}}/\d{{1,4}}(?!{_A})",
    r"[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}(?:/[A-Za-z0-9]+(?:-[A-Za-z]+){0,2}){1,2}",  # and/or, 1/2
    rf"{_A}(?:{_A}|[.,])*(?:-(?:[A-Za-z](?:\.[A-Za-z])+\.|{_A}+))+",  # two-way, U.S.-style
    rf"[A-Za-z](?:\.[A-Za-z])+(?!{_A})\.?",  # U.S., p.m.
    rf"(?:(?i:{_any(_ABBREVIATIONS)})|{_any(_WITH_A_CAPITAL)})\.(?!{_L})",
    rf"(?i:{_any(_BEFORE_A_NUMBER)})\.(?=[\s-]*\d)",
    rf"[A-Za-z]\.(?!{_L}|\s*$|\s+(?:{_any(_BEGINNINGS)})(?!{_A}))",  # W. Main St.
    rf"{_A}+(?:_{_A}+)+",
    rf"[dDoOlL]'{_L}{_A}* | [A-HJ-XZn]'{_L}{{3,}} | {_L}+[aeiouyAEIOUY]'[aeiouA-Z]{_L}*",  # o'clock, ma'am
    rf"[sS]'mores | [eE]'er | [oO]l' | [yYjJlLdD]'(?={_L})",
    rf"'[nN]' | '(?i:n|em|till?|cause)(?!{_A}) | '\d\ds?(?!{_A})",  # rock 'n' roll, '80s
    rf"'(?i:[msd]|re|ve|ll)(?!{_A})",  # man 's, they 're
    rf"{_L}{_A}*(?:[.!?]{_L}{_A}*)*",
    rf"[-+]?\d*(?:[.,:]\d+)+ | {_A}+ | [-+]\d+",  # 1,000.50, 3:30, 5lb
    r"-{5,} | -{1,3} | \*+ | [?!]+ | '' | \S",
]
_TOKEN = re.compile("|".join(_PATTERNS), re.VERBOSE)


def tokenize_caption(text: str) -> list[str]:
    """Words in lower case without punctuation, in the manner of the Penn Treebank: ``don't`` is ``do`` and ``n't``.

    What the COCO caption evaluation does with Stanford's ``PTBTokenizer`` (CoreNLP 3.4.1), which needs Java. All 25,014
    captions of COCO's 2017 validation set come out the same. As there, brackets stay, as ``-lrb-`` and the like, and so
    do signs that are not in the evaluation's list of punctuation, such as ``!!``, ``&`` and ``$``.

    It differs in rare texts, such as these: telephone numbers with brackets or spaces and ``3 1/2`` are several tokens
    here and one there; tags with spaces are split; of addresses on the web, those without ``http://`` or ``www.`` are
    taken for words; and the point after a single capital at the end of a caption, which there depends on the caption in
    the next line, is left out.

    Args:
        text: One caption, with capitals and punctuation; line ends count as spaces.

    Raises:
        InputError: ``text`` isn't a string.

    Source: Chen et al. 2015, "Microsoft COCO captions"; github.com/tylin/coco-caption, ``ptbtokenizer.py``.

    Example:
        >>> tokenize_caption("The man's two-way radio (it doesn't work), 3:30 p.m.!")
        ['the', 'man', "'s", 'two-way', 'radio', '-lrb-', 'it', 'does', "n't", 'work', '-rrb-', '3:30', 'p.m.']
    """
    if not isinstance(text, str):
        raise InputError(f"a caption is {type(text).__name__}; give a string")
    for entity, character in _ENTITIES.items():
        text = text.replace(entity, character)
    found: list[str] = []
    for token in map(str.lower, _TOKEN.findall(text.translate(_PLAIN))):
        if token in _COMPOUNDS:
            found += [token[: _COMPOUNDS[token]], token[_COMPOUNDS[token] :]]
        elif token not in _PUNCTUATION:
            found.append(token.replace("&amp;", "&").translate(_SPELLINGS))
    return found
