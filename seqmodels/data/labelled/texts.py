"""``read_labelled_texts``: recognises what people have, and hands it to its reader."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from seqmodels.data.bad_records import BadRecords
from seqmodels.data.labelled.records import LabelledText
from seqmodels.data.labelled.table import is_table, rows_of_table
from seqmodels.data.text_file import read_text
from seqmodels.errors import DataError

UNICODE = "unicode"
_DATASETS = (".json", ".jsonl", ".parquet")
_FASTTEXT = "__label__"


def read_labelled_texts(
    path: str,
    label_at: Literal["first", "last"] = "first",
    text_column: str = "text",
    label_column: str = "label",
    max_bad: int = 0,
) -> dict[str, list[LabelledText]]:
    """Texts with a class each, from any of the files in which they are passed on.

    What a source is, is seen in its content:

    - a file with a class and a text in each line, a tab or else a space between, as TREC has it; blank lines don't
      count;
    - fastText's lines that begin with ``__label__`` and the class;
    - a table, ``.csv`` or ``.tsv``, whose first line names both columns;
    - a folder of ``.txt`` files, each named as a class and with a text in each line;
    - a Hugging Face dataset: on the hub, in a folder, or a ``.json``, ``.jsonl`` or ``.parquet`` file, with its splits;
    - "unicode": the names of Unicode's characters and what these are; see ``read_unicode_names``.

    White space within a text becomes one space.

    Args:
        path: The file, folder or name.
        label_at: Whether the class comes first or last in a line.
        text_column: The column of a table or dataset that holds the texts.
        label_column: That of the classes.
        max_bad: How many bad records are skipped, with one warning: without class or text.

    Returns:
        The texts by part: "train", and "validation" and "test" if it is a dataset that has them.

    Raises:
        DataError: A file is missing, damaged or something else; there are more bad records, or no good one.
        OptionError: ``max_bad`` is no number of records.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "questions.txt"
        >>> _ = path.write_text("number How far is Denver ?\\nperson Who was Galileo ?\\n")
        >>> [text[:2] for text in read_labelled_texts(str(path))["train"]]
        [('number', 'How far is Denver ?'), ('person', 'Who was Galileo ?')]
    """
    bad = BadRecords(max_bad)
    columns = (text_column, label_column)
    found = {part: list(_clean(texts, bad)) for part, texts in _parts(path, label_at, columns, bad).items()}
    if not found["train"]:
        raise DataError(f"{path}: has no text with a class; check the file")
    bad.warn()
    return found


def _parts(path: str, label_at: str, columns: tuple[str, str], bad: BadRecords) -> dict[str, Iterator[LabelledText]]:
    place = Path(path)
    if path == UNICODE:
        from seqmodels.data.labelled.unicode_names import read_unicode_names

        return {"train": iter(read_unicode_names())}
    if place.is_dir() and (files := sorted(place.glob("*.txt"))):
        return {"train": _of_folder(files)}
    # "owner/name" may be on the hub; what has an ending, or begins like a path, is a file.
    is_name = not place.exists() and not place.suffix and not path.startswith(("/", ".", "~"))
    if place.is_dir() or is_name or place.suffix in _DATASETS:
        from seqmodels.data.labelled.hugging_face import read_dataset

        return read_dataset(path, *columns, bad)
    text = read_text(path)
    if is_table(text, path, columns):
        return {"train": _of_table(text, path, *columns, bad)}
    return {"train": _of_lines(text, path, label_at, bad)}


def _clean(texts: Iterator[LabelledText], bad: BadRecords) -> Iterator[LabelledText]:
    for label, text, where in texts:
        record = LabelledText(" ".join(label.split()), " ".join(text.split()), where)
        if record.label and record.text:
            yield record
        else:
            bad.add(where, f"the {'text' if record.label else 'class'} is empty")


def _of_lines(text: str, path: str, label_at: str, bad: BadRecords) -> Iterator[LabelledText]:
    first = _first(text)
    is_fasttext = first.startswith(_FASTTEXT)
    tab = "\t" if "\t" in first else " "
    separator = " " if is_fasttext else tab
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        where, label = f"{path}, line {number}", ""
        # A tab may have nothing before or after it, which `_clean` then names; spaces around a line mean nothing.
        line = line if separator == "\t" else " ".join(line.split())
        if is_fasttext:
            label, _, rest = line.partition(separator)
            if not label.startswith(_FASTTEXT) or rest.startswith(_FASTTEXT):
                bad.add(where, f"{line[:60]!r} is not one {_FASTTEXT}, its class and a text")
                continue
            yield LabelledText(label.removeprefix(_FASTTEXT), rest, where)
        elif separator not in line:
            bad.add(where, f"{line[:60]!r} has no {'tab' if separator == chr(9) else 'space'} between class and text")
        elif label_at == "first":
            label, _, rest = line.partition(separator)
            yield LabelledText(label, rest, where)
        else:
            rest, _, label = line.rpartition(separator)
            yield LabelledText(label, rest, where)


def _of_table(text: str, path: str, text_column: str, label_column: str, bad: BadRecords) -> Iterator[LabelledText]:
    columns = {"--data.text_column": text_column, "--data.label_column": label_column}
    for where, values, fault in rows_of_table(text, path, columns):
        if fault:
            bad.add(where, fault)
        else:
            yield LabelledText(values[1], values[0], where)


def _of_folder(files: list[Path]) -> Iterator[LabelledText]:
    for file in files:
        for number, line in enumerate(read_text(file).split("\n"), 1):
            if line.strip():
                yield LabelledText(file.stem, line, f"{file}, line {number}")


def _first(text: str) -> str:
    """The first line that isn't blank."""
    return text.lstrip().partition("\n")[0]
