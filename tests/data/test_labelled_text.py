"""Batches of texts with classes."""

import pytest
import torch
from quick_fit import fit_and_test

from seqmodels.data import Tokenizer
from seqmodels.data.labelled_text import LabelledTextData, text_for
from seqmodels.errors import OptionError
from seqmodels.tasks import SequenceClassifier


@pytest.fixture
def questions(tmp_path):
    path = tmp_path / "questions.txt"
    path.write_text("number How far is Denver?\nperson Who was Galileo?\nnumber How far?\n")
    return str(path)


def test_a_batch_has_words_past_whose_end_is_zero(questions):
    data = LabelledTextData(questions, valid_source=questions, batch_size=3)
    (batch,) = data.val_dataloader()
    assert batch.lengths.tolist() == [5, 4, 3]
    assert batch.target.tolist() == [0, 1, 0]
    assert batch.target.dtype == batch.input.dtype == torch.int64
    written = [data.tokenizer.decode(row[:length]) for row, length in zip(batch.input.T, batch.lengths, strict=True)]
    assert written == ["how far is denver ? ", "who was galileo ? ", "how far ? "]
    assert batch.input[3:, 2].tolist() == [0, 0]
    assert "3 train, 3 validation, 3 test texts, 2 classes" in data.describe()


@pytest.mark.parametrize("unit", ["word", "character", "subword"])
def test_units_and_lengths(unit, questions):
    data = LabelledTextData(questions, valid_source=questions, unit=unit, max_length=2)
    (batch,) = data.val_dataloader()
    assert batch.lengths.tolist() == [2, 2, 2]
    expected = data.tokenizer.encode(text_for(unit, "Who was Galileo?"))[:2]
    assert torch.equal(batch.input[:, 1], expected)
    assert data.tokenizer.unit == unit
    assert data.tokenizer.line_end_id not in batch.input


def test_the_vocabulary_is_that_of_training_and_the_rest_is_unknown(questions, tmp_path):
    (tmp_path / "valid.txt").write_text("number Ω Denver\n", encoding="utf-8")
    for unit in ("word", "character"):
        data = LabelledTextData(questions, valid_source=str(tmp_path / "valid.txt"), unit=unit)
        (batch,) = data.val_dataloader()
        assert batch.input[0, 0] == data.tokenizer.unknown_id
    data = LabelledTextData(questions, valid_source=questions, min_count=2)
    assert sorted(data.tokenizer.tokens) == ["<eos>", "<unk>", "?", "far", "how"]


def test_a_trained_vocabulary_can_be_set(questions):
    trained = LabelledTextData(valid_source=questions, source=questions).tokenizer
    data = LabelledTextData("unicode", test_source=questions)
    data.tokenizer = Tokenizer.from_dict(trained.to_dict())
    data.labels = ["number", "person"]
    batch = data.collate(LabelledTextData(questions, questions).records["train"])
    assert trained.decode(batch.input[:4, 1]) == "who was galileo ? "
    assert batch.texts[1] == "Who was Galileo?"


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"unit": "byte"}, "'word', 'character' or 'subword'"),
        ({"label_at": "middle"}, "'first' or 'last'"),
        ({"min_count": 0}, "min_count is 0"),
        ({"max_length": 0}, "max_length is 0"),
    ],
)
@pytest.mark.usefixtures("_types_unchecked")
def test_options_that_cannot_be_used(options, part, one_line):
    with one_line(OptionError, part):
        LabelledTextData(**options)


def test_a_model_learns_what_names_mean():
    data = LabelledTextData("unicode", batch_size=64, eval_batch_size=256)
    model = SequenceClassifier(
        len(data.labels), len(data.tokenizer), cell="gru", hidden_size=32, embedding_size=32, learning_rate=1e-2
    )
    values = fit_and_test(model, data, max_steps=60, gradient_clip_val=1.0, limit_val_batches=1)
    counts = torch.bincount(torch.cat([batch.target for batch in data.test_dataloader()]))
    assert values["test_accuracy"] > counts.max() / counts.sum() + 0.1  # better than the most common class
