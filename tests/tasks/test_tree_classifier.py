"""TreeClassifier: learning, what is supervised, metrics, checkpoints, and trees of one's own."""

import lightning.pytorch as pl
import pytest
import torch
from quick_fit import QUIET, fit, given
from torch.nn import functional as F

from seqmodels.data.streams import NOT_SCORED
from seqmodels.data.tree_data import TreeData
from seqmodels.data.tree_files import parse_brackets, parse_operators
from seqmodels.errors import InputError, OptionError, SeqmodelsError
from seqmodels.tasks import load
from seqmodels.tasks.tree_classifier import TreeClassifier
from seqmodels.trees import sequence_cells, tree_cells

SENTENCES = [
    "(1 (1 good) (2 film))",
    "(0 (0 bad) (2 film))",
    "(0 (2 not) (1 (1 good) (2 film)))",
    "(1 (2 not) (0 bad))",
]


@pytest.fixture
def data(tmp_path):
    (tmp_path / "t.txt").write_text("\n".join(SENTENCES))
    path = str(tmp_path / "t.txt")
    return TreeData(path, valid_source=path, batch_size=3)


def make(data, **options):
    torch.manual_seed(0)
    options = {"hidden_size": 8, "embedding_size": 6, "dropout": 0.0, "learning_rate": 0.02, **options}
    return TreeClassifier(data.tokenizer, data.labels, **options)


@pytest.mark.parametrize("cell", ["binary_tree_lstm", "gru"])
def test_negation_is_learned_at_every_node(data, cell):
    metrics = fit(make(data, cell=cell), data, max_epochs=40, check_val_every_n_epoch=40).callback_metrics
    assert metrics["val_accuracy"] == metrics["val_node_accuracy"] == 1


@pytest.mark.parametrize("cell", [*sequence_cells(), *tree_cells()])
def test_every_cell_fits_in(data, cell):
    model, batch = make(data, cell=cell), next(iter(data.train_dataloader()))
    scores = model(batch.words, batch.forest)
    assert scores.shape == (len(batch.forest), 3)
    scores.sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_expressions_are_learned_from_their_roots():
    data = TreeData(expressions=300, batch_size=32)
    for part, trees in data.records.items():
        data.records[part] = [tree for tree in trees if len(tree.tree) < 10]  # flat ones
    metrics = fit(
        make(data, supervise="root", hidden_size=48, embedding_size=24, learning_rate=2e-2),
        data,
        max_epochs=30,
        check_val_every_n_epoch=30,
    ).callback_metrics
    assert "val_node_accuracy" not in metrics
    assert metrics["train_loss"] < 1.0, "guessing has 2.2"


def test_losses_and_metrics_are_over_all_nodes_and_all_roots(data):
    for supervise in ("all", "root"):
        model = make(data, supervise=supervise).eval()
        (found,) = pl.Trainer(**QUIET).validate(model, data, verbose=False)
        batch = data.collate(data.parts["validation"])
        with torch.no_grad():
            scores = model(batch.words, batch.forest)
        roots = batch.forest.roots
        chosen = roots if supervise == "root" else torch.arange(len(scores))
        loss = F.cross_entropy(scores[chosen], batch.labels[chosen])
        assert found["val_loss"] == pytest.approx(float(loss), abs=1e-6)
        right = scores.argmax(-1) == batch.labels
        assert found["val_accuracy"] == pytest.approx(float(right[roots].float().mean()))
        if supervise == "all":
            assert found["val_node_accuracy"] == pytest.approx(float(right.float().mean()))


def test_nodes_without_a_label_teach_nothing(data):
    model, batch = make(data), next(iter(data.train_dataloader()))
    blank = batch._replace(labels=torch.full_like(batch.labels, NOT_SCORED))
    assert model.training_step(blank, 0)["loss"].item() == 0
    one = blank.labels.clone()
    one[batch.forest.roots] = batch.labels[batch.forest.roots]
    supervised = make(data, supervise="root").training_step(batch, 0)["loss"]
    torch.testing.assert_close(model.training_step(batch._replace(labels=one), 0)["loss"], supervised)


def test_word_vectors_have_a_learning_rate_of_their_own(data):
    model = make(data, optimizer="adagrad", embedding_learning_rate=0.1, weight_decay=1e-4)
    optimizer = model.configure_optimizers()
    assert isinstance(optimizer, torch.optim.Adagrad)
    assert [(group["lr"], group["weight_decay"]) for group in optimizer.param_groups] == [(0.02, 1e-4), (0.1, 1e-4)]
    assert optimizer.param_groups[1]["params"] == [model.embedding.weight]
    count = sum(len(group["params"]) for group in optimizer.param_groups)
    assert count == len(list(model.parameters()))
    assert [group["lr"] for group in make(data).configure_optimizers().param_groups] == [0.02, 0.02]


