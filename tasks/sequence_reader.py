"""Many to one: what the tasks share that read a whole sequence and then answer."""

from typing import Any, ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torchmetrics import Metric

from seqmodels.data.sequences import SequenceBatch
from seqmodels.dropout import probability
from seqmodels.errors import OptionError
from seqmodels.rnn import RNN
from seqmodels.tasks.recurrent import RecurrentTask, cell_name, refuse_options


class SequenceReader(RecurrentTask):
    """Any cell over the sequence, its last output, a linear map.

    A subclass says what the loss is, and what is measured in validation and test.

    Args:
        output_size: K, the numbers of an answer.
        settings: The arguments of the subclass by name, as they are documented there.
    """

    metric_name: ClassVar[str]

    def __init__(self, output_size: int, settings: dict[str, Any]) -> None:
        super().__init__()
        self.save_hyperparameters({**settings, "cell": cell_name(settings["cell"])})
        name, input_size, embedding_size = type(self).__name__, settings["input_size"], settings["embedding_size"]
        for option in ("input_size", "embedding_size", "num_classes", "output_size"):
            if (size := settings.get(option)) is not None and size < 1:
                raise OptionError(f"{name}: {option} is {size}; use 1 or more")
        self._dropout = probability("dropout", settings["dropout"])
        options = settings["rnn_options"] or {}
        refuse_options(name, options)
        self.embedding = None if embedding_size is None else nn.Embedding(input_size, embedding_size)
        self.rnn = RNN(
            settings["cell"],
            embedding_size or input_size,
            settings["hidden_size"],
            settings["num_layers"],
            dropout=self._dropout,
            **options,
        )
        self.head = nn.Linear(self.rnn.output_size, output_size)
        self.validation_metric, self.test_metric = self._metric(), self._metric()

    def _metric(self) -> Metric:
        """A fresh metric that takes outputs [B, K] and targets."""
        raise NotImplementedError

    def _target(self, output: Tensor, target: Tensor) -> Tensor:
        """The target in the form that loss and metric take."""
        return target

    def _loss(self, output: Tensor, target: Tensor) -> Tensor:
        """Mean loss of a batch of outputs [B, K]."""
        raise NotImplementedError

    def forward(
        self,
        input: Float[Tensor, "T B I"] | Int[Tensor, "T B"],
        lengths: Int[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "B K"]:
        """The answer to each sequence.

        Args:
            input: Features of each step, or tokens in [0, input_size) with ``embedding_size``.
            lengths: Steps of each sequence; all of them if not given.
        """
        features = input if self.embedding is None else F.dropout(self.embedding(input), self._dropout, self.training)
        output, _ = self.rnn(features, lengths=lengths)
        return self.head(F.dropout(self._last(output, lengths), self._dropout, self.training))

    def _last(self, output: Tensor, lengths: Tensor | None) -> Tensor:
        """The output [B, D * H] after each sequence's last step, backwards after its first."""
        if lengths is None:
            last = output[-1]
        else:
            last = output[(lengths - 1).clamp(min=0), torch.arange(len(lengths), device=output.device)]
        if not self.rnn.bidirectional:
            return last
        half = output.shape[-1] // 2
        return torch.cat([last[:, :half], output[0, :, half:]], -1)

    def training_step(self, batch: SequenceBatch, batch_idx: int, hiddens: Any = None) -> dict[str, Any]:
        """Mean loss of the batch."""
        output = self(batch.input, batch.lengths)
        loss = self._loss(output, self._target(output, batch.target))
        self.log("train_loss", loss.detach(), prog_bar=True, batch_size=len(batch.target))
        return {"loss": loss, "hiddens": None}

    def validation_step(self, batch: SequenceBatch, batch_idx: int) -> None:
        self._evaluate("val", batch, self.validation_metric)

    def test_step(self, batch: SequenceBatch, batch_idx: int) -> None:
        self._evaluate("test", batch, self.test_metric)

    def _evaluate(self, stage: str, batch: SequenceBatch, metric: Metric) -> None:
        output, size = self(batch.input, batch.lengths), len(batch.target)
        target = self._target(output, batch.target)
        self.log(f"{stage}_loss", self._loss(output, target), batch_size=size, on_epoch=True, sync_dist=True)
        metric.update(output, target)
        self.log(f"{stage}_{self.metric_name}", metric, batch_size=size, on_epoch=True, prog_bar=True)
