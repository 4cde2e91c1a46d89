"""Pairs in the form of the Hugging Face library, made on the spot."""

import pytest

from seqmodels.data.pairs import read_pairs
from seqmodels.errors import DataError

datasets = pytest.importorskip("datasets")

ROWS = [{"de": "ein Hund", "en": "a dog"}, {"de": "zwei Hunde", "en": "two dogs"}]
NESTED = datasets.Dataset.from_dict(
    {"translation": ROWS}, datasets.Features({"translation": datasets.Translation(("de", "en"))})
)
COLUMNS = datasets.Dataset.from_list(ROWS)


def saved(folder, dataset):
    dataset.save_to_disk(str(folder / "dataset"))
    return folder / "dataset"


def texts(pairs):
    return [(pair.source, pair.target) for pair in pairs]


@pytest.mark.parametrize(
    "dataset", [NESTED, COLUMNS, datasets.Dataset.from_list([{"translation": row} for row in ROWS])]
)
def test_a_column_of_translations_or_two_columns(tmp_path, dataset):
    path = saved(tmp_path, dataset)
    assert texts(read_pairs(path)) == [("ein Hund", "a dog"), ("zwei Hunde", "two dogs")]
    assert texts(read_pairs(str(path), languages="en-de")) == [("a dog", "ein Hund"), ("two dogs", "zwei Hunde")]
    assert read_pairs(path)[1].where == f"{path}, split train, row 1"


def test_languages_choose_among_more_columns(tmp_path, one_line):
    path = saved(tmp_path, COLUMNS.add_column("fr", ["un chien", "deux chiens"]))
    assert texts(read_pairs(path, languages="fr-en"))[0] == ("un chien", "a dog")
    with one_line(DataError, "split train: its languages or columns are de, en, fr, not two; choose two"):
        read_pairs(path)
    with one_line(DataError, "split train: its languages or columns are de, en, fr, not it and en"):
        read_pairs(path, languages="it-en")


def test_the_splits_of_a_dataset_are_kept_and_others_left_aside(tmp_path):
    dataset = datasets.DatasetDict({"train": COLUMNS, "dev": COLUMNS.select([0]), "challenge": COLUMNS})
    assert [pair.split for pair in read_pairs(saved(tmp_path, dataset))] == ["train", "train", "validation"]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_tables_in_files_are_read(tmp_path, kind):
    path = tmp_path / f"pairs.{kind}"
    {"csv": COLUMNS.to_csv, "jsonl": COLUMNS.to_json, "parquet": COLUMNS.to_parquet}[kind](str(path))
    pairs = read_pairs(path)
    assert texts(pairs) == [("ein Hund", "a dog"), ("zwei Hunde", "two dogs")]
    assert {pair.split for pair in pairs} == {None}


def test_line_ends_within_a_text_become_spaces(tmp_path):
    path = saved(tmp_path, datasets.Dataset.from_list([{"a": " one \r\n two\n", "b": "1\n\n2"}]))
    assert texts(read_pairs(path)) == [("one two", "1 2")]


@pytest.mark.parametrize(
    ("dataset", "part"),
    [
        (datasets.Dataset.from_dict({"de": ["ein Hund", None], "en": ["a dog", "b"]}), "row 1: the first text is null"),
        (datasets.Dataset.from_dict({"de": ["ein Hund"], "en": [7]}), "row 0: the second text is 7; it must be a text"),
        (datasets.Dataset.from_dict({"translation": [ROWS[0], None]}), "row 1: the first text is null"),
        (datasets.Dataset.from_dict({"de": ["ein Hund"]}), "its languages or columns are de, not two"),
    ],
)
def test_what_is_wrong_with_a_dataset_is_one_line(tmp_path, one_line, dataset, part):
    with one_line(DataError, str(tmp_path), part):
        read_pairs(saved(tmp_path, dataset))


def test_folders_and_files_without_a_dataset_are_one_line(tmp_path, one_line):
    with one_line(DataError, str(tmp_path), "no dataset can be read there"):
        read_pairs(tmp_path)
    (tmp_path / "pairs.parquet").write_bytes(b"PAR1 but no table")
    for name, fault in {"pairs.parquet": "no dataset can be read there", "missing.csv": "no such file"}.items():
        with one_line(DataError, f"{name}: {fault}"):
            read_pairs(tmp_path / name)
