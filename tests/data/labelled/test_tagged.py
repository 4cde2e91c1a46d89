"""Tagged sentences in columns, and what their files can have wrong."""

import pytest

from seqmodels.data.labelled import read_tagged_sentences
from seqmodels.errors import DataError, OptionError

CONLL = "-DOCSTART- -X- O O\n\nEU NNP I-NP B-ORG\nrejects VBZ I-VP O\n\n\nPeter NNP I-NP B-PER"
CONLLU = (
    "# sent_id = 1\n# text = Vámonos al mar\n"
    "1-2\tVámonos\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "1\tVamos\tir\tVERB\tV\t_\t0\troot\t_\t_\n"
    "2\tnos\tnosotros\tPRON\tP\t_\t1\tobj\t_\t_\n"
    "2.1\t_\t_\t_\t_\t_\t_\t_\t_\t_\n"
    "3\t#\t#\tSYM\tS\t_\t1\tobl\t_\t_\n\n"
)


@pytest.fixture
def write(tmp_path):
    def write(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return write


def pairs(path, **options):
    return [(sentence.words, sentence.tags) for sentence in read_tagged_sentences(path, **options)]


def test_columns_with_the_word_first_and_the_tag_last(write):
    path = write("train.txt", CONLL)
    assert pairs(path) == [(("EU", "rejects"), ("B-ORG", "O")), (("Peter",), ("B-PER",))]
    assert pairs(path, tag_column=2)[0] == (("EU", "rejects"), ("NNP", "VBZ"))
    assert pairs(path, word_column=2, tag_column=1)[1] == (("NNP",), ("Peter",))
    assert [sentence.where for sentence in read_tagged_sentences(path)] == [f"{path}, line 3", f"{path}, line 7"]


def test_conllu_has_the_words_second_and_universal_tags_and_no_ranges(write):
    path = write("a.conllu", CONLLU)
    assert pairs(path) == [(("Vamos", "nos", "#"), ("VERB", "PRON", "SYM"))]
    assert pairs(path, tag_column="deprel") == [(("Vamos", "nos", "#"), ("root", "obj", "obl"))]


def test_a_line_that_begins_with_a_number_sign_is_a_comment_only_before_a_sentence(write):
    path = write("a.txt", "# of documents\nabout IN\n# #\n5 CD\n")
    assert pairs(path) == [(("about", "#", "5"), ("IN", "#", "CD"))]


def test_lines_of_python_are_there_without_any_file():
    found = read_tagged_sentences("python")
    assert len(found) == 5000
    assert all(len(sentence.words) == len(sentence.tags) > 0 for sentence in found)
    tags = {}
    for sentence in found:
        for word, tag in zip(sentence.words, sentence.tags, strict=True):
            tags.setdefault(word, set()).add(tag)
    assert tags["def"] == {"keyword"}
    assert tags["("] == {"operator"}
    assert {"name", "attribute"} <= tags["name"]  # only its neighbours tell
    assert not [word for word in tags if word.split() != [word]]
    assert set.union(*tags.values()) == {
        *("keyword", "operator", "number", "string", "definition", "call", "argument", "attribute", "name")
    }


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("a.txt", "EU B-ORG\nrejects\n", ["a.txt, line 2", "'rejects' has no tag"]),
        ("a.txt", "EU\tB-ORG\nrejects\t\n", ["a.txt, line 2", "'rejects' has no tag"]),
        ("a.txt", "EU\tB-ORG\n\tO\n", ["a.txt, line 2", "no word in column 1"]),
        ("a.txt", "EU NNP B-ORG\nrejects VBZ\n", ["a.txt, line 2", "2 columns", "before 3"]),
        ("a.conllu", "1\tVamos\n", ["a.conllu, line 1", "'Vamos' has no tag"]),
        ("a.txt", "# only a comment\n\n", ["a.txt", "has no tagged words"]),
    ],
)
def test_a_fault_names_file_and_line(name, content, parts, write, one_line):
    path = write(name, content)
    with one_line(DataError, *parts):
        read_tagged_sentences(path)


def test_bad_sentences_up_to_max_bad_are_left_out(write):
    path = write("a.txt", "EU B-ORG\nrejects\n\nPeter B-PER\n")
    with pytest.warns(UserWarning, match="1 bad record was skipped, the first: .*a.txt, line 2"):
        assert pairs(path, max_bad=1) == [(("Peter",), ("B-PER",))]


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"tag_column": "pos"}, "tag_column is 'pos'"),
        ({"tag_column": 0}, "tag_column is 0"),
        ({"word_column": 0}, "word_column is 0"),
    ],
)
def test_options_that_cannot_be_used(options, part, one_line):
    with one_line(OptionError, part):
        read_tagged_sentences("a.txt", **options)
