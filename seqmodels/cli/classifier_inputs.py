"""What ``seqmodels classify`` is given, texts, trees or series, in every form that the data modules read."""

import argparse
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seqmodels.cli.lines import file_of, lines_of, placed_texts
from seqmodels.errors import DataError, OptionError

if TYPE_CHECKING:
    from seqmodels.tasks import SequenceClassifier, TreeClassifier

STDIN = "standard input"
Placed = tuple[str, Any]
"""Where an input is from, for messages, and the input; None for an empty line."""


def inputs_of(model: "SequenceClassifier | TreeClassifier", options: argparse.Namespace) -> Iterator[Placed]:
    """The inputs that a command line names, or those that are piped in.

    Raises:
        OptionError: If an option is not for such a model.
        DataError: If something can't be read; names file and line.
    """
    from seqmodels.tasks import TreeClassifier

    kind = type(model).__name__
    if options.text_column is not None and file_of(options) is None:
        raise OptionError("--text-column is of the table in --file; give both, or none")
    if isinstance(model, TreeClassifier):
        if options.series:
            raise OptionError(f"--series is for a model of series; this is a {kind}, give --text or --file")
        if options.text_column is not None:
            raise OptionError(f"--text-column is for a model of texts; this is a {kind}")
        return _trees(options)
    if options.form is not None:
        raise OptionError(f"--form is for a TreeClassifier; this is a {kind}")
    return chain.from_iterable(map(series_of, options.series)) if options.series else _texts(options, model.labels)


def _texts(options: argparse.Namespace, labels: list[str]) -> Iterator[Placed]:
    if options.text is not None:
        yield from placed_texts(options.text)
    elif (path := file_of(options)) is not None:
        from seqmodels.data.labelled import read_texts

        yield from (
            (found.where, found.text or None) for found in read_texts(path, options.text_column or "text", labels)
        )
    else:
        yield from (
            (f"{STDIN}, line {number}", line if line.strip() else None) for number, line in enumerate(lines_of(None), 1)
        )


def _trees(options: argparse.Namespace) -> Iterator[Placed]:
    from seqmodels.data.tree_files import form_of, parse_trees

    path = file_of(options)
    form = form_of(path or "", options.form)
    source = str(path or STDIN)
    pieces: Iterable[tuple[str, str, int]]
    if options.text is not None:
        pieces = ((where, text, 1) for where, text in placed_texts(options.text))
    else:
        pieces = ((source, text, line) for line, text in _pieces(path, form))
    for where, text, line in pieces:
        if text.strip():
            yield from ((found.where, found.tree) for found in parse_trees(text, where, form, line))
        else:
            yield "", None


def _pieces(path: Path | None, form: str) -> Iterator[tuple[int, str]]:
    """The lines of a file or pipe, each with its number; or all of them at once where a tree may have several.

    Raises:
        DataError: If the file can't be read, or there is no tree in it.
    """
    if path is None and form != "conllu":  # as they come
        yield from enumerate(lines_of(None), 1)
        return
    lines = list(lines_of(path))
    if not any(map(str.strip, lines)):
        raise DataError(f"{path or STDIN}: there is no tree; write one, such as (4 (3 lovely) (2 film))")
    indented = any(line[0] in " \t" for line in lines if line.strip())
    if form == "conllu" or (form == "brackets" and indented):
        yield 1, "\n".join(lines)
    else:
        yield from enumerate(lines, 1)


def series_of(path: Path) -> Iterator[Placed]:
    """The series of a file, not scaled.

    Raises:
        DataError: If the file can't be read.
    """
    import numpy as np

    if path.suffix != ".npy":
        from seqmodels.data.labelled import read_labelled_series

        yield from ((series.where, series.values) for series in read_labelled_series(str(path), max_bad=None))
        return
    try:
        yield str(path), np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise DataError(f"{path}: no such file; check the path") from None
    except (OSError, ValueError, EOFError) as error:
        reason = " ".join(str(error).split())
        raise DataError(f"{path}: can't be read as .npy ({reason}); save an array [T, I] with numpy.save") from None
