"""Many to one: classifier and regressor read each sequence to its end and answer."""

import lightning.pytorch as pl
import numpy as np
import pytest
import torch
from quick_fit import QUIET, fit, given
from sklearn.metrics import f1_score
from torch.nn import functional as F

import seqmodels
from seqmodels.data import Adding, ResumableLoader, SequenceBatch, build_tokenizer
from seqmodels.data.streams import NOT_SCORED
from seqmodels.errors import InputError, OptionError
from seqmodels.tasks import SequenceClassifier, SequenceRegressor, load
from seqmodels.tasks.pooling import POOLINGS
from seqmodels.trees import sequence_cells

KINDS = {"classifier": SequenceClassifier, "regressor": SequenceRegressor}


def make(kind, **options):
    torch.manual_seed(0)
    return KINDS[kind](3, input_size=2, **{"cell": "gru", "hidden_size": 8, **options}) if kind == "classifier" else (
        KINDS[kind](2, 3, **{"cell": "gru", "hidden_size": 8, **options})
    )  # fmt: skip


BOTH = pytest.mark.parametrize("kind", KINDS)
INPUT = torch.randn(7, 4, 2, generator=torch.Generator().manual_seed(0))
LENGTHS = torch.tensor([7, 3, 1, 5])


def batches(kind, lengths=True):
    """Three batches, the last smaller."""
    generator = torch.Generator().manual_seed(1)
    found = []
    for size in (4, 4, 1):
        shape = (size,) if kind == "classifier" else (size, 3)
        target = torch.randint(0, 3, shape, generator=generator)
        found.append(
            SequenceBatch(
                torch.randn(7, size, 2, generator=generator),
                target if kind == "classifier" else target.float(),
                torch.randint(1, 8, (size,), generator=generator) if lengths else None,
            )
        )
    return found


@BOTH
@pytest.mark.parametrize("cell", sequence_cells())
def test_every_cell_fits_in(kind, cell):
    model = make(kind, cell=cell, num_layers=2)
    assert model(INPUT, LENGTHS).shape == (4, 3)
    model(INPUT).sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@BOTH
def test_layers_may_differ_in_size(kind):
    model = make(kind, hidden_size=[8, 5], rnn_options={"bidirectional": True})
    assert model(INPUT, LENGTHS).shape == (4, 3)
    assert model.head.in_features == 10


@BOTH
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_changes_nothing(kind, pooling, bidirectional):
    model = make(kind, pooling=pooling, rnn_options={"bidirectional": bidirectional}).eval()
    answers = model(INPUT, LENGTHS)
    for number, length in enumerate(LENGTHS.tolist()):
        alone = model(INPUT[:length, number : number + 1])
        torch.testing.assert_close(answers[number : number + 1], alone)


@BOTH
def test_the_answer_depends_on_every_step(kind):
    model = make(kind, rnn_options={"bidirectional": True}).eval()
    input = INPUT.clone().requires_grad_()
    model(input, LENGTHS).sum().backward()
    real = torch.arange(7)[:, None] < LENGTHS
    assert torch.equal(input.grad.abs().sum(-1) > 0, real)


@BOTH
def test_tokens_are_embedded(kind):
    model = make(kind, embedding_size=5)
    tokens = torch.tensor([[0, 1], [1, 1], [0, 0]])
    assert model.rnn.input_size == 5
    assert model.eval()(tokens).shape == (2, 3)


def test_classifier_metrics_are_over_all_sequences():
    model, data = make("classifier").eval(), batches("classifier")
    with torch.no_grad():
        outputs = torch.cat([model(batch.input, batch.lengths) for batch in data])
    target = torch.cat([batch.target for batch in data])
    trainer = pl.Trainer(**QUIET)
    (validated,) = trainer.validate(model, given(data), verbose=False)
    (tested,) = trainer.test(model, given(data), verbose=False)
    assert validated["val_loss"] == tested["test_loss"] == pytest.approx(float(F.cross_entropy(outputs, target)))
    expected = float((outputs.argmax(-1) == target).float().mean())
    assert validated["val_accuracy"] == tested["test_accuracy"] == pytest.approx(expected)
    expected = f1_score(target, outputs.argmax(-1), average="macro")
    assert validated["val_macro_f1"] == tested["test_macro_f1"] == pytest.approx(expected)
    assert model.report().confusion.sum() == len(target)


