"""Texts that are to be classified, in every form, and what their files can have wrong."""

import pytest

from seqmodels.data.labelled import read_texts
from seqmodels.errors import DataError


def texts(folder, name, content, **options):
    path = folder / name
    path.write_bytes(content.encode())
    return [found.text for found in read_texts(path, **options)]


def test_lines_are_texts_and_empty_lines_stay(tmp_path):
    assert texts(tmp_path, "a.txt", "Who  was he ? \r\n\nWhy ?\n") == ["Who was he ?", "", "Why ?"]


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("a one\n\nb two two\n", ["one", "", "two two"]),
        ("a\tone\nb\ttwo\ttwo\n", ["one", "two two"]),
        ("a one\nc two\n", ["a one", "c two"]),  # c is no class
        ("a one\nb\n", ["a one", "b"]),  # nothing after b
        ("one a\n", ["one a"]),
        ("__label__c one\n__label__d two\n", ["one", "two"]),
        ("__label__c one\ntwo\n", ["__label__c one", "two"]),
    ],
)
def test_classes_are_left_out_where_all_lines_begin_with_one(tmp_path, content, found):
    assert texts(tmp_path, "a.txt", content, labels=["a", "b"]) == found


def test_a_place_is_named(tmp_path):
    (tmp_path / "a.csv").write_text('text\n"two\nlines"\nthree\n')
    assert [found.where[-6:] for found in read_texts(tmp_path / "a.csv")] == ["line 3", "line 4"]
    (tmp_path / "a.jsonl").write_text('\n{"text": "x"}\n')
    assert [found.where for found in read_texts(tmp_path / "a.jsonl")] == [f"{tmp_path / 'a.jsonl'}, line 2"]


def test_parquet_is_read(tmp_path):
    datasets = pytest.importorskip("datasets")
    datasets.Dataset.from_dict({"text": ["Who ?"], "label": [1]}).to_parquet(tmp_path / "a.parquet")
    assert [found.text for found in read_texts(tmp_path / "a.parquet")] == ["Who ?"]


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("a.csv", "q,n\nWho ?,1\n", ["a.csv, line 1", "no column 'text'", "--text-column: q, n"]),
        ("a.csv", "text,n\nWho ?,1\nWho, then ?,1\n", ["a.csv, line 3: 3 columns rather than 2"]),
        ("a.csv", "text,n\n ,1\n", ["a.csv, line 2: the text is empty"]),
        ("a.csv", 'text\n"Who ?\n', ["a.csv, line 2: is no CSV"]),
        ("a.jsonl", '{"text": "x"}\n{"text": \n', ["a.jsonl, line 2: this is not JSON"]),
        ("a.jsonl", "[1]\n", ["a.jsonl, line 1: the record is list", "write an object"]),
        ("a.jsonl", '{"q": "x", "n": 1}\n', ["a.jsonl, line 1", "no key 'text'", "--text-column: q, n"]),
        ("a.jsonl", '{"text": null}\n', ["a.jsonl, line 1: the text is null"]),
        ("a.json", '[{"q": "x"}]', ["a.json", "no column 'text'", "--text-column: q"]),
        ("a.txt", "", ["a.txt", "no text at all"]),
    ],
)
def test_a_fault_names_file_and_line(tmp_path, one_line, name, content, parts):
    with one_line(DataError, *parts):
        texts(tmp_path, name, content)


@pytest.mark.parametrize("name", ["no.txt", "no.json", "no.parquet", "no.csv"])
def test_a_missing_file_is_one_line(tmp_path, one_line, name):
    with one_line(DataError, f"{name}: no such file"):
        read_texts(tmp_path / name)
