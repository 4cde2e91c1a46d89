"""Parallel files, tab-separated pairs and SCAN's files, plain and packed; what is wrong with one is one line."""

import gzip
import os
import zipfile

import pytest
import shared_data

from seqmodels.data.pairs import read_pairs
from seqmodels.errors import DataError, OptionError

TATOEBA = "Hi.\tHallo!\tCC-BY 2.0 (France)\nRun!\tLauf!\tCC-BY 2.0 (France)\n"


def write(folder, **files):
    """Files named ``train_de`` for train.de; texts as UTF-8."""
    paths = []
    for name, content in files.items():
        path = folder / name.replace("_", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        paths.append(path)
    return paths if len(paths) > 1 else paths[0]


def texts(pairs):
    return [(pair.source, pair.target) for pair in pairs]


def test_parallel_files_are_read_line_by_line(tmp_path):
    paths = write(tmp_path, train_de="ein Hund\r\nzwei Hunde\r\n", train_en="\ufeffa dog\ntwo\u2028dogs")
    pairs = read_pairs(*paths)
    assert texts(pairs) == [("ein Hund", "a dog"), ("zwei Hunde", "two\u2028dogs")]
    assert pairs[1].where == f"{paths[0]} and {paths[1]}, line 2"
    assert pairs[1].key == "zwei Hunde"


def test_gz_files_are_read_as_plain_ones(tmp_path):
    paths = write(tmp_path, train_de_gz=gzip.compress(b"ein Hund\n"), train_en="a dog\n")
    assert texts(read_pairs(*paths)) == [("ein Hund", "a dog")]


def test_further_columns_are_left_aside_and_sides_can_be_swapped(tmp_path):
    path = write(tmp_path, deu_txt=TATOEBA)
    assert texts(read_pairs(path)) == [("Hi.", "Hallo!"), ("Run!", "Lauf!")]
    swapped = read_pairs(path, swap=True)
    assert texts(swapped) == [("Hallo!", "Hi."), ("Lauf!", "Run!")]
    assert [pair.key for pair in swapped] == ["Hallo!", "Lauf!"]


def test_a_zip_with_one_text_file_is_read_whatever_is_beside_it(tmp_path):
    with zipfile.ZipFile(tmp_path / "deu-eng.zip", "w") as archive:
        archive.writestr("deu.txt", TATOEBA)
        archive.writestr("_about.txt", "about")
        archive.writestr("__MACOSX/deu.txt", "no")
    assert texts(read_pairs(tmp_path / "deu-eng.zip")) == [("Hi.", "Hallo!"), ("Run!", "Lauf!")]


def test_scan_is_seen_in_the_content(tmp_path):
    path = write(tmp_path, tasks_txt="IN: jump twice OUT: I_JUMP I_JUMP\nIN: run OUT: I_RUN\n")
    assert texts(read_pairs(str(path))) == [("jump twice", "I_JUMP I_JUMP"), ("run", "I_RUN")]


def test_white_space_at_the_ends_goes_and_within_stays(tmp_path):
    paths = write(tmp_path, a="  a  b\u00a0c \n", b="\tx\n")
    assert texts(read_pairs(*paths)) == [("a  b\u00a0c", "x")]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("Hi.\tHallo!\nHi. Hallo!\n", ("line 2: no tab between two texts in 'Hi. Hallo!'",)),
        ("Hi.\tHallo!\n\n", ("line 2: no tab between two texts in ''",)),
        ("Hi.\t\n", ("line 1: the second text is empty",)),
        ("\tHi.\n", ("line 1: the first text is empty",)),
        ("IN: run OUT: I_RUN\nrun\n", ("line 2: no IN: and OUT: in 'run'",)),
        ("Hi.\nRun!\n", ("line 1: no tab between two texts in 'Hi.', nor in any other line", "as target")),
        (b"Hi.\tHallo!\nHi.\tGr\xfc\xdf Gott!\n", ("line 2: byte 17 (0xFC) is not UTF-8",)),
        ("", ("no text at all",)),
    ],
)
def test_bad_lines_of_one_file_are_named(tmp_path, one_line, content, parts):
    path = write(tmp_path, deu_txt=content)
    with one_line(DataError, str(path), *parts):
        read_pairs(path)