def test_regressor_metrics_are_over_all_sequences():
    model, data = make("regressor").eval(), batches("regressor")
    with torch.no_grad():
        outputs = torch.cat([model(batch.input, batch.lengths) for batch in data])
    expected = float((outputs - torch.cat([batch.target for batch in data])).pow(2).mean())
    trainer = pl.Trainer(**QUIET)
    (validated,) = trainer.validate(model, given(data), verbose=False)
    (tested,) = trainer.test(model, given(data), verbose=False)
    for name, values in {"val": validated, "test": tested}.items():
        assert values[f"{name}_loss"] == pytest.approx(expected)
        assert values[f"{name}_mse"] == pytest.approx(expected)


@BOTH
def test_dropout_acts_in_training_only(kind):
    model, plain = make(kind, dropout=0.5), make(kind)
    assert not torch.equal(model(INPUT), plain(INPUT))
    assert torch.equal(model.eval()(INPUT), plain.eval()(INPUT))


@BOTH
def test_training_lowers_the_loss(kind):
    model, data = make(kind, learning_rate=0.02), batches(kind)
    (before,) = pl.Trainer(**QUIET).validate(model, given(data), verbose=False)
    pl.Trainer(max_epochs=20, **QUIET).fit(model, given(data))
    (after,) = pl.Trainer(**QUIET).validate(model, given(data), verbose=False)
    assert after["val_loss"] < 0.7 * before["val_loss"]


@BOTH
def test_a_checkpoint_gives_the_same_answers(kind, tmp_path):
    model = make(kind, cell="mut2", num_layers=2, rnn_options={"zoneout": 0.1})
    trainer = pl.Trainer(max_epochs=1, **QUIET)
    trainer.fit(model, given(batches(kind)))
    path = tmp_path / "model.ckpt"
    trainer.save_checkpoint(path)
    torch.load(path, weights_only=True)
    for again in (load(path), KINDS[kind].load_from_checkpoint(path)):
        assert type(again) is KINDS[kind]
        assert not again.training
        assert torch.equal(again(INPUT, LENGTHS), model.eval()(INPUT, LENGTHS))
        assert again.describe() == model.describe()


@pytest.mark.filterwarnings("ignore")
def test_a_run_that_is_stopped_within_an_epoch_goes_on_bitwise(tmp_path):
    def new():
        torch.manual_seed(0)
        data = Adding(6, batch_size=4, batches=5, eval_batches=1)
        return SequenceRegressor(data.input_size, cell="gru", hidden_size=6, dropout=0.3), data

    class SaveOnce(pl.Callback):
        def on_train_batch_end(self, trainer, *_):
            if trainer.global_step == 3:
                trainer.save_checkpoint(tmp_path / "stopped.ckpt")

    model, data = new()
    fit(model, data, max_epochs=2, callbacks=[SaveOnce()])
    resumed, data = new()
    trainer = pl.Trainer(max_epochs=2, **QUIET)
    trainer.fit(resumed, datamodule=data, ckpt_path=tmp_path / "stopped.ckpt", weights_only=True)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), resumed.parameters(), strict=True))


def test_a_description_names_cell_and_size():
    model = make("regressor", num_layers=2)
    count = sum(parameter.numel() for parameter in model.parameters())
    assert model.describe() == f"SequenceRegressor: 2 x 8 gru, {count:,} parameters"


@BOTH
@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"cell": "lsmt"}, "did you mean 'lstm'"),
        ({"dropout": 1.0}, "dropout must be a probability"),
        ({"embedding_size": 0}, "embedding_size is 0"),
        ({"rnn_options": {"num_layers": 2}}, "'num_layers' belongs to Sequence"),
        ({"rnn_options": {"zoneot": 2}}, "did you mean 'zoneout'"),
        ({"pooling": "sum"}, "use one of last, mean, max, attention"),
    ],
)
@pytest.mark.usefixtures("_types_unchecked")
def test_wrong_options_are_one_line(kind, options, part, one_line):
    with one_line(seqmodels.errors.SeqmodelsError, part):
        make(kind, **options)


