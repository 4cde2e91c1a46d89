"""Texts with classes in every form, and what their files can have wrong."""

import pytest

from seqmodels.data.labelled import LabelledText, read_labelled_texts
from seqmodels.errors import DataError, OptionError


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def pairs(path, **options):
    return [(text.label, text.text) for text in read_labelled_texts(path, **options)["train"]]


QUESTIONS = [("number", "How far is Denver ?"), ("person", "Who was Galileo ?")]


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("a.txt", "number How far is Denver ?\n\nperson  Who was  Galileo ? \n", {}),
        ("a.all", "How far is Denver ? number\nWho was Galileo ? person", {"label_at": "last"}),
        ("a.txt", "number\tHow far is Denver ?\nperson\tWho was\tGalileo ?\n", {}),
        ("a.tsv", "How far is Denver ?\tnumber\nWho was Galileo ?\tperson\r\n", {"label_at": "last"}),
        ("a.txt", "__label__number How far is Denver ?\n__label__person\tWho was Galileo ?\n", {}),
        ("a.csv", '\ufefftext,n,label\n"How far\nis Denver ?",1,number\n\nWho was Galileo ?,2,person\n', {}),
        (
            "a.csv",
            "q,kind\nHow far is Denver ?,number\nWho was Galileo ?,person\n",
            {"text_column": "q", "label_column": "kind"},
        ),
        ("a.tsv", "label\ttext\nnumber\tHow far is Denver ?\nperson\tWho was Galileo ?\n", {}),
        (
            "a.jsonl",
            '{"text": "How far is Denver ?", "label": "number"}\n{"text": "Who was Galileo ?", "label": "person"}\n',
            {},
        ),
    ],
)
def test_every_form_gives_the_same_texts(name, content, options, write):
    assert pairs(write(name, content), **options) == QUESTIONS


def test_a_folder_has_a_file_for_each_class(write, tmp_path):
    write("names/Greek.txt", "Anetakis\nBakos\n")
    write("names/Czech.txt", "\nAbl \n")
    found = read_labelled_texts(str(tmp_path / "names"))["train"]
    assert [text[:2] for text in found] == [("Czech", "Abl"), ("Greek", "Anetakis"), ("Greek", "Bakos")]
    assert found[0].where == f"{tmp_path / 'names' / 'Czech.txt'}, line 2"


def test_a_dataset_keeps_its_parts_and_the_names_of_its_classes(tmp_path):
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["bad", "good"])}
    )
    for part, label in (("train", 1), ("test", 0)):
        table = datasets.Dataset.from_dict({"text": [part], "label": [label]}, features=features)
        table.to_parquet(tmp_path / f"{part}-00000-of-00001.parquet")
    found = read_labelled_texts(str(tmp_path))
    assert {part: [text[:2] for text in texts] for part, texts in found.items()} == {
        "train": [("good", "train")],
        "test": [("bad", "test")],
    }


def test_names_of_characters_are_there_without_any_file():
    found = dict(reversed(pair) for pair in pairs("unicode"))
    assert len(found) > 10_000
    assert found["EURO SIGN"] == "currency symbol"
    assert found["LATIN SMALL LETTER A"] == "lowercase letter"


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("a.txt", "number How far ?\nperson\n", ["a.txt, line 2", "'person' has no space between class and text"]),
        ("a.txt", "number\tHow far ?\nperson Who\n", ["a.txt, line 2", "has no tab between class and text"]),
        ("a.txt", "number\tHow far ?\n\tWho\n", ["a.txt, line 2", "the class is empty"]),
        ("a.txt", "number\tHow far ?\nperson\t\n", ["a.txt, line 2", "the text is empty"]),
        ("a.txt", "__label__a text\n__label__a __label__b text\n", ["a.txt, line 2", "is not one __label__"]),
        ("a.csv", "text,label\nHow far ?,number\nWho, then ?,person\n", ["a.csv, line 3", "3 columns rather than 2"]),
        (
            "a.csv",
            "question,label\nWho ?,person\n",
            ["a.csv, line 1", "no column 'text'", "text_column", "question, label"],
        ),
        ("a.csv", 'text,label\n"Who ?,person\n', ["a.csv, line 2", "is no CSV", "check the quotes"]),
        ("a.jsonl", '{"text": "Who ?", "kind": "person"}\n', ["no column 'label'", "label_column", "text, kind"]),
        (
            "a.jsonl",
            '{"text": null, "label": "a"}\n{"text": "b", "label": "b"}\n',
            ["split train, row 0", "the text is null"],
        ),
        ("a.jsonl", '{"text": "b", "label": 0.5}\n', ["split train, row 0", "the class is 0.5"]),
        ("a.txt", "\n\n", ["a.txt", "has no text with a class"]),
        ("a.txt", b"number caf\xe9\n", ["a.txt, line 1", "not UTF-8", "iconv"]),
        ("a.txt", "", ["a.txt", "no text at all"]),
    ],
)
def test_a_fault_names_file_and_line(name, content, parts, write, one_line):
    path = write(name, content)
    with one_line(DataError, *parts):
        read_labelled_texts(path)


def test_bad_records_up_to_max_bad_are_left_out(write):
    path = write("a.txt", "number How far ?\nperson\n")
    with pytest.warns(UserWarning, match="1 bad record was skipped, the first: .*a.txt, line 2"):
        assert read_labelled_texts(path, max_bad=1)["train"] == [LabelledText("number", "How far ?", f"{path}, line 1")]


def test_a_missing_file_and_a_wrong_limit_are_one_line(tmp_path, one_line):
    with one_line(DataError, "no.txt", "no such file"):
        read_labelled_texts(str(tmp_path / "no.txt"))
    with one_line(OptionError, "max_bad"):
        read_labelled_texts("unicode", max_bad=-1)
