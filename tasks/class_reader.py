"""What the tasks share that name classes, of a whole sequence or of each step."""

from typing import Any

from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy, MulticlassF1Score

from seqmodels.data.sequences import SequenceBatch
from seqmodels.data.streams import NOT_SCORED
from seqmodels.errors import InputError, OptionError
from seqmodels.tasks.reports_classes import ReportsClasses
from seqmodels.tasks.sequence_reader import SequenceReader


class ClassReader(ReportsClasses, SequenceReader):
    """Cross-entropy over K classes, accuracy, macro F1, and a report on each class.

    Targets of ``NOT_SCORED`` count nowhere.

    Args:
        settings: The arguments of the subclass by name, ``num_classes`` and ``labels`` among them.
        bidirectional: See :class:`SequenceReader`.
    """

    kept = ("tokenizer", "labels", "scaling")
    shown = "accuracy"

    def __init__(self, settings: dict[str, Any], bidirectional: bool | None = None) -> None:
        labels = _labels(type(self).__name__, settings["num_classes"], settings["labels"])
        super().__init__(len(labels), settings, bidirectional)
        self.labels = labels
        self._begin_reports(labels)

    def _metrics(self) -> dict[str, Metric]:
        options: dict[str, Any] = {"ignore_index": NOT_SCORED, "validate_args": False}
        return {
            "accuracy": MulticlassAccuracy(self.head.out_features, average="micro", **options),
            "macro_f1": MulticlassF1Score(self.head.out_features, average="macro", **options),
        }

    def _paired(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        if output.shape[:-1] != target.shape:
            raise InputError(
                f"{type(self).__name__}: answers are {list(output.shape[:-1])}, but labels {list(target.shape)}; a "
                "SequenceTagger needs a label for each step, a SequenceClassifier one for each sequence"
            )
        return output.flatten(0, -2), target.flatten()

    def _loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        nats = F.cross_entropy(output, target, ignore_index=NOT_SCORED, reduction="sum")
        return nats, (target != NOT_SCORED).sum()

    def _evaluate(self, stage: str, batch: SequenceBatch) -> Tensor:
        answer = super()._evaluate(stage, batch)
        certainty, predicted = answer.float().softmax(-1).max(-1)
        scored = batch.target != NOT_SCORED
        written = self._written(batch, predicted.cpu(), certainty.cpu())
        self._reports[stage].update(batch.target[scored].cpu(), predicted[scored].cpu(), written)
        return answer

    def _written(self, batch: SequenceBatch, predicted: Tensor, certainty: Tensor) -> list[str]:
        """What the file of predictions says of each sequence of a batch."""
        raise NotImplementedError


def _labels(task: str, num_classes: int | None, labels: list[str] | None) -> list[str]:
    if labels is None:
        if num_classes is None:
            raise OptionError(f"{task}: give num_classes, or labels: the names of the classes")
        return [str(number) for number in range(num_classes)]
    if num_classes not in (None, len(labels)):
        raise OptionError(f"{task}: num_classes is {num_classes}, but there are {len(labels)} labels; leave it away")
    if len(labels) < 2 or len(set(labels)) < len(labels):
        raise OptionError(f"{task}: labels must be two or more, none of them twice, not {', '.join(labels) or 'none'}")
    return list(labels)


def likeliest(probabilities: Tensor, labels: list[str], top: int) -> list[tuple[str, float]]:
    """The classes with the greatest probabilities [K], and these.

    Raises:
        OptionError: If ``top`` is less than 1.

    Example:
        >>> import torch
        >>> likeliest(torch.tensor([0.125, 0.75, 0.125]), ["a", "b", "c"], top=1)
        [('b', 0.75)]
    """
    if top < 1:
        raise OptionError(f"top is {top}; use 1 or more")
    best = probabilities.topk(min(top, len(labels)))
    return [(labels[k], p) for k, p in zip(best.indices.tolist(), best.values.tolist(), strict=True)]
