"""Questions about pictures: learning, ablations, the official accuracy, results."""

import json

import lightning.pytorch as pl
import pictures
import pytest
import torch

from seqmodels.data import QuestionData
from seqmodels.errors import InputError, OptionError
from seqmodels.tasks import VisualQuestionAnswerer, load
from seqmodels.trees import sequence_cells


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("questions") / "pictures"
    questions, annotations = map(str, pictures.asked(folder))
    return QuestionData(
        "vqa", questions, annotations, str(folder), valid_questions=questions, valid_annotations=annotations,
        image_size=32, batch_size=16,
    )  # fmt: skip


def make(data, **options):
    torch.manual_seed(0)
    options = {"cell": "gru", "hidden_size": 16, "num_layers": 1, "embedding_size": 8, "common_size": 32, **options}
    return VisualQuestionAnswerer(data.tokenizer, data.answers, data.image, dropout=0.0, learning_rate=0.01, **options)


def fit(model, data, epochs):
    trainer = pl.Trainer(
        accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, num_sanity_val_steps=0, max_epochs=epochs, check_val_every_n_epoch=epochs,
    )  # fmt: skip
    trainer.fit(model, data)
    return trainer


@pytest.mark.parametrize("targets", ["common", "soft"])
def test_with_picture_and_question_all_is_known_and_with_either_alone_it_is_not(data, targets):
    accuracy = {}
    for inputs in ("both", "question", "image"):
        model = make(data, inputs=inputs, targets=targets)
        trainer = fit(model, data, epochs=60 if targets == "common" else 150)
        accuracy[inputs] = float(trainer.callback_metrics["val_accuracy"])
    assert accuracy["both"] == 1
    assert max(accuracy["question"], accuracy["image"]) <= 0.5


@pytest.mark.parametrize("inputs", ["both", "question", "image"])
def test_all_that_is_trainable_has_a_gradient(data, inputs):
    """DDP waits for all of them."""
    model = make(data, inputs=inputs)
    assert model.image_input.fine_tune
    data.setup("fit")
    model.training_step(next(iter(data.train_dataloader())), 0)["loss"].backward()
    trainable = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert trainable == {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert ("rnn" in {name.partition(".")[0] for name in trainable}) == (inputs != "image")


def test_each_type_of_answer_has_its_accuracy_and_the_result_file_its_answers(data, tmp_path):
    model = make(data)
    trainer = fit(model, data, epochs=1)
    assert {"val_loss", "val_accuracy", "val_accuracy_yes_no", "val_accuracy_other"} <= set(trainer.callback_metrics)
    model.write_results(str(tmp_path / "results.json"))
    results = json.loads((tmp_path / "results.json").read_text())
    assert sorted(one["question_id"] for one in results) == sorted(int(one.key) for one in data.records["validation"])


def test_a_checkpoint_answers_about_a_file(data, tmp_path):
    model = make(data)
    trainer = fit(model, data, epochs=1)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    again = load(tmp_path / "model.ckpt")
    path = data.records["train"][0].path
    answers = again.answer(path, "What color?", top=99)
    assert answers == model.answer(path, "What color?", top=99)
    assert sum(probability for _, probability in answers) == pytest.approx(1, abs=1e-5)
    assert sorted(answer for answer, _ in answers) == sorted(data.answers)


@pytest.mark.parametrize("targets", ["common", "soft"])
def test_probabilities_are_those_that_the_loss_makes_of_the_scores(data, targets):
    model = make(data, targets=targets).eval()
    batch = data.collate([data.parts["train"][0]])
    with torch.no_grad():
        scores = model(batch.image, batch.question, batch.lengths)[0]
        expected = scores.sigmoid() if targets == "soft" else scores.softmax(0)
        found = dict(model.answer(batch.image[0], data.records["train"][0].question, top=99))
    assert [found[answer] for answer in data.answers] == pytest.approx(expected.tolist(), abs=1e-5)


@pytest.mark.parametrize("targets", ["common", "soft"])
def test_a_multiple_choice_question_is_answered_by_one_of_its_choices(data, targets):
    model = make(data, targets=targets)
    image, choices = torch.rand(3, 32, 32), ["Yes", "no", "yes"]  # spelled as people do, one twice
    of_all, found = (dict(model.answer(image, "Is it?", 99, given)) for given in (None, choices))
    whole = 1 if targets == "soft" else of_all["yes"] + of_all["no"]
    assert found == pytest.approx({answer: of_all[answer] / whole for answer in ("yes", "no")}, abs=1e-5)
    assert list(found) == sorted(found, key=found.__getitem__, reverse=True)


def test_a_choice_that_the_model_does_not_know_is_one_line(data, one_line):
    with one_line(OptionError, "'maybe' is none of the", "leave it out"):
        make(data).answer(torch.rand(3, 32, 32), "Is it?", choices=["yes", "maybe"])


@pytest.mark.parametrize("cell", sequence_cells())
def test_padding_does_not_matter(data, cell):
    model = make(data, cell=cell, num_layers=2).eval()
    image = torch.rand(2, 3, 32, 32)
    question = torch.randint(len(data.tokenizer), (5, 2))
    with torch.no_grad():
        both = model(image, question, torch.tensor([5, 3]))
        alone = model(image[1:], question[:3, 1:], torch.tensor([3]))
    torch.testing.assert_close(both[1:], alone, atol=1e-5, rtol=1e-4)


def test_an_answer_outside_the_vocabulary_trains_nothing_and_counts_as_wrong(data):
    few = QuestionData("vqa", *data.files["train"], answers=1, image_size=32, batch_size=16)
    batch = next(iter(few.train_dataloader()))
    assert few.answers == ["no"]
    assert (batch.answer == -1).sum() > 0
    model = make(few)
    loss, count = model._loss(model(batch.image, batch.question, batch.lengths), batch)
    assert int(count) == int((batch.answer == 0).sum())
    assert float(loss) == 0, "the one answer there is, is certain"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"inputs": "smell"}, ("inputs", "question")),
        ({"targets": "hard"}, ("targets", "soft")),
        ({"common_size": 0}, ("common_size",)),
        ({"rnn_options": {"hidden_size": 3}}, ("hidden_size", "VisualQuestionAnswerer")),
    ],
)
@pytest.mark.usefixtures("_types_unchecked")
def test_wrong_options_are_one_line(data, one_line, options, words):
    with one_line(OptionError, *words):
        make(data, **options)


def test_an_empty_question_is_one_line(data, one_line):
    with one_line(InputError, "question is empty"):
        make(data).answer(torch.rand(3, 32, 32), "  ")
