"""Pairs in text files: two parallel files, tab-separated columns, SCAN's format."""

import re
from collections.abc import Iterator
from pathlib import Path

from seqmodels.data.bad_records import BadRecords, shown
from seqmodels.data.pairs.packed_text import read_packed_text
from seqmodels.data.pairs.pair import Pair
from seqmodels.errors import DataError

_SCAN = re.compile(r"IN:(.*) OUT:(.*)")


def parallel_pairs(source: str | Path, target: str | Path) -> Iterator[Pair]:
    """Line k of one file and line k of the other, as ``train.de`` and ``train.en``.

    Raises:
        DataError: a file can't be read, or they differ in the number of lines.
    """
    sources, targets = _lines(read_packed_text(source)), _lines(read_packed_text(target))
    if len(sources) != len(targets):
        raise DataError(
            f"{source} has {len(sources):,} lines, {target} has {len(targets):,}; give files of which each line of one "
            f"belongs to the same line of the other"
        )
    for number, texts in enumerate(zip(sources, targets, strict=True), 1):
        yield Pair(*texts, f"{source} and {target}, line {number}")


def one_file_pairs(path: str | Path, bad: BadRecords) -> Iterator[Pair]:
    """``source<tab>target`` with any further columns left aside, as Tatoeba's; or SCAN's ``IN: jump OUT: I_JUMP``.

    Raises:
        DataError: the file can't be read, holds neither, or has more bad lines than ``bad`` allows.
    """
    lines = _lines(read_packed_text(path))
    first = next((line for line in lines if line.strip()), "")
    scan = "\t" not in first and _SCAN.match(first) is not None
    if not scan and not any("\t" in line for line in lines):
        raise DataError(
            f"{path}, line 1: no tab between two texts in {shown(first)}, nor in any other line; give a file of "
            f"source<tab>target, or the other side's file as target"
        )
    for number, line in enumerate(lines, 1):
        where = f"{path}, line {number}"
        texts = _scan_texts(line) if scan else line.split("\t")
        if len(texts) < 2:
            bad.add(where, f"no {'IN: and OUT:' if scan else 'tab between two texts'} in {shown(line)}")
        else:
            yield Pair(texts[0], texts[1], where)


def _scan_texts(line: str) -> list[str]:
    found = _SCAN.match(line)
    return list(found.groups()) if found else []


def _lines(text: str) -> list[str]:
    # splitlines() would also cut at U+2028 and others.
    return text.removesuffix("\n").split("\n")
