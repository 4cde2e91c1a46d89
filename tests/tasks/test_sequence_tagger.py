"""Many to many, aligned: a class for each step."""

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from quick_fit import QUIET, given
from sklearn.metrics import accuracy_score, f1_score
from torch.nn import functional as F

from seqmodels.data import SequenceBatch, build_tokenizer
from seqmodels.data.streams import NOT_SCORED
from seqmodels.errors import InputError, OptionError
from seqmodels.tasks import SequenceTagger, load
from seqmodels.trees import sequence_cells

WORDS = build_tokenizer("word", "a b c d\n")
LABELS = ["before b", "end", "other"]


def make(**options):
    torch.manual_seed(0)
    return SequenceTagger(**{"tokenizer": WORDS, "labels": LABELS, "cell": "gru", "hidden_size": 12, **options})


def batch_of(texts, drop=None):
    """Tags say what comes next; of the step ``drop`` nothing is known."""
    tokens = [WORDS.encode(text) for text in texts]
    b = int(WORDS.encode("b"))
    tags = [torch.tensor([0 if t == b else 2 for t in row[1:].tolist()] + [1]) for row in tokens]
    target = torch.nn.utils.rnn.pad_sequence(tags, padding_value=NOT_SCORED)
    if drop is not None:
        target[drop] = NOT_SCORED
    lengths = torch.tensor([len(row) for row in tokens])
    return SequenceBatch(torch.nn.utils.rnn.pad_sequence(tokens), target, lengths)


def batches(count=6):
    generator = torch.Generator().manual_seed(0)
    texts = [
        " ".join("abcd"[k] for k in torch.randint(0, 4, (length,), generator=generator).tolist())
        for length in torch.randint(1, 8, (8 * count,), generator=generator).tolist()
    ]
    return [batch_of(texts[8 * k : 8 * k + 8]) for k in range(count)]


@pytest.mark.parametrize("cell", sequence_cells())
def test_padding_changes_nothing(cell):
    model = make(cell=cell, num_layers=2).eval()
    batch = batch_of(["a b c d a", "c b", "d"])
    together = model(batch.input, batch.lengths)
    for row, length in enumerate(batch.lengths.tolist()):
        torch.testing.assert_close(together[:length, row], model(batch.input[:length, row : row + 1])[:, 0])


def test_measures_are_over_scored_steps():
    model, data = make().eval(), [batch_of(["a b c d a", "c b"], drop=1), batch_of(["b"])]
    (validated,) = pl.Trainer(**QUIET).validate(model, given(data), verbose=False)
    outputs, targets = [], []
    for batch in data:
        scored = batch.target != NOT_SCORED
        outputs.append(model(batch.input, batch.lengths).detach()[scored])
        targets.append(batch.target[scored])
    output, target = torch.cat(outputs), torch.cat(targets)
    assert len(target) == 6
    best = output.argmax(-1).numpy()
    assert validated["val_loss"] == pytest.approx(F.cross_entropy(output, target).item())
    assert validated["val_accuracy"] == pytest.approx(accuracy_score(target, best))
    assert validated["val_macro_f1"] == pytest.approx(f1_score(target, best, average="macro"))
    assert model.report().confusion.sum() == 6


def test_what_comes_next_is_learned_by_reading_backwards_too(tmp_path):
    accuracy = {}
    for bidirectional in (True, False):
        model = make(bidirectional=bidirectional, learning_rate=0.03)
        trainer = pl.Trainer(max_epochs=15, check_val_every_n_epoch=15, **QUIET)
        trainer.fit(model, given(batches()), given(batches(1)))
        accuracy[bidirectional] = float(trainer.callback_metrics["val_accuracy"])
        if bidirectional:
            assert model.tag("a b b") == [("a", "before b"), ("b", "before b"), ("b", "end")]
            trainer.save_checkpoint(tmp_path / "model.ckpt")
            again = load(tmp_path / "model.ckpt")
            assert again.tag("d b c a") == model.tag("d b c a")
            assert again.hparams["bidirectional"]
    assert accuracy[True] > 0.98
    assert accuracy[False] < 0.9, "the next word can't be known"


