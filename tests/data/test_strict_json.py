"""JSON files: what is read, and every fault as one line that says where."""

import contextlib
import gc
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqmodels.data.strict_json import read_json
from seqmodels.errors import DataError, SeqmodelsError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def written(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@given(value=VALUES, ascii_only=st.booleans())
@settings(max_examples=100)
def test_what_json_can_hold_is_read_as_it_was_written(tmp_path_factory, value, ascii_only):
    path = tmp_path_factory.mktemp("json") / "value.json"
    assert read_json(written(path, json.dumps(value, ensure_ascii=ascii_only))) == value


def test_a_byte_order_mark_and_windows_line_ends_are_read(tmp_path):
    assert read_json(written(tmp_path / "a.json", b'\xef\xbb\xbf{"a":\r\n [1]}\r\n')) == {"a": [1]}


def test_whole_surrogate_pairs_and_escaped_backslashes_are_characters(tmp_path):
    assert read_json(written(tmp_path / "a.json", r'["\ud83d\ude00", "\\ud83d", "NaN"]')) == ["😀", "\\ud83d", "NaN"]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["no text at all"]),
        ("  \n", ["line 2, column 1", "ends too early"]),
        ('{"a": [1, 2', ["line 1, column 12", "ends too early", "get the whole file again"]),
        ('{"a": "half', ["line 1, column 7", "ends too early"]),
        ('{"a": 1,\n "b": oops}', ["line 2, column 7", "this is not JSON (expecting value)", "mend it there"]),
        ("[1] [2]", ["line 1, column 5", "extra data"]),
        ("[1,]", ["line 1", "this is not JSON"]),
        ("{'a': 1}", ["line 1, column 2", "this is not JSON"]),
        ('["a\tb"]', ["invalid control character"]),
        ('{"id": 7, "a": 1, "a": 2}', ["the key 'a' is twice in one object ('id': 7", "keep one of the two"]),
        ('{"in": [{"a": 1, "a": 1}]}', ["the key 'a' is twice"]),
        ('["NaN",\n NaN]', ["line 2, column 2", "NaN is not JSON; write a number or null"]),
        ('["\\"", -Infinity]', ["line 1, column 8", "-Infinity is not JSON"]),
        ("[1e999]", ["the number 1e999 is out of range"]),
        ("9" * 5000, ["integer of too many digits"]),
        ("[" * 100_000 + "]" * 100_000, ["nested too deeply"]),
        ('{"a":' * 100_000 + "1" + "}" * 100_000, ["nested too deeply"]),
        ('["ok",\n "\\ud800"]', ["line 2, column 3", "\\ud800 is half of a surrogate pair"]),
        ('["\\\\\\uDC00x"]', ["line 1, column 5", "\\uDC00 is half of a surrogate pair"]),
        (b'["caf\xe9"]', ["line 1", "is not UTF-8", "convert the file"]),
        (b"\x1f\x8b\x08\x00rest", ["this is a gzip file; unpack it"]),
        (b"PK\x03\x04rest", ["this is a zip file; unpack it"]),
    ],
)
def test_what_is_wrong_with_a_file(tmp_path, one_line, content, parts):
    path = written(tmp_path / "a.json", content)
    with one_line(DataError, str(path), *parts):
        read_json(path)


def test_what_is_no_file_is_one_line(tmp_path, one_line):
    with one_line(DataError, "no.json", "no such file"):
        read_json(tmp_path / "no.json")
    with one_line(DataError, str(tmp_path), "directory"):
        read_json(tmp_path)
    with one_line(DataError, "cannot be read"):
        read_json("a\0b")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_without_waiting_for_a_writer(tmp_path, one_line):
    os.mkfifo(tmp_path / "pipe.json")
    with one_line(DataError, "not a regular file"):
        read_json(tmp_path / "pipe.json")


@pytest.mark.parametrize("content", ["[1]", "[1"])
def test_garbage_collection_goes_on_afterwards(tmp_path, content):
    assert gc.isenabled()
    with contextlib.suppress(DataError):
        read_json(written(tmp_path / "a.json", content))
    assert gc.isenabled()


@given(at=st.integers(0, 80), byte=st.integers(0, 255), cut=st.integers(0, 80))
@settings(max_examples=150)
def test_any_damage_is_a_value_or_one_line(tmp_path_factory, at, byte, cut):
    content = bytearray('{"a": [1.5e3, "\\u00e9\\ud83d\\ude00é"], "b": {"c": null, "d": true}, "e": -12}'.encode())
    content[at % len(content)] = byte
    path = written(tmp_path_factory.mktemp("json") / "a.json", bytes(content[: len(content) - cut % 9]))
    message = ""
    try:
        json.dumps(read_json(path), allow_nan=False, ensure_ascii=False).encode()
    except SeqmodelsError as error:
        message = str(error)
    assert "\n" not in message