def test_sizes_below_one_are_one_line(one_line):
    with one_line(OptionError, "num_classes is 0"):
        SequenceClassifier(0, 1)
    with one_line(OptionError, "output_size is 0"):
        SequenceRegressor(1, 0)
    with one_line(OptionError, "input_size is 0"):
        SequenceRegressor(0)


def test_a_target_of_another_shape_is_one_line(one_line):
    model = SequenceRegressor(2, output_size=3, cell="gru", hidden_size=4)
    with one_line(InputError, "target has the shape [4]", "[4, 3]", "set output_size"):
        model.training_step(SequenceBatch(INPUT, torch.zeros(4)), 0)


def test_batches_come_from_any_loader_of_sequences():
    def collate(records):
        return SequenceBatch(torch.stack([INPUT[:, 0]] * len(records), 1), torch.tensor(records))

    model = make("classifier")
    pl.Trainer(max_epochs=1, **QUIET).fit(model, ResumableLoader([0, 1, 2], 2, collate_fn=collate))


# --- a classifier's own input -------------------------------------------------------------------------------------

WORDS = build_tokenizer("word", "who was what is ? galileo atom an\n")
KINDS_OF_QUESTIONS = ["person", "thing"]
SERIES = {"scaling": {"mean": [5.0, -5.0], "deviation": [2.0, 1.0]}, "labels": ["low", "high"]}


def reader_of_text(**options):
    torch.manual_seed(0)
    options = {"tokenizer": WORDS, "labels": KINDS_OF_QUESTIONS, "cell": "gru", "hidden_size": 8, **options}
    return SequenceClassifier(**options)


def question(*texts):
    tokens = [WORDS.encode(text) for text in texts]
    target = torch.tensor([int(text.startswith("what")) for text in texts])
    return SequenceBatch(torch.nn.utils.rnn.pad_sequence(tokens), target, torch.tensor([len(row) for row in tokens]))


QUESTIONS = question("who was galileo ?", "what is an atom ?", "who is atom ?", "what was galileo ?")


@pytest.mark.parametrize("pooling", POOLINGS)
def test_texts_are_learned_and_classified_after_loading(pooling, tmp_path):
    model = reader_of_text(pooling=pooling, learning_rate=0.05, weight_decay=0.01)
    trainer = pl.Trainer(max_epochs=20, **QUIET)
    trainer.fit(model, given([QUESTIONS]))
    ((label, probability), other) = model.classify("Who was Galileo?")
    assert label == "person"
    assert probability > 0.8
    assert probability + other[1] == pytest.approx(1)
    assert model.classify("what was a galileo", top=1)[0][0] == "thing"
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    kept = torch.load(tmp_path / "model.ckpt", weights_only=True)["hyper_parameters"]
    assert kept["labels"] == KINDS_OF_QUESTIONS
    again = load(tmp_path / "model.ckpt")
    assert again.classify("Who was Galileo?") == model.classify("Who was Galileo?")


def test_series_are_scaled_as_the_data_were(tmp_path):
    torch.manual_seed(0)
    model = SequenceClassifier(cell="gru", hidden_size=4, pooling="mean", **SERIES)
    trainer = pl.Trainer(max_epochs=1, **QUIET)
    trainer.fit(model, given([SequenceBatch(torch.randn(3, 2, 2), torch.tensor([0, 1]))]))
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    series = np.array([[5.0, -5.0], [7.0, -6.0]])
    scores = model.eval()(torch.tensor([[[0.0, 0.0]], [[1.0, -1.0]]]))[0].softmax(-1)
    for reader in (model, load(tmp_path / "model.ckpt")):
        found = dict(reader.classify(series))
        assert [found["low"], found["high"]] == pytest.approx(scores.tolist())
        assert found == dict(reader.classify(torch.tensor(series))) == dict(reader.classify(series.tolist()))