def test_words_may_be_given_one_by_one():
    model = make()
    assert model.tag(["a", "c"]) == model.tag(" a  c ")
    assert [word for word, _ in model.tag(["a", "two words", "unheard-of"])] == ["a", "two words", "unheard-of"]


def test_where_all_words_were_in_lower_case_a_text_is_read_so():
    assert [tag for _, tag in make().tag("A B")] == [tag for _, tag in make().tag("a b")]
    capitals = make(tokenizer=build_tokenizer("word", "a A b\n"))
    assert torch.equal(capitals._tokens(["A"]), capitals.tokenizer.encode("A"))


def test_the_steps_of_a_series_are_tagged_by_number():
    scaling = {"mean": [5.0, -5.0], "deviation": [2.0, 1.0]}
    model = make(tokenizer=None, scaling=scaling, labels=None, num_classes=2)
    series = np.array([[5.0, -5.0], [7.0, -5.0], [5.0, -4.0]])
    scores = model.eval()(torch.tensor([[[0.0, 0.0]], [[1.0, 0.0]], [[0.0, 1.0]]]))[:, 0]
    assert model.tag(series) == [(str(step), str(int(row.argmax()))) for step, row in enumerate(scores)]


def test_its_predictions_are_a_file_with_a_line_a_word(tmp_path):
    model = make()
    pl.Trainer(**QUIET).test(model, given([batch_of(["a b c", "d"], drop=1)]), verbose=False)
    model.write_results(str(tmp_path))
    header, *lines = (tmp_path / "predictions.tsv").read_text().split("\n")
    assert header.split("\t") == ["step", "true", "predicted", "probability"]
    assert [line.split("\t")[:2] for line in lines] == [
        ["a", "before b"], ["c", "end"], [""], ["d", "end"], [""], [""],
    ]  # fmt: skip
    assert lines[0].split("\t")[2] == model.tag("a b c")[0][1]


def test_predictions_have_the_words_as_they_were_read(tmp_path):
    model, batch = make(), batch_of(["a b c", "d"], drop=1)._replace(texts=("A\t10 000\tzebra", "D"))
    pl.Trainer(**QUIET).test(model, given([batch]), verbose=False)
    model.write_results(str(tmp_path))
    _, *lines = (tmp_path / "predictions.tsv").read_text().split("\n")
    assert [line.split("\t")[0] for line in lines] == ["A", "zebra", "", "D", "", ""]


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"rnn_options": {"bidirectional": False}}, "'bidirectional' belongs to SequenceTagger"),
        ({"labels": ["a", "a"]}, "none of them twice"),
        ({"labels": None}, "give num_classes, or labels"),
        ({"tokenizer": None}, "give input_size"),
    ],
)
def test_wrong_options_are_one_line(options, part, one_line):
    with one_line(OptionError, part):
        make(**options)


@pytest.mark.parametrize(
    ("words", "part"),
    [
        ("", "there is no word"),
        ([], "there is no word"),
        (["a", " "], "an empty one"),
        (np.zeros((2, 2)), "reads text"),
    ],
)
def test_what_it_cannot_tag_is_one_line(words, part, one_line):
    with one_line(InputError, part):
        make().tag(words)


def test_labels_of_whole_sequences_are_refused():
    batch = batch_of(["a b c", "d"])
    with pytest.raises(InputError, match=r"answers are \[3, 2\], but labels \[2\]; a SequenceTagger needs a label for"):
        make().training_step(batch._replace(target=torch.tensor([0, 1])), 0)


def test_one_class_is_nothing_to_learn():
    with pytest.raises(OptionError, match="labels must be two or more, none of them twice, not A"):
        make(labels=["A"])
