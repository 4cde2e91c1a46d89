"""Classification of trees: a label for the root, and for every node below it."""

from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics.classification import MulticlassAccuracy

from seqmodels.cell import Cell
from seqmodels.data.streams import NOT_SCORED
from seqmodels.data.tokenizer import Tokenizer
from seqmodels.data.tree_data import TreeBatch, plant_words
from seqmodels.data.tree_files import parse_brackets
from seqmodels.dropout import probability
from seqmodels.errors import InputError, OptionError
from seqmodels.evaluating import evaluating
from seqmodels.tasks.base import Task, parameter_count
from seqmodels.tasks.cell_record import cell_record
from seqmodels.tasks.class_reader import likeliest
from seqmodels.tasks.recurrent import check_numbers, refuse_options
from seqmodels.tasks.reports_classes import ReportsClasses
from seqmodels.tasks.word_vectors import word_embedding
from seqmodels.trees import Forest, Tree, TreeRNN

# Vocabularies are saved apart, and of a file of vectors the vectors.
NOT_AMONG_SETTINGS = ("self", "__class__", "tokenizer", "labels", "embeddings")
OPTIMIZERS = {"adam": torch.optim.Adam, "adagrad": torch.optim.Adagrad}


class TreeClassifier(ReportsClasses, Task):
    """The label of a tree and of its parts: word vectors, any cell over the tree, a softmax at every node.

    Trained on :class:`seqmodels.data.TreeBatch` by the mean cross-entropy of the nodes that have a label
    (backpropagation through structure). Logs of validation and test: ``loss`` (nats a node), ``accuracy`` of the
    roots, and with all nodes supervised ``node_accuracy``.

    Args:
        tokenizer: Of words; kept in the checkpoint, as are the labels.
        labels: Names of the classes.
        cell: Any cell: a name, ``package.module:Class``, a class or an instance. Cells made for trees, such as
            "binary_tree_lstm", have equations of their own; any other takes the sum of the children's states.
        hidden_size: Size of the state.
        embedding_size: Of a word.
        dropout: On word vectors and before the softmax.
        supervise: Learn from the labels of "all" nodes, or of the "root" alone.
        cell_options: Options of the cell.
        optimizer: "adam" or "adagrad".
        learning_rate: Of the network.
        embedding_learning_rate: Of word vectors; None: the same.
        weight_decay: Strength of the L2 penalty on all parameters.
        embeddings: A file of pretrained word vectors in the text form of GloVe or word2vec.

    Raises:
        OptionError: If an option is out of range.
        DataError: If the file of word vectors can't be used.

    Source: Socher et al. 2013, EMNLP; Tai et al. 2015, arXiv 1503.00075, section 4.1, eq. for J(theta), and section
    5.3 for its options.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> from seqmodels.tasks.tree_classifier import TreeClassifier
        >>> words = build_tokenizer("word", "a lovely film")
        >>> model = TreeClassifier(words, ["bad", "good"], hidden_size=8, embedding_size=4)
        >>> sorted(label for label, probability in model.classify("( ( A lovely ) film )"))
        ['bad', 'good']
    """

    kept = ("tokenizer", "labels")
    columns = "true\tpredicted\tprobability\ttree\tpredicted tree"

    def __init__(
        self,
        tokenizer: Tokenizer | dict[str, Any],
        labels: list[str],
        cell: str | type[Cell] | Cell = "binary_tree_lstm",
        hidden_size: int = 150,
        embedding_size: int = 300,
        dropout: float = 0.5,
        supervise: Literal["all", "root"] = "all",
        cell_options: dict[str, Any] | None = None,
        optimizer: Literal["adam", "adagrad"] = "adam",
        learning_rate: float = 1e-3,
        embedding_learning_rate: float | None = None,
        weight_decay: float = 0.0,
        embeddings: str | None = None,
    ) -> None:
        settings = {k: v for k, v in locals().items() if k not in NOT_AMONG_SETTINGS}
        super().__init__()
        check_numbers("TreeClassifier", settings)
        self.save_hyperparameters(cell_record("TreeClassifier", settings, options="cell_options"))
        self.tokenizer = Tokenizer.restored(tokenizer)
        self.labels = list(labels)
        _check(settings, len(self.labels))
        self._begin_reports(self.labels)
        options = cell_options or {}
        refuse_options("TreeClassifier", options)
        self._dropout = probability("dropout", dropout)
        self.embedding = word_embedding(self.tokenizer, embedding_size, embeddings)
        self.rnn = TreeRNN(cell, embedding_size, hidden_size, **options)
        self.head = nn.Linear(self.rnn.output_size, len(self.labels))
        for stage in ("val", "test"):
            for name in ("accuracy", "node_accuracy"):
                metric = MulticlassAccuracy(
                    len(self.labels), average="micro", ignore_index=NOT_SCORED, validate_args=False
                )
                self.add_module(f"{stage}_{name}", metric)

    def used_cell(self) -> Cell:
        return self.rnn.cell

    def describe(self) -> str:
        """One line: the network and its size."""
        cell, size = self.hparams["cell"], self.rnn.hidden_size
        return f"TreeClassifier: {size} {cell} over trees, {parameter_count(self):,} parameters"

    def configure_optimizers(self) -> Any:
        """Adam or AdaGrad, with a rate of its own for word vectors."""
        rate, of_words = self.hparams["learning_rate"], self.hparams["embedding_learning_rate"]
        network = [*self.rnn.parameters(), *self.head.parameters()]
        groups = [
            {"params": network, "lr": rate},
            {"params": [self.embedding.weight], "lr": rate if of_words is None else of_words},
        ]
        optimizer = OPTIMIZERS[self.hparams["optimizer"]]
        return optimizer(groups, lr=rate, weight_decay=self.hparams["weight_decay"])

    def forward(self, words: Int[Tensor, " words"], forest: Forest) -> Float[Tensor, "N K"]:
        """The scores of the labels at every node, in the order of the forest.

        Args:
            words: Tokens [L] of the leaves, or [N] of all nodes.
            forest: The trees.
        """
        output, _ = self.rnn(self._drop(self.embedding(words)), forest)
        return self.head(self._drop(output))

    def _drop(self, values: Tensor) -> Tensor:
        return F.dropout(values, self._dropout, self.training)

    def training_step(self, batch: TreeBatch, batch_idx: int, hiddens: Any = None) -> dict[str, Any]:
        """Mean loss of the batch's supervised nodes."""
        loss, count = self._loss(self(batch.words, batch.forest), batch)
        mean = self._mean_over_ranks(loss, count)
        self.log("train_loss", mean.detach(), prog_bar=True, batch_size=len(batch.forest.roots))
        return {"loss": mean, "hiddens": None}

    def _loss(self, scores: Tensor, batch: TreeBatch) -> tuple[Tensor, Tensor]:
        """Summed loss, and the number of nodes in it."""
        labels = batch.labels
        if self.hparams["supervise"] == "root":
            scores, labels = scores[batch.forest.roots], labels[batch.forest.roots]
        loss = F.cross_entropy(scores, labels, ignore_index=NOT_SCORED, reduction="sum")
        return loss, (labels != NOT_SCORED).sum()

    def validation_step(self, batch: TreeBatch, batch_idx: int) -> None:
        self._evaluate("val", batch)

    def test_step(self, batch: TreeBatch, batch_idx: int) -> None:
        self._evaluate("test", batch)

    def _evaluate(self, stage: str, batch: TreeBatch) -> None:
        scores, roots = self(batch.words, batch.forest), batch.forest.roots
        loss, count = self._loss(scores, batch)
        options: dict[str, Any] = {"on_epoch": True, "on_step": False}
        mean = loss / count.clamp(min=1)
        self.log(f"{stage}_loss", mean, batch_size=int(count), sync_dist=True, prog_bar=True, **options)
        found = {"accuracy": (scores[roots], batch.labels[roots])}
        if self.hparams["supervise"] == "all":
            found["node_accuracy"] = (scores, batch.labels)
        for name, (given, labels) in found.items():
            metric: Any = getattr(self, f"{stage}_{name}")
            metric.update(given, labels)
            self.log(f"{stage}_{name}", metric, batch_size=len(roots), prog_bar=True, **options)
        target, predicted = batch.labels[roots].cpu(), scores[roots].argmax(-1).cpu()
        scored = target != NOT_SCORED
        self._reports[stage].update(target[scored], predicted[scored], self._written(batch, scores))

    def _written(self, batch: TreeBatch, scores: Tensor) -> list[str]:
        """What the file of predictions says of each tree of a batch: of its root, and of all its nodes in brackets."""
        trees = () if batch.as_read is None else batch.as_read.trees
        best = _in_order_of_trees(scores, batch.forest).float().softmax(-1).max(-1)
        certainty, predicted = best.values.tolist(), best.indices.tolist()
        rows, first = [], 0
        for tree in trees:
            found = [self.labels[k] for k in predicted[first : first + len(tree)]]
            columns = (tree.labels[0] or "", found[0], f"{certainty[first]:.4f}", str(tree), str(tree.labelled(found)))
            rows.append("\t".join(" ".join(column.split()) for column in columns))
            first += len(tree)
        return rows

    def classify(self, tree: str | Tree, top: int = 5) -> list[tuple[str, float]]:
        """The likeliest labels of a tree's root, with their probabilities.

        Args:
            tree: In brackets, with labels or without, ``(3 (3 lovely) (2 film))`` or ``( lovely film )``, or a Tree.
                Its labels are not looked at; words that the model has never seen are read as unknown.
            top: How many labels.

        Raises:
            InputError: If the text is no tree in brackets, or of a shape that the cell doesn't take.
            OptionError: If ``top`` is less than 1.
        """
        return likeliest(self._probabilities(tree)[0], self.labels, top)

    def classify_parts(self, tree: str | Tree) -> list[tuple[str, float]]:
        """The likeliest label of each node of a tree with its probability, in the order of the tree's nodes.

        Args:
            tree: As for ``classify``.

        Raises:
            InputError: If the text is no tree in brackets, or of a shape that the cell doesn't take.
        """
        return [likeliest(of_node, self.labels, top=1)[0] for of_node in self._probabilities(tree)]

    def _probabilities(self, tree: str | Tree) -> Float[Tensor, "M K"]:
        """Of the labels at each node, in the order of the tree."""
        if isinstance(tree, str):
            if "(" not in tree:
                raise InputError(
                    f"{tree[:60]!r} is no tree; give the sentence parsed, in brackets: ( ( a lovely ) film )"
                )
            tree = parse_brackets(tree)
        with evaluating(self):
            given = plant_words([tree], self.tokenizer)
            forest, words = self.transfer_batch_to_device(given, self.device, 0)
            return _in_order_of_trees(self(words, forest), forest).float().softmax(-1)


def _in_order_of_trees(scores: Float[Tensor, "N K"], forest: Forest) -> Float[Tensor, "N K"]:
    """The scores of nodes as the trees have them, one after another."""
    return scores[forest.order.argsort()]


def _check(settings: dict[str, Any], labels: int) -> None:
    for name, allowed in (("supervise", ("all", "root")), ("optimizer", tuple(OPTIMIZERS))):
        if settings[name] not in allowed:
            raise OptionError(f"TreeClassifier: {name} is {settings[name]!r}; use one of {', '.join(allowed)}")
    if labels < 2:
        raise OptionError(f"TreeClassifier: there are {labels} labels to choose from; give at least two")
