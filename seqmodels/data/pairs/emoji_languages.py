"""Names of emoji in two languages: a few thousand translations from one package, without any download."""

from collections.abc import Iterator

from seqmodels.data.captions.emoji_names import emoji_base
from seqmodels.data.pairs.pair import Pair
from seqmodels.errors import OptionError

_FULLY_QUALIFIED = 2  # the other spellings of an emoji have the same names


def emoji_pairs(first: str, second: str) -> Iterator[Pair]:
    """Every emoji's name in two languages, about 3,900.

    The key is what the English names of an emoji's variants in skin tone, gender and direction have in common, so that
    no split tears them apart; see ``emoji_base``.

    Args:
        first: the language of the sources, such as "de".
        second: that of the targets.

    Raises:
        OptionError: there is no such language, or the package is missing: pip install 'seqmodels[emoji]'.

    Source: Unicode's CLDR short names, from the package emoji.

    Example:
        >>> next(pair for pair in emoji_pairs("de", "en") if pair.where == "emoji 1F431")
        Pair(source='katzengesicht', target='cat face', where='emoji 1F431', key='cat face', split=None)
    """
    try:
        import emoji
    except ImportError:
        raise OptionError("emoji need the package emoji: pip install 'seqmodels[emoji]'") from None
    for language in (first, second):
        if language not in emoji.LANGUAGES:
            known = ", ".join(sorted(emoji.LANGUAGES))
            raise OptionError(f"languages: emoji have no names in {language!r}; use two of {known}, such as 'de-en'")
    emoji.config.load_language([first, second])
    for signs, names in sorted(emoji.EMOJI_DATA.items()):
        if names["status"] == _FULLY_QUALIFIED and first in names and second in names:
            where = f"emoji {'-'.join(f'{ord(sign):04X}' for sign in signs)}"
            yield Pair(_words(names[first]), _words(names[second]), where, emoji_base(_words(names["en"])))


def _words(name: str) -> str:
    return name.strip(":").replace("_", " ")