def test_bad_records_are_skipped_up_to_the_limit(tmp_path, one_line):
    paths = write(tmp_path, train_de="ein Hund\n\nzwei\n", train_en="a dog\na cat\n  \n")
    with one_line(DataError, "train.de and ", "train.en, line 2: the first text is empty", "max_bad=1"):
        read_pairs(*paths)
    with one_line(DataError, "line 3: the second text is empty (2 bad records so far, max_bad is 1)"):
        read_pairs(*paths, max_bad=1)
    with pytest.warns(UserWarning, match="2 bad records were skipped, the first: .*train.en, line 2"):
        assert texts(read_pairs(*paths, max_bad=2)) == [("ein Hund", "a dog")]
    write(tmp_path, train_en="\n\n\n")
    with one_line(DataError, "train.de: has no pairs"):
        read_pairs(*paths, max_bad=3)


def test_parallel_files_of_unequal_length_are_refused_with_both_numbers(tmp_path, one_line):
    paths = write(tmp_path, train_de="eins\nzwei\ndrei\n", train_en="one\ntwo\n")
    with one_line(DataError, "train.de has 3 lines, ", "train.en has 2"):
        read_pairs(*paths)


def test_files_that_cannot_be_read_are_one_line(tmp_path, one_line):
    good = write(tmp_path, train_en="a dog\n")
    for missing in ("train.de", "train.de.gz", "deu.zip"):
        with one_line(DataError, f"{missing}: no such file; check the path"):
            read_pairs(tmp_path / missing, good)
        with one_line(DataError, f"{missing}: no such file; check the path"):
            read_pairs(str(tmp_path / missing))
    (tmp_path / "folder.gz").mkdir()
    with one_line(DataError, "folder.gz: this is not a regular file"):
        read_pairs(tmp_path / "folder.gz", good)


def test_cut_off_archives_are_one_line(tmp_path, one_line):
    packed = gzip.compress(os.urandom(1000).hex().encode())
    for content in (packed[:-10], packed[:200], b"no gz at all", packed[:100] + b"\xff" * 200 + packed[300:]):
        path = write(tmp_path, train_de_gz=content)
        with one_line(DataError, f"{path}: cannot be unpacked (", "fetch it again"):
            read_pairs(path, path)
    with zipfile.ZipFile(tmp_path / "deu.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("deu.txt", os.urandom(1000).hex())
    whole = (tmp_path / "deu.zip").read_bytes()
    for content in (whole[:-30], whole[:100] + b"\xff" * 200 + whole[300:]):
        with one_line(DataError, "deu.zip: cannot be unpacked (", "fetch it again"):
            read_pairs(write(tmp_path, deu_zip=content))
    with one_line(DataError, "train.de.gz, line 2: byte 2 (0xFF) is not UTF-8"):
        read_pairs(write(tmp_path, train_de_gz=gzip.compress(b"a\n\xff")))
    with one_line(DataError, "train.de.gz: the file holds no text at all"):
        read_pairs(write(tmp_path, train_de_gz=gzip.compress(b"")))


@pytest.mark.parametrize(
    ("names", "part"),
    [(["a.txt", "b.tsv"], "2 text files (a.txt, b.tsv) in it"), (["a.pdf"], "no text file (.txt, .tsv) in it")],
)
def test_a_zip_of_several_files_or_none_is_refused(tmp_path, one_line, names, part):
    with zipfile.ZipFile(tmp_path / "pairs.zip", "w") as archive:
        for name in names:
            archive.writestr(name, TATOEBA)
    with one_line(DataError, "pairs.zip: ", part):
        read_pairs(tmp_path / "pairs.zip")


def test_options_without_use_are_refused(tmp_path, one_line):
    path = write(tmp_path, deu_txt=TATOEBA)
    with one_line(OptionError, "languages is for emoji and datasets", "deu.txt"):
        read_pairs(path, languages="de-en")
    with one_line(OptionError, "target is given with 'replies'"):
        read_pairs("replies", path)
    with one_line(OptionError, "languages is 'de'; give two"):
        read_pairs("emoji", languages="de")
    with one_line(OptionError, "max_bad must be 0 or more"):
        read_pairs(path, max_bad=-1)


@shared_data.needs("multi30k")
def test_multi30k_is_read_whole():
    folder = shared_data.FOLDER / "multi30k"
    assert len(read_pairs(folder / "val.de.gz", folder / "val.en.gz")) == 1014


@shared_data.needs("scan")
def test_scan_is_read_whole():
    assert len(read_pairs(shared_data.FOLDER / "scan" / "simple_split" / "tasks_test_simple.txt")) == 4182