def test_pretrained_vectors_are_taken_and_kept_in_the_checkpoint(data, tmp_path):
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("good 1 2 3\nbad 4 5 6\n")
    model = make(data, embeddings=str(vectors), embedding_size=3)
    token = int(data.tokenizer.encode("bad")[0])
    assert model.embedding.weight[token].tolist() == [4, 5, 6]
    trainer = pl.Trainer(max_epochs=0, **QUIET)
    trainer.fit(model, data)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    vectors.unlink()
    assert load(tmp_path / "model.ckpt").embedding.weight[token].tolist() == [4, 5, 6]


def test_a_checkpoint_names_the_same_labels(data, tmp_path):
    model = make(data)
    trainer = fit(model, data)
    trainer.save_checkpoint(tmp_path / "model.ckpt")
    again = load(tmp_path / "model.ckpt")
    found = again.classify("( ( not good ) film )", top=9)
    assert found == model.eval().classify("( ( not good ) film )", top=9)
    assert {label for label, _ in found} == set(data.labels)
    assert sum(probability for _, probability in found) == pytest.approx(1, abs=1e-5)
    assert again.classify("(2 (0 (0 not) (0 Good)) (1 film))", top=9) == found, "labels and case don't matter"
    assert again.describe() == model.describe()


def test_each_part_gets_the_class_that_it_has_as_a_tree_of_its_own(data):
    model = make(data)
    tree = parse_brackets("( not ( ( good film ) film ) )")
    parts = ["( not ( ( good film ) film ) )", "( not )", "( ( good film ) film )", "( good film )", "( good )"]
    found = model.classify_parts(tree)
    assert len(found) == len(tree)
    for (label, probability), part in zip(found, parts, strict=False):
        assert label == model.classify(part, top=1)[0][0]
        assert probability == pytest.approx(model.classify(part, top=1)[0][1], abs=1e-5)


def test_a_test_is_written_with_the_trees_and_the_class_of_each_part(data, tmp_path):
    model = make(data)
    pl.Trainer(**QUIET).test(model, data, verbose=False)
    model.write_results(str(tmp_path / "report"))
    header, *rows = (tmp_path / "report" / "predictions.tsv").read_text().splitlines()
    assert header.split("\t") == ["true", "predicted", "probability", "tree", "predicted tree"]
    assert [row.split("\t")[3] for row in rows] == SENTENCES
    for row, sentence in zip(rows, SENTENCES, strict=True):
        true, predicted, probability, _, found = row.split("\t")
        label, certainty = model.classify(sentence, top=1)[0]
        assert (true, predicted, probability) == (sentence[1], label, f"{certainty:.4f}")
        tree = parse_brackets(sentence)
        assert found == str(tree.labelled([one for one, _ in model.classify_parts(tree)]))
    assert model.report().confusion.sum() == len(SENTENCES)


def test_batches_of_ones_own_need_no_trees_for_a_report(data, tmp_path):
    model, batch = make(data), next(iter(data.val_dataloader()))._replace(as_read=None)
    pl.Trainer(**QUIET).test(model, given([batch]), verbose=False)
    model.write_results(str(tmp_path))
    assert len((tmp_path / "predictions.tsv").read_text().splitlines()) == 1
    assert model.report().confusion.sum() == len(batch.forest.roots)


def test_trees_of_operators_are_classified(tmp_path):
    (tmp_path / "d.tsv").write_text("9\t( ( ( [MAX 2 ) 9 ) ] )\n2\t( ( ( [MIN 2 ) 9 ) ] )\n")
    path = str(tmp_path / "d.tsv")
    data = TreeData(path, valid_source=path, form="operators")
    model = make(data, cell="tree_lstm")
    fit(model, data, max_epochs=30, check_val_every_n_epoch=30)
    assert model.classify(parse_operators("[MIN 2 9 ]"))[0][0] == "2"
    assert model.classify(parse_operators("[MAX 9 2 ]"))[0][0] == "9"


def test_a_sentence_without_brackets_is_one_line(data, one_line):
    with one_line(InputError, "'a good film' is no tree", "in brackets"):
        make(data).classify("a good film")
    with one_line(InputError, "never closed"):
        make(data).classify("( a ( good film )")
    with one_line(InputError, "takes 1 to 2 children", "tree 0"):
        make(data).classify("( a good film )")
    with one_line(OptionError, "top is 0"):
        make(data).classify("( good film )", top=0)


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"cell": "tree_lsmt"}, "did you mean 'tree_lstm'"),
        ({"supervise": "leaves"}, "use one of all, root"),
        ({"optimizer": "sgd"}, "use one of adam, adagrad"),
        ({"embedding_learning_rate": -1.0}, "embedding_learning_rate is -1.0"),
        ({"embedding_size": 0}, "embedding_size is 0"),
        ({"dropout": 1.0}, "dropout must be a probability"),
        ({"cell_options": {"hidden_size": 3}}, "'hidden_size' belongs to TreeClassifier"),
    ],
)
@pytest.mark.usefixtures("_types_unchecked")
def test_wrong_options_are_one_line(data, one_line, options, part):
    with one_line(SeqmodelsError, part):
        make(data, **options)


def test_one_label_is_no_choice(data, one_line):
    with one_line(OptionError, "1 labels to choose from"):
        TreeClassifier(data.tokenizer, ["good"])
