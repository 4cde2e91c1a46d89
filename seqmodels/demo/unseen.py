"""What of a person's text a model has never seen: it answers all the same, and should say so."""

from seqmodels.data import Tokenizer

MOST = 10  # that are named


def unseen(tokenizer: Tokenizer, text: str) -> str:
    """The end of a note that names words, or characters, outside the vocabulary; nothing if all are known.

    Args:
        tokenizer: Which reads them as unknown.
        text: As it is read.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> unseen(build_tokenizer("word", "is it red ?"), "is it mauve ?")
        "; it has never seen 'mauve'"
    """
    parts = text if tokenizer.unit == "character" else text.split()
    found = list(dict.fromkeys(unknown for part in parts if (unknown := tokenizer.unknown_in(part)) is not None))
    if not found:
        return ""
    more = f" and {len(found) - MOST} more" if len(found) > MOST else ""
    return f"; it has never seen {', '.join(map(repr, found[:MOST]))}{more}"
