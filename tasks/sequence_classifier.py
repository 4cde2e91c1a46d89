"""Sequence classification: read it all, then name its class."""

from typing import Any

from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric
from torchmetrics.classification import MulticlassAccuracy

from seqmodels.cell import Cell
from seqmodels.tasks.sequence_reader import SequenceReader


class SequenceClassifier(SequenceReader):
    """The class of a sequence, from the output after its last step (backwards: after its first).

    Trained on :class:`seqmodels.data.sequences.SequenceBatch` with targets [B], by cross-entropy and Adam. Logs of
    validation and test: ``loss`` (nats a sequence) and ``accuracy``.

    Args:
        num_classes: Number of classes.
        input_size: Features of each step; with ``embedding_size``, the number of different tokens.
        cell: Any cell: a name, ``package.module:Class``, a class or an instance.
        hidden_size: Size of the state.
        num_layers: Layers of the network.
        embedding_size: Input is tokens [T, B], which get vectors of this size; if not given, it is features [T, B, I].
        dropout: On embeddings, between layers and before the softmax.
        rnn_options: Further options of RNN and of the cell, such as ``{"bidirectional": True}``.
        learning_rate: Of Adam.

    Raises:
        OptionError: If an option is out of range.

    Example:
        >>> import torch
        >>> from seqmodels.tasks import SequenceClassifier
        >>> model = SequenceClassifier(num_classes=10, input_size=1, cell="gru", hidden_size=8)
        >>> model(torch.rand(64, 5, 1)).shape
        torch.Size([5, 10])
    """

    metric_name = "accuracy"

    def __init__(
        self,
        num_classes: int,
        input_size: int,
        cell: str | type[Cell] | Cell = "lstm",
        hidden_size: int = 128,
        num_layers: int = 1,
        embedding_size: int | None = None,
        dropout: float = 0.0,
        rnn_options: dict[str, Any] | None = None,
        learning_rate: float = 1e-3,
    ) -> None:
        super().__init__(num_classes, {k: v for k, v in locals().items() if k not in ("self", "__class__")})

    def _metric(self) -> Metric:
        return MulticlassAccuracy(self.hparams["num_classes"], average="micro", validate_args=False)

    def _loss(self, output: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(output, target)
