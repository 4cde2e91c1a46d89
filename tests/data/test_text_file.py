"""Every byte of a file is kept, changed as documented, or named in an error of one line."""

import os
import random
import re

import pytest

from seqmodels.data import read_text
from seqmodels.data.text_file import decode_utf8
from seqmodels.errors import DataError


def write(folder, data):
    path = folder / "text.txt"
    path.write_bytes(data)
    return path


def message(path, minimum=1):
    with pytest.raises(DataError) as caught:
        read_text(path, minimum)
    text = str(caught.value)
    assert "\n" not in text
    assert str(path) in text
    return text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfa\n", "a\n"),
        (b"a\xef\xbb\xbfb", "a\ufeffb"),
        (b"a\r\nb\r\n", "a\nb\n"),
        (b"a\rb", "a\rb"),
        ("a\u2028b\x00c\u0085d".encode(), "a\u2028b\x00c\u0085d"),
        (b"one line", "one line"),
        ("\U0001f600".encode(), "\U0001f600"),
    ],
    ids=["bom", "inner-bom", "crlf", "cr", "separators-and-nul", "no-line-end", "emoji"],
)
def test_only_documented_changes_are_made(tmp_path, data, text):
    assert read_text(write(tmp_path, data)) == text


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"ab\n\xff", "line 2: byte 3 (0xFF)"),
        (b"caf\xe9\n", "line 1: byte 3 (0xE9)"),
        (b"a\n\n\xed\xa0\x80", "line 3: byte 3 (0xED)"),
        (b"\xff\xfea\x00", "line 1: byte 0 (0xFF)"),
        (b"ok \xe2\x82", "line 1: byte 3 (0xE2)"),
    ],
    ids=["byte", "latin-1", "surrogate", "utf-16", "truncated"],
)
def test_what_is_no_utf8_is_named_by_line_and_byte(tmp_path, data, where):
    text = message(write(tmp_path, data))
    assert where in text
    assert "iconv" in text


@pytest.mark.parametrize(("encoding", "named"), [("utf-16", "UTF-16"), ("utf-32", "UTF-32"), ("latin-1", "LATIN1")])
def test_the_command_that_converts_a_file_names_what_it_is_in(tmp_path, encoding, named):
    assert f"iconv -f {named} -t UTF-8" in message(write(tmp_path, "caf\xe9\n".encode(encoding)))


def test_files_that_hold_too_little(tmp_path):
    assert "no text at all" in message(write(tmp_path, b""))
    assert "no text at all" in message(write(tmp_path, b"\xef\xbb\xbf"))
    assert "only 3 of the 10 characters" in message(write(tmp_path, b"abc"), minimum=10)


def test_paths_that_are_no_file(tmp_path):
    assert "directory" in message(tmp_path)
    assert "no such file" in message(tmp_path / "missing.txt")
    assert "no such file" in message(tmp_path / "missing" / "deeper.txt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_refused_rather_than_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in message(tmp_path / "pipe")


def test_a_nul_in_the_path_is_an_error_of_one_line():
    with pytest.raises(DataError, match="cannot be read"):
        read_text("a\0b")


def test_a_line_of_ten_megabytes(tmp_path):
    assert len(read_text(write(tmp_path, b"x" * 10_000_000))) == 10_000_000


def test_ten_thousand_random_texts_are_read_exactly_or_refused_with_the_right_place():
    pieces = [b"a", b"\n", b"\r", b"\r\n", b"\x00", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\xc3\xa9", b"\xf0\x9f\x98\x80"]
    damaged = [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf5\x80", b"\x80", b"\xc0\xaf"]
    draw = random.Random(0)
    refused = 0
    for _ in range(10_000):
        data = b"".join(draw.choices(pieces + damaged, [6] * len(pieces) + [1] * len(damaged), k=draw.randint(0, 12)))
        try:
            text = decode_utf8(data, "text.txt")
        except DataError as error:
            refused += 1
            line, offset = map(int, re.match(r"text.txt, line (\d+): byte (\d+) ", str(error)).groups())
            data[:offset].decode()  # all before is right
            assert line == data[:offset].count(b"\n") + 1
            with pytest.raises(UnicodeDecodeError):
                data[: offset + 4].decode()
        else:
            expected = data[3:] if data.startswith(b"\xef\xbb\xbf") else data
            assert text.encode() == expected.replace(b"\r\n", b"\n")
    assert 2_000 < refused < 8_000
