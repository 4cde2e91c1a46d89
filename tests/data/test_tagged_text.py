"""Batches of sentences with tags."""

import pytest
import torch

from seqmodels.data import Tokenizer
from seqmodels.data.streams import NOT_SCORED
from seqmodels.data.tagged_text import TaggedTextData
from seqmodels.errors import DataError, OptionError


@pytest.fixture
def sentences(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("The DET\ndogs NOUN\nbark VERB\n\nThe DET\n10 000\tNUM\n")
    return str(path)


def test_a_batch_has_a_tag_for_each_word(sentences):
    data = TaggedTextData(sentences, valid_source=sentences, min_count=1)
    (batch,) = data.val_dataloader()
    assert data.labels == ["DET", "NOUN", "NUM", "VERB"]
    assert batch.lengths.tolist() == [3, 2]
    assert batch.target.T.tolist() == [[0, 1, 3], [0, 2, NOT_SCORED]]
    assert batch.input.shape == batch.target.shape
    assert batch.input.dtype == batch.target.dtype == torch.int64
    assert data.tokenizer.decode(batch.input[:2, 1]) == "The 10_000 "  # one word, so one token
    assert batch.input[2, 1] == 0
    assert batch.texts == ("The\tdogs\tbark", "The\t10 000")
    assert "2 train, 2 validation, 2 test sentences, 4 tags" in data.describe()


def test_rare_words_are_unknown_and_capitals_can_go(sentences):
    data = TaggedTextData(sentences, valid_source=sentences, lowercase=True)
    (batch,) = data.val_dataloader()
    assert sorted(data.tokenizer.tokens) == ["<eos>", "<unk>", "the"]
    assert [data.tokenizer.tokens[token] for token in batch.input[:, 0].tolist()] == ["the", "<unk>", "<unk>"]


def test_a_tag_that_training_does_not_have_names_file_and_line(sentences, tmp_path, one_line):
    (tmp_path / "valid.txt").write_text("The DET\n\nAh INTJ\n")
    with one_line(DataError, "valid.txt, line 3", "'INTJ' is none of training's"):
        TaggedTextData(sentences, str(tmp_path / "valid.txt")).val_dataloader()


def test_vocabulary_and_tags_of_a_trained_model_can_be_set(sentences):
    trained = TaggedTextData(sentences, valid_source=sentences, min_count=1)
    data = TaggedTextData(sentences, valid_source=sentences, min_count=5)
    data.tokenizer, data.labels = Tokenizer.from_dict(trained.tokenizer.to_dict()), trained.labels[::-1]
    (batch,), (other,) = data.val_dataloader(), trained.val_dataloader()
    assert torch.equal(batch.input, other.input)
    assert batch.target[0].tolist() == [3, 3]


def test_lines_of_python_are_the_default_and_no_line_is_in_two_parts():
    data = TaggedTextData()
    keys = [{record.key for record in part} for part in data.records.values()]
    assert not keys[0] & (keys[1] | keys[2])
    assert sum(len(part) for part in data.records.values()) == 5000
    for batch in data.test_dataloader():
        assert (batch.target != NOT_SCORED).sum(0).equal(batch.lengths)


def test_a_wrong_option_is_one_line(one_line):
    with one_line(OptionError, "min_count is 0"):
        TaggedTextData(min_count=0)
