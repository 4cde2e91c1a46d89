"""Pretrained word vectors: what the files of GloVe and word2vec look like, and what is wrong with others."""

import pytest
import torch

from seqmodels.data import build_tokenizer
from seqmodels.errors import DataError, OptionError
from seqmodels.tasks.word_vectors import load_word_vectors, word_embedding

WORDS = build_tokenizer("word", "the cat sat . café\n")
GLOVE = "the 0.5 -1\n. . . 9 9\n. 3 4\nThe 7 7\ncafé 1e-2 2\ndog nonsense 1\nthe 8 8\n"


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "vectors.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


@pytest.mark.parametrize("text", [GLOVE, "7 2\n" + GLOVE.replace("\n", " \n"), GLOVE.replace("\n", "\r\n")])
def test_the_words_of_the_vocabulary_get_their_vectors(file, text):
    weight, found = load_word_vectors(file(text), WORDS)
    assert found == 3
    expected = {"the": [0.5, -1.0], ".": [3.0, 4.0], "café": [0.01, 2.0]}
    for word, row in zip(WORDS.tokens, weight, strict=True):
        if word in expected:
            torch.testing.assert_close(row, torch.tensor(expected[word]))
        else:
            assert row.isnan().all()


def test_other_words_get_vectors_as_wide_as_the_files(file):
    words = build_tokenizer("word", " ".join(f"w{k}" for k in range(3000)))
    known = torch.randn(1000, 4) * 7
    lines = [f"w{k} " + " ".join(f"{x:.6f}" for x in row) for k, row in enumerate(known.tolist())]
    embedding = word_embedding(words, None, file("\n".join(lines)))
    assert embedding.weight.shape == (len(words), 4)
    assert embedding.weight.requires_grad
    assert embedding.weight.isfinite().all()
    numbers = {word: number for number, word in enumerate(words.tokens)}
    rows = [numbers[f"w{k}"] for k in range(1000)]
    torch.testing.assert_close(embedding.weight.detach()[rows], known, atol=1e-5, rtol=1e-5)
    others = torch.ones(len(words), dtype=torch.bool).index_fill(0, torch.tensor(rows), False)
    assert float(embedding.weight.detach()[others].std()) == pytest.approx(7, rel=0.05)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("the 1 2\ncat 1\n", ("line 2", "has 1 numbers", "2")),
        ("the 1 2\nsat 1 2 3\n", ("line 2", "has 3 numbers", "2")),
        ("the 1 2\ncat 1 x\n", ("line 2", "'x' is no number")),
        ("the 1 2\ncat 1 nan\n", ("line 2", "'nan' is no number")),
        ("the\n", ("line 1", "without numbers")),
        ("dog 1 2\n", ("none of the vocabulary's 7 words",)),
        ("", ("none of the vocabulary's 7 words",)),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(file, one_line, text, parts):
    with one_line(DataError, "vectors.txt", *parts):
        load_word_vectors(file(text), WORDS)


def test_a_missing_file_and_another_size_are_one_line(file, one_line):
    with one_line(DataError, "missing.txt", "cannot be read"):
        load_word_vectors("missing.txt", WORDS)
    with one_line(OptionError, "embedding_size is 3", "vectors of 2 numbers"):
        word_embedding(WORDS, 3, file(GLOVE))
    with one_line(OptionError, "embedding_size is missing"):
        word_embedding(WORDS, None)
