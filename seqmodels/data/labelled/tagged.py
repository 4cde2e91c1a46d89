"""``read_tagged_sentences``: words with a tag each, in columns."""

import re
from collections.abc import Iterator

from seqmodels.data.bad_records import BadRecords
from seqmodels.data.labelled.records import TaggedSentence
from seqmodels.data.position import check_positive
from seqmodels.data.text_file import read_text
from seqmodels.errors import DataError, OptionError

PYTHON = "python"
_CONLLU = ("id", "form", "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
_NO_WORD = re.compile(r"\d+[-.]\d+")  # CoNLL-U's ranges of words and empty nodes
_DOCUMENT = "-DOCSTART-"
_LAST = -1


def read_tagged_sentences(
    path: str, word_column: int | None = None, tag_column: int | str | None = None, max_bad: int = 0
) -> list[TaggedSentence]:
    """Sentences in columns, a word a line and blank lines between, as of the CoNLL shared tasks and CoNLL-U.

    Columns are separated by tabs or else by white space. Before the first word of a sentence, lines that begin with #
    are comments; lines that begin with -DOCSTART- are left out. In a ``.conllu`` file so are ranges of words ("1-2")
    and empty nodes ("1.1").

    Args:
        path: The file; or "python": see ``read_python_tokens``.
        word_column: The column of the words, from 1; None: the first, in a ``.conllu`` file the second.
        tag_column: That of the tags, from 1, or CoNLL-U's name of it, such as "xpos"; None: the last, in a ``.conllu``
            file "upos".
        max_bad: How many sentences with a bad line are skipped, with one warning: a word without tag.

    Raises:
        DataError: The file is missing, damaged or something else; there are more bad sentences, or no good one.
        OptionError: An option out of range.

    Source: universaldependencies.org/format.html; Tjong Kim Sang and De Meulder 2003, CoNLL-2003.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "train.txt"
        >>> _ = path.write_text("EU B-ORG\\nrejects O\\n\\nPeter B-PER\\n")
        >>> [sentence[:2] for sentence in read_tagged_sentences(str(path))]
        [(('EU', 'rejects'), ('B-ORG', 'O')), (('Peter',), ('B-PER',))]
    """
    bad = BadRecords(max_bad)
    is_conllu = path.endswith(".conllu")
    word, tag = _places(word_column, tag_column, is_conllu)
    if path == PYTHON:
        from seqmodels.data.labelled.python_tokens import read_python_tokens

        return read_python_tokens()
    found, columns = [], 0
    for first, lines in _sentences(read_text(path)):
        if tag == _LAST and not columns:  # a line without a tag doesn't say how many there are
            columns = next((count for count in map(len, map(_columns, lines)) if count > 1), 0)
        sentence = _sentence(lines, f"{path}, line", first, word, tag, columns, is_conllu, bad)
        if sentence is not None:
            found.append(sentence)
    if not found:
        raise DataError(f"{path}: has no tagged words; give a file with a word and its tag in each line")
    bad.warn()
    return found


def _places(word_column: int | None, tag_column: int | str | None, is_conllu: bool) -> tuple[int, int]:
    """Indices of the two columns; -1 is the last."""
    if word_column is None:
        word_column = 2 if is_conllu else 1
    if tag_column is None:
        tag_column = "upos" if is_conllu else 0
    elif isinstance(tag_column, int):
        check_positive(tag_column=tag_column)
    if isinstance(tag_column, str):
        if tag_column.lower() not in _CONLLU:
            raise OptionError(f"tag_column is {tag_column!r}; use a number from 1, or one of {', '.join(_CONLLU)}")
        tag_column = _CONLLU.index(tag_column.lower()) + 1
    check_positive(word_column=word_column)
    return word_column - 1, tag_column - 1


def _sentences(text: str) -> Iterator[tuple[int, list[str]]]:
    """The number of the first line, and the lines, of each sentence."""
    lines: list[str] = []
    for number, line in enumerate([*text.split("\n"), ""], 1):
        is_comment = not lines and line.startswith("#")
        if line.strip() and not is_comment and not line.startswith(_DOCUMENT):
            lines.append(line)
        elif lines:
            yield number - len(lines), lines
            lines = []


def _sentence(
    lines: list[str], source: str, first: int, word: int, tag: int, columns: int, is_conllu: bool, bad: BadRecords
) -> TaggedSentence | None:
    """None: it has a bad line, or no word. Where the tag is the last of the columns, all lines have as many."""
    words, tags = [], []
    for number, line in enumerate(lines, first):
        parts = _columns(line)
        if is_conllu and _NO_WORD.fullmatch(parts[0]):
            continue
        if fault := _fault(parts, word, tag, columns):
            bad.add(f"{source} {number}", fault)
            return None
        words.append(parts[word].strip())
        tags.append(parts[tag].strip())
    return TaggedSentence(tuple(words), tuple(tags), f"{source} {first}") if words else None


def _columns(line: str) -> list[str]:
    return line.split("\t") if "\t" in line else line.split()


def _fault(parts: list[str], word: int, tag: int, columns: int) -> str:
    count = len(parts)
    if word >= count or not parts[word].strip():
        return f"there is no word in column {word + 1}; the line has {count}"
    if tag >= count or not parts[tag].strip() or tag % count == word:
        has = f"; the line has {count} columns, and tag_column is {tag + 1}" if tag >= count else ""
        return f"the word {parts[word][:60]!r} has no tag{has}"
    if columns and count != columns:
        return f"the line has {count} columns, the lines before {columns}"
    return ""