def test_without_names_classes_are_numbers_and_without_tokenizer_tokens_too():
    model = make("classifier", embedding_size=5)
    assert sorted(label for label, _ in model.classify([0, 1, 1])) == ["0", "1", "2"]


def test_pretrained_vectors_are_weights_of_the_checkpoint_that_needs_no_file_of_them(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("galileo 1 2 3\natom 4 5 6\n")
    model = reader_of_text(embeddings=str(path))
    assert model.embedding.weight[int(WORDS.encode("atom"))].tolist() == [4, 5, 6]
    trainer = pl.Trainer(max_epochs=1, **QUIET)
    trainer.fit(model, given([QUESTIONS]))
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    path.unlink()
    again = load(tmp_path / "model.ckpt")
    assert torch.equal(again.embedding.weight, model.embedding.weight)
    assert not torch.equal(model.embedding.weight[int(WORDS.encode("atom"))], torch.tensor([4.0, 5.0, 6.0]))


def test_a_test_is_written_as_a_report_and_a_list_of_predictions(tmp_path):
    model = reader_of_text()
    unknown = QUESTIONS._replace(target=torch.tensor([0, 1, 0, NOT_SCORED]))
    pl.Trainer(**QUIET).test(model, given([unknown]), verbose=False)
    model.write_results(str(tmp_path / "report"))
    assert "| thing |" in (tmp_path / "report" / "report.md").read_text()
    rows = [line.split("\t") for line in (tmp_path / "report" / "predictions.tsv").read_text().splitlines()]
    assert rows[0] == ["true", "predicted", "probability", "text"]
    assert [(row[0], row[3]) for row in rows[1:]] == [
        ("person", "who was galileo ?"), ("thing", "what is an atom ?"), ("person", "who is atom ?"),
        ("", "what was galileo ?"),
    ]  # fmt: skip
    label, probability = model.classify("what was galileo ?", top=1)[0]
    assert rows[4][1:3] == [label, f"{probability:.4f}"]
    assert model.report().confusion.sum() == 3


def test_predictions_stand_beside_the_texts_as_they_were_read(tmp_path):
    model, texts = reader_of_text(), ("Who was Zorro?", "What is an Atom?", "b", "c")
    pl.Trainer(**QUIET).test(model, given([QUESTIONS._replace(texts=texts)]), verbose=False)
    model.write_results(str(tmp_path))
    _, *rows = (tmp_path / "predictions.tsv").read_text().splitlines()
    assert tuple(row.split("\t")[3] for row in rows) == texts


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"num_classes": 3}, "num_classes is 3, but there are 2 labels"),
        ({"labels": ["a", "a"]}, "none of them twice"),
        ({"labels": None}, "give num_classes, or labels"),
        ({"tokenizer": None}, "give input_size"),
        ({"tokenizer": None, "input_size": 2, "embeddings": "v.txt"}, "embeddings need a tokenizer"),
        ({**SERIES, "tokenizer": None, "input_size": 3}, "scaling is of 2 features"),
    ],
)
def test_what_the_data_give_must_fit_the_options(options, part, one_line):
    with one_line(OptionError, part):
        reader_of_text(**options)


def test_what_a_classifier_cannot_read_is_one_line(one_line):
    text, series, tokens = reader_of_text(), SequenceClassifier(**SERIES), make("classifier", embedding_size=5)
    for model, input, part in (
        (text, " ", "the text is empty"),
        (text, np.zeros((3, 2)), "reads text, not ndarray"),
        (series, "who?", "reads arrays [T, 2], not str"),
        (series, np.zeros((3, 4)), "shape [3, 4]; give [T, 2]"),
        (series, [[1.0], [1.0, 2.0]], "no array of numbers"),
        (series, [[1.0, 2.0], [float("nan"), 2.0]], "step 1 of the series is not finite"),
        (tokens, [0, 2], "whole numbers in [0, 2)"),
        (tokens, [], "a vector of tokens"),
    ):
        with one_line(InputError, part):
            model.classify(input)
    with one_line(OptionError, "top is 0"):
        text.classify("who?", top=0)
