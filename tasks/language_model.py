"""Language modelling: a recurrent network that predicts the next token, and writes."""

from collections.abc import Callable
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float, Int
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR
from torchmetrics.classification import MulticlassAccuracy

from seqmodels.cell import Cell
from seqmodels.data import Tokenizer, Window
from seqmodels.data.streams import NOT_SCORED
from seqmodels.dropout import dropout_mask, locked_dropout, probability
from seqmodels.errors import OptionError
from seqmodels.rnn import RNN
from seqmodels.tasks.cell_record import cell_record
from seqmodels.tasks.recurrent import (
    RecurrentTask,
    check_numbers,
    refuse_bidirectional,
    refuse_options,
    size_of_first_layer,
)
from seqmodels.tasks.text_writer import TextWriter
from seqmodels.training import NTASGD, TokenLoss

DROPOUTS = ("dropout", "embedding_dropout", "input_dropout", "hidden_dropout", "output_dropout", "weight_dropout")
OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {
    "adam": torch.optim.Adam,
    "rmsprop": torch.optim.RMSprop,
    "sgd": torch.optim.SGD,
    "nt-asgd": NTASGD,
}


class LanguageModel(TextWriter, RecurrentTask):
    """Predicts each token from all before it: embedding, any cell, softmax over the vocabulary.

    Trained on consecutive windows of long streams (:class:`seqmodels.data.TextData`): the state is carried from window
    to window, gradients stay within one. Shapes: T steps of a window, B streams, V tokens of the vocabulary.

    Logs of validation and test: ``loss`` (nats a token), ``perplexity``, ``bits_per_character`` where tokens are text,
    and ``accuracy``, the share of tokens that were the most probable one.

    Args:
        tokenizer: Text to tokens and back; kept in the checkpoint.
        cell: Any cell: a name, ``package.module:Class``, a class or an instance.
        hidden_size: Size of the state; a list has one a layer.
        num_layers: Layers of the network.
        embedding_size: Size of the token embedding; that of the first layer if not given; 0 for one-hot input.
        rnn_options: Further options of RNN and of the cell, such as ``{"zoneout": 0.1, "forget_bias": 0}``.
        dropout: On embeddings, between layers and before the softmax, drawn at each step (Zaremba et al. 2014).
        embedding_dropout: Of whole words of the embedding (AWD-LSTM's ``dropoute``).
        input_dropout: Of embeddings, one mask a window (``dropouti``).
        hidden_dropout: Between layers, one mask a window (``dropouth``).
        output_dropout: Before the softmax, one mask a window (AWD-LSTM's ``dropout``).
        weight_dropout: DropConnect on the recurrent matrices, one mask a window (``wdrop``).
        activation_penalty: Weight of the squared output of the top layer (AR, ``alpha``).
        temporal_penalty: Weight of its squared change from step to step (TAR, ``beta``).
        tie_weights: Softmax and embedding share one matrix (Press and Wolf 2017; Inan et al. 2017). If the output of
            the network has another size than the embedding, a linear map stands between.
        carry_state: Carry the state from window to window. None: unless the Trainer's data module says that its windows
            have nothing to do with each other (``consecutive = False``, as that of :class:`seqmodels.data.Copying`).
        initial_scale: Draw all weights from U(-s, s), and biases of the cell as it wishes; torch's defaults if not
            given. The gains of ``layer_norm`` and a learned initial state begin at 1 and 0 all the same.
        optimizer: "adam", "rmsprop", "sgd", or "nt-asgd" (SGD that averages once validation stops improving).
        learning_rate: Its learning rate.
        weight_decay: Its L2 penalty.
        optimizer_options: Its other options by name, such as ``{"alpha": 0.95}`` of rmsprop.
        decay: Factor of the learning rate after each epoch past ``decay_after``.
        decay_after: Epochs at the full learning rate.
        nominal_steps: If given, a window of T steps is trained at T / ``nominal_steps`` times the learning rate, as
            AWD-LSTM does where windows have random lengths.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> from seqmodels.tasks import LanguageModel
        >>> model = LanguageModel(build_tokenizer("character", "hello"), cell="elman", hidden_size=3, embedding_size=0)
        >>> len(model.generate("h", length=4, seed=0))
        4
    """

    kept = ("tokenizer",)

    def __init__(
        self,
        tokenizer: Tokenizer | dict[str, Any],
        cell: str | type[Cell] | Cell = "lstm",
        hidden_size: int | list[int] = 256,
        num_layers: int = 1,
        embedding_size: int | None = None,
        rnn_options: dict[str, Any] | None = None,
        dropout: float = 0.0,
        embedding_dropout: float = 0.0,
        input_dropout: float = 0.0,
        hidden_dropout: float = 0.0,
        output_dropout: float = 0.0,
        weight_dropout: float = 0.0,
        activation_penalty: float = 0.0,
        temporal_penalty: float = 0.0,
        tie_weights: bool = False,
        carry_state: bool | None = None,
        initial_scale: float | None = None,
        optimizer: Literal["adam", "rmsprop", "sgd", "nt-asgd"] = "adam",
        learning_rate: float = 2e-3,
        weight_decay: float = 0.0,
        optimizer_options: dict[str, Any] | None = None,
        decay: float = 1.0,
        decay_after: int = 0,
        nominal_steps: int | None = None,
    ) -> None:
        settings = {key: value for key, value in locals().items() if key not in ("self", "__class__", "tokenizer")}
        super().__init__()
        check_numbers("LanguageModel", {**settings, "embedding_size": embedding_size or None}, by_layer=True)  # 0: none
        self.save_hyperparameters(cell_record("LanguageModel", settings))
        self.tokenizer = Tokenizer.restored(tokenizer)
        self.carry_hiddens = carry_state is not False
        for name in DROPOUTS:
            probability(name, settings[name])
        _check_rnn_options(rnn_options or {})
        vocabulary = len(self.tokenizer)
        embedding_size = size_of_first_layer(hidden_size) if embedding_size is None else embedding_size
        one_hot = embedding_size == 0
        if one_hot and (tie_weights or embedding_dropout):
            raise OptionError("embedding_size=0 (one-hot input) leaves no embedding to tie or to drop out")

        layers = num_layers if isinstance(hidden_size, int) else len(hidden_size)
        self.embedding = None if one_hot else nn.Embedding(vocabulary, embedding_size)
        self.rnn = RNN(
            cell,
            embedding_size or vocabulary,
            hidden_size,
            num_layers,
            dropout=dropout,
            input_dropout=[input_dropout] + [hidden_dropout] * (layers - 1),
            weight_dropout=weight_dropout,
            **(rnn_options or {}),
        )
        width = self.rnn.output_size
        self.bridge = nn.Linear(width, embedding_size) if tie_weights and width != embedding_size else nn.Identity()
        self.decoder = nn.Linear(embedding_size if tie_weights else width, vocabulary)
        if initial_scale is not None:
            for module in (self.embedding, self.bridge, self.decoder):
                for parameter in () if module is None else module.parameters():
                    nn.init.uniform_(parameter, -initial_scale, initial_scale)
            self.rnn.reset_parameters(initial_scale)  # of its cells: gains and initial states begin as ever
        if self.embedding is not None and tie_weights:
            self.decoder.weight = self.embedding.weight
        self._rate_scale = 1.0
        self.validation_loss, self.test_loss = (TokenLoss(self.tokenizer.characters_per_token()) for _ in range(2))
        self.validation_accuracy, self.test_accuracy = (
            MulticlassAccuracy(vocabulary, average="micro", ignore_index=NOT_SCORED, validate_args=False)
            for _ in range(2)
        )

    def setup(self, stage: str) -> None:
        super().setup(stage)
        if self.hparams["carry_state"] is None:
            self.carry_hiddens = getattr(self.trainer.datamodule, "consecutive", True)  # type: ignore[attr-defined]

    def forward(
        self,
        tokens: Int[Tensor, "T B"],
        state: Any = None,
        reset: Bool[Tensor, "T B"] | None = None,
    ) -> tuple[Float[Tensor, "T B V"], Any]:
        """Scores of the token after each token, and the state after the last.

        Args:
            tokens: Token indices.
            state: State before the first, as :class:`RNN` gives it; its initial state if not given.
            reset: Where the state returns to its initial value before a token (the beginning of a document).
        """
        output, state = self._output(tokens, state, reset)
        return self._logits(output), state

    def _output(self, tokens: Tensor, state: Any, reset: Tensor | None) -> tuple[Tensor, Any]:
        """The top layer's output [T, B, H], before its dropout."""
        return self.rnn(self._embed(tokens), state, reset=reset)

    def _embed(self, tokens: Tensor) -> Tensor:
        if self.embedding is None:
            return F.one_hot(tokens, len(self.tokenizer)).to(self.decoder.weight.dtype)
        weight = self.embedding.weight
        if self.training and self.hparams["embedding_dropout"]:
            weight = weight * dropout_mask((len(weight), 1), self.hparams["embedding_dropout"], weight)
        return F.dropout(F.embedding(tokens, weight), self.hparams["dropout"], self.training)

    def _logits(self, output: Tensor) -> Tensor:
        return self.decoder(self.bridge(output))

    # --- training -------------------------------------------------------------------------------------------------

    def training_step(self, batch: Window, batch_idx: int, hiddens: Any = None) -> dict[str, Any]:
        """Mean nats a token over the window (over all ranks' tokens), and the penalties asked for."""
        raw, state = self._output(batch.input, hiddens, batch.reset)
        output = locked_dropout(F.dropout(raw, self.hparams["dropout"], self.training), self.hparams["output_dropout"])
        nats, count = self._nats(self._logits(output), batch.target)
        loss = self._mean_over_ranks(nats, count)
        self.log("train_loss", loss.detach(), prog_bar=True, batch_size=batch.target.numel())
        if self.hparams["activation_penalty"]:
            loss = loss + self.hparams["activation_penalty"] * output.pow(2).mean()
        if self.hparams["temporal_penalty"] and len(raw) > 1:
            loss = loss + self.hparams["temporal_penalty"] * raw.diff(dim=0).pow(2).mean()
        return {"loss": loss, "hiddens": state}

    def _nats(self, logits: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Summed cross-entropy, and the number of scored targets."""
        nats = F.cross_entropy(logits.flatten(0, 1), target.flatten(), ignore_index=NOT_SCORED, reduction="sum")
        return nats, (target != NOT_SCORED).sum()

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> int | None:
        optimizer = self.trainer.optimizers[0]
        if isinstance(optimizer, NTASGD):
            optimizer.use_weights()
        nominal = self.hparams["nominal_steps"]
        self._rate_scale = len(batch.input) / nominal if nominal else 1.0
        return super().on_train_batch_start(batch, batch_idx)

    def optimizer_step(self, epoch: int, batch_idx: int, optimizer: Any, optimizer_closure: Any = None) -> None:
        rates = [group["lr"] for group in optimizer.param_groups]
        for group in optimizer.param_groups:
            group["lr"] *= self._rate_scale
        try:
            super().optimizer_step(epoch, batch_idx, optimizer, optimizer_closure)
        finally:  # a checkpoint may be written of a step that failed
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """The optimizer, and a learning rate that falls by ``decay`` after each epoch past ``decay_after``."""
        options = {"lr": self.hparams["learning_rate"], "weight_decay": self.hparams["weight_decay"]}
        options |= self.hparams["optimizer_options"] or {}
        name = self.hparams["optimizer"]
        try:
            optimizer = OPTIMIZERS[name](self.parameters(), **options)
        except (TypeError, ValueError) as error:  # whatever torch says of the options
            given = self.hparams["optimizer_options"]
            raise OptionError(f"optimizer_options: {name} can't take {given} ({error}); see torch.optim") from error
        factor, after = self.hparams["decay"], self.hparams["decay_after"]
        if factor == 1:
            return {"optimizer": optimizer}
        schedule = LambdaLR(optimizer, lambda epoch: factor ** max(epoch + 1 - after, 0))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "epoch"}}

    # --- evaluation -----------------------------------------------------------------------------------------------

    def on_validation_start(self) -> None:
        optimizers = self.trainer.optimizers
        if optimizers and isinstance(optimizers[0], NTASGD):
            optimizers[0].use_averages()

    def validation_step(self, batch: Window, batch_idx: int, hiddens: Any = None) -> dict[str, Any]:
        return self._evaluate(batch, hiddens, self.validation_loss, self.validation_accuracy)

    def test_step(self, batch: Window, batch_idx: int, hiddens: Any = None) -> dict[str, Any]:
        return self._evaluate(batch, hiddens, self.test_loss, self.test_accuracy)

    def _evaluate(self, batch: Window, hiddens: Any, loss: TokenLoss, accuracy: MulticlassAccuracy) -> dict[str, Any]:
        logits, state = self(batch.input, hiddens, batch.reset)
        loss.update(*self._nats(logits, batch.target), batch.target)
        accuracy.update(logits.argmax(-1), batch.target)
        return {"hiddens": state}

    def on_validation_epoch_end(self) -> None:
        loss = self._log_metrics("val", self.validation_loss, self.validation_accuracy)
        optimizers = self.trainer.optimizers
        if optimizers and isinstance(optimizers[0], NTASGD) and not self.trainer.sanity_checking:
            optimizers[0].record_validation(loss)

    def on_test_epoch_end(self) -> None:
        self._log_metrics("test", self.test_loss, self.test_accuracy)

    def _log_metrics(self, stage: str, loss: TokenLoss, accuracy: MulticlassAccuracy) -> float:
        values = {**loss.compute(), "accuracy": accuracy.compute()}
        loss.reset()
        accuracy.reset()
        for name, value in values.items():
            # Of all ranks already; sync_dist only tells Lightning so.
            self.log(f"{stage}_{name}", value, prog_bar=name == "loss", sync_dist=True)
        return float(values["loss"])


def _check_rnn_options(options: dict[str, Any]) -> None:
    """Refuses what the model sets itself, and what would let it see what it predicts."""
    refuse_bidirectional("a language model", options)
    refuse_options("LanguageModel", options, "weight_dropout")
    if "input_dropout" in options:
        raise OptionError("rnn_options: instead of 'input_dropout' give input_dropout and hidden_dropout themselves")
