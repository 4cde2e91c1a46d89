"""What the tasks share that read sequences and answer: any cell over tokens or features, then a linear map."""

from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import AdamW
from torchmetrics import MeanMetric, Metric

from seqmodels.data.sequences import SequenceBatch
from seqmodels.data.tokenizer import Tokenizer
from seqmodels.dropout import probability
from seqmodels.errors import InputError, OptionError
from seqmodels.evaluating import evaluating
from seqmodels.rnn import RNN
from seqmodels.tasks.cell_record import cell_record
from seqmodels.tasks.pooling import Pooling
from seqmodels.tasks.recurrent import RecurrentTask, check_numbers, refuse_options, size_of_first_layer
from seqmodels.tasks.word_vectors import word_embedding


class SequenceReader(RecurrentTask):
    """Any cell over the sequence and a linear map: of one vector a sequence with ``pooling``, else of every step.

    A subclass says what the loss is, and what is measured in validation and test. Trained by AdamW.

    Args:
        output_size: K, the numbers of an answer.
        settings: The arguments of the subclass by name, as they are documented there.
        bidirectional: Whether the network reads backwards too; None: ``rnn_options`` say so.
    """

    shown: ClassVar[str]
    """The metric of the progress bar."""

    def __init__(self, output_size: int, settings: dict[str, Any], bidirectional: bool | None = None) -> None:
        super().__init__()
        name, options = type(self).__name__, settings["rnn_options"] or {}
        check_numbers(name, settings, by_layer=True)
        refuse_options(name, options, *(["bidirectional"] if bidirectional is not None else []))
        if bidirectional is not None:
            options = {**options, "bidirectional": bidirectional}

        tokenizer = settings.get("tokenizer")
        self.tokenizer = None if tokenizer is None else Tokenizer.restored(tokenizer)
        self.scaling: dict[str, list[float]] | None = settings.get("scaling")
        self._dropout = probability("dropout", settings["dropout"])
        self.embedding = self._make_embedding(settings)
        self.input_size = self._size_of_input(settings)
        self.rnn = RNN(
            settings["cell"],
            self.input_size if self.embedding is None else self.embedding.embedding_dim,
            settings["hidden_size"],
            settings["num_layers"],
            dropout=self._dropout,
            **options,
        )
        pooling, width = settings.get("pooling"), self.rnn.output_size
        self.pooling = None if pooling is None else Pooling(pooling, width, self.rnn.bidirectional)
        self.head = nn.Linear(width, output_size)
        self.measures = nn.ModuleDict({stage: self._measures() for stage in ("val", "test")})
        shown = {key: value for key, value in settings.items() if key not in self.kept}
        self.save_hyperparameters({**cell_record(name, shown), **self._resolved(settings)})

    def _make_embedding(self, settings: dict[str, Any]) -> nn.Embedding | None:
        size, vectors = settings["embedding_size"], settings.get("embeddings")
        if self.tokenizer is not None:
            size = size_of_first_layer(settings["hidden_size"]) if size is None and vectors is None else size
            return word_embedding(self.tokenizer, size, vectors)
        if vectors is not None:
            raise OptionError(f"{type(self).__name__}: embeddings need a tokenizer: data of words")
        return None if size is None else nn.Embedding(self._size_of_input(settings), size)

    def _size_of_input(self, settings: dict[str, Any]) -> int:
        """Features of a step; with an embedding, the number of different tokens."""
        if self.tokenizer is not None:
            return len(self.tokenizer)
        size = settings["input_size"]
        if self.scaling is not None:
            features = len(self.scaling["mean"])
            if size not in (None, features):
                raise OptionError(f"input_size is {size}, but scaling is of {features} features; leave input_size away")
            return features
        if size is None:
            raise OptionError(f"{type(self).__name__}: give input_size, the features of a step, or a tokenizer")
        return int(size)

    def _resolved(self, settings: dict[str, Any]) -> dict[str, Any]:
        """A checkpoint has the vectors among its weights: it needs no file of them, but their size."""
        if "embeddings" not in settings or self.embedding is None:
            return {}
        return {"embeddings": None, "embedding_size": self.embedding.embedding_dim}

    def configure_optimizers(self) -> Any:
        """AdamW, which without ``weight_decay`` is Adam."""
        return AdamW(
            self.parameters(), lr=self.hparams["learning_rate"], weight_decay=self.hparams.get("weight_decay", 0.0)
        )

    def forward(
        self,
        input: Float[Tensor, "T B I"] | Int[Tensor, "T B"],
        lengths: Int[Tensor, " B"] | None = None,
    ) -> Float[Tensor, "*T B K"]:
        """The answer to each sequence, or where nothing is pooled to each step.

        Args:
            input: Features of each step, scaled; or tokens in [0, input_size) where there is an embedding.
            lengths: Steps of each sequence; all of them if not given.
        """
        output, _ = self.rnn(input if self.embedding is None else self._drop(self.embedding(input)), lengths=lengths)
        return self.head(self._drop(output if self.pooling is None else self.pooling(output, lengths)))

    def _drop(self, values: Tensor) -> Tensor:
        return F.dropout(values, self._dropout, self.training)

    # --- training and evaluation ----------------------------------------------------------------------------------

    def _measures(self) -> nn.ModuleDict:
        """What validation and test measure, beside the loss."""
        return nn.ModuleDict({"loss": MeanMetric(), **self._metrics()})

    def _metrics(self) -> dict[str, Metric]:
        """Fresh metrics by name, which take the outputs and targets of a batch."""
        raise NotImplementedError

    def _paired(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs and targets of a batch in the form that loss and metrics take."""
        raise NotImplementedError

    def _loss(self, output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Summed loss of a batch, and the number of what it is a sum over."""
        raise NotImplementedError

    def training_step(self, batch: SequenceBatch, batch_idx: int, hiddens: Any = None) -> dict[str, Any]:
        """Mean loss of the batch (over all ranks)."""
        output, target = self._paired(self(batch.input, batch.lengths), batch.target)
        loss = self._mean_over_ranks(*self._loss(output, target))
        self.log("train_loss", loss.detach(), prog_bar=True, batch_size=len(target))
        return {"loss": loss, "hiddens": None}

    def validation_step(self, batch: SequenceBatch, batch_idx: int) -> None:
        self._evaluate("val", batch)

    def test_step(self, batch: SequenceBatch, batch_idx: int) -> None:
        self._evaluate("test", batch)

    def _evaluate(self, stage: str, batch: SequenceBatch) -> Tensor:
        """Takes a batch into the measures of a stage, and gives its outputs."""
        answer = self(batch.input, batch.lengths)
        output, target = self._paired(answer, batch.target)
        total, count = self._loss(output, target)
        for name, metric in self.measures[stage].items():  # type: ignore[union-attr,operator]
            if name == "loss":
                metric.update(total / count.clamp(min=1), count)
            else:
                metric.update(output, target)
            self.log(f"{stage}_{name}", metric, on_epoch=True, prog_bar=name == self.shown, batch_size=len(target))
        return answer

    # --- a person's own input -------------------------------------------------------------------------------------

    def _answer(self, input: Tensor) -> Tensor:
        """The answer to one sequence of features [T, I] or tokens [T]."""
        with evaluating(self):
            return self(input[:, None].to(self.device))

    def _features(self, series: Any) -> Float[Tensor, "T I"] | Int[Tensor, " T"]:
        """One sequence as the network reads it, from features [T, I] that are not scaled yet, or from tokens [T]."""
        name = type(self).__name__
        if self.tokenizer is not None or isinstance(series, str):
            wanted = f"arrays [T, {self.input_size}]" if self.tokenizer is None else "text"
            raise InputError(f"{name}: this model reads {wanted}, not {type(series).__name__}")
        try:
            array = series.detach().cpu() if isinstance(series, Tensor) else torch.as_tensor(np.asarray(series))
        except (TypeError, ValueError):
            raise InputError(f"{name}: the series is no array of numbers; give one [T, {self.input_size}]") from None
        if self.embedding is not None:
            return self._checked_tokens(array)
        if array.dim() != 2 or array.shape[1] != self.input_size or len(array) == 0:
            raise InputError(
                f"{name}: the series has the shape {list(array.shape)}; give [T, {self.input_size}]: steps, features"
            )
        if not array.isfinite().all():
            step = int((~array.isfinite()).any(1).nonzero()[0])
            raise InputError(f"{name}: step {step} of the series is not finite; mend it, or leave the step out")
        array = array.float()
        if self.scaling is not None:
            array = (array - torch.tensor(self.scaling["mean"])) / torch.tensor(self.scaling["deviation"])
        return array

    def _checked_tokens(self, tokens: Tensor) -> Tensor:
        whole = tokens.dim() == 1 and len(tokens) and not tokens.is_floating_point()
        if not whole or not bool(((tokens >= 0) & (tokens < self.input_size)).all()):
            raise InputError(f"{type(self).__name__}: give a vector of tokens, whole numbers in [0, {self.input_size})")
        return tokens.long()
