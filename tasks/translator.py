"""Translation, and whatever else rewrites one sequence as another: an encoder and a decoder with attention."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from lightning.pytorch.utilities.rank_zero import rank_zero_info
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import ReduceLROnPlateau

from seqmodels import decoding
from seqmodels.cell import Cell
from seqmodels.data.pair_data import PairBatch
from seqmodels.data.streams import NOT_SCORED
from seqmodels.data.tokenizer import Tokenizer
from seqmodels.dropout import probability
from seqmodels.errors import OptionError
from seqmodels.evaluating import evaluating
from seqmodels.rnn import RNN
from seqmodels.tasks.attentional_decoder import AttentionalDecoder
from seqmodels.tasks.base import parameter_count
from seqmodels.tasks.cell_record import cell_record
from seqmodels.tasks.encoder import Encoder
from seqmodels.tasks.encoder_decoder import EncoderDecoder
from seqmodels.tasks.recurrent import RecurrentTask, check_numbers, refuse_options
from seqmodels.tasks.translation import Translation, Writer
from seqmodels.tasks.translation_scores import TranslationScores


class Translator(RecurrentTask):
    """Reads a sequence whole, then writes another: encoder and decoder, any cells, with or without attention.

    Shapes: S tokens of a source, T of a target, B pairs, V tokens of the target's vocabulary.

    Logs of validation and test: ``loss`` (nats a token, ends included), ``perplexity`` and ``accuracy``, the share of
    tokens that were the likeliest after the true ones before them; and for the translations written by beam search
    ``bleu`` and ``chrf`` (0 to 100) and ``exact_match``, the share that equals the reference.

    Args:
        tokenizer: Of targets, its line end both begins and ends one; kept in the checkpoint, as is the next.
        source_tokenizer: Of sources; None: the same. With the same vocabulary there is one embedding for both.
        cell: Of the decoder, any cell: a name, ``package.module:Class``, a class or an instance.
        encoder_cell: Of the encoder; None: the same.
        hidden_size: Size of the decoder's state.
        encoder_size: Size of the encoder's state in each direction; None: ``hidden_size``, or half of it if there are
            two, which side by side then fit the decoder.
        num_layers: Layers of each network.
        embedding_size: Of a token.
        bidirectional: Whether the encoder also reads backwards.
        attention: "general" or "dot" (Luong et al. 2015): the decoder's output looks at what was read; all steps of
            training are taken together, the fastest. "additive" (Bahdanau et al. 2015): looks before each step. "none"
            (Sutskever et al. 2014): the encoder's last state has to tell all.
        attention_size: Of the hidden layer of "additive".
        input_feeding: With "general" or "dot", each step also reads what the one before had found (Luong et al. 2015).
        dropout: On tokens read, between layers and before the softmax.
        rnn_options: Further options of RNN and of the cell, in both networks. Masks that last a sequence last one
            step in a decoder that goes step by step ("additive", ``input_feeding``).
        encoder_options: Those of the encoder, if others.
        tie_weights: Softmax and embedding of the target share one matrix (Press and Wolf 2017).
        label_smoothing: Probability given to all tokens alike, in training.
        learning_rate: Of Adam.
        patience: After so many epochs without a better ``val_loss`` the learning rate is halved; None: never.
        beam_size: Of the translations written in validation and test; 1 writes the likeliest token each time.
        max_length: Tokens of these at most.
        length_penalty: These are ranked by log-probability / length ** length_penalty.

    Raises:
        OptionError: If an option is out of range, or two exclude each other.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> from seqmodels.tasks import Translator
        >>> letters = build_tokenizer("character", "abc\\n")
        >>> model = Translator(letters, cell="gru", hidden_size=8, embedding_size=4)
        >>> [[best], [other]] = model.translate(["abc", "b"], max_length=5, attention=True)
        >>> best.attention.shape[1], other.source_tokens
        (4, ('b', '\\\\n'))
    """

    kept = ("tokenizer", "source_tokenizer")

    def __init__(
        self,
        tokenizer: Tokenizer | dict[str, Any],
        source_tokenizer: Tokenizer | dict[str, Any] | None = None,
        cell: str | type[Cell] | Cell = "lstm",
        encoder_cell: str | type[Cell] | Cell | None = None,
        hidden_size: int = 512,
        encoder_size: int | None = None,
        num_layers: int = 1,
        embedding_size: int = 256,
        bidirectional: bool = True,
        attention: Literal["none", "additive", "dot", "general"] = "general",
        attention_size: int = 256,
        input_feeding: bool = False,
        dropout: float = 0.3,
        rnn_options: dict[str, Any] | None = None,
        encoder_options: dict[str, Any] | None = None,
        tie_weights: bool = True,
        label_smoothing: float = 0.0,
        learning_rate: float = 1e-3,
        patience: int | None = None,
        beam_size: int = 1,
        max_length: int = 100,
        length_penalty: float = 1.0,
    ) -> None:
        tokenizers = ("tokenizer", "source_tokenizer")
        settings = {k: v for k, v in locals().items() if k not in ("self", "__class__", "tokenizers", *tokenizers)}
        super().__init__()
        check_numbers("Translator", settings)
        encoder_cell = cell if encoder_cell is None else encoder_cell
        self.tokenizer = Tokenizer.restored(tokenizer)
        self.source_tokenizer = self.tokenizer if source_tokenizer is None else Tokenizer.restored(source_tokenizer)
        _check(settings)
        options = rnn_options or {}
        encoder_options = options if encoder_options is None else encoder_options
        record = cell_record(
            "Translator", {**settings, "encoder_cell": encoder_cell, "encoder_options": encoder_options}
        )
        self.save_hyperparameters(cell_record("Translator", record, "encoder_cell", "encoder_options"))
        for given in (options, encoder_options):
            refuse_options("Translator", given, "bidirectional", "learn_initial_state")
        embedding = nn.Embedding(len(self.tokenizer), embedding_size)
        shares = self.source_tokenizer.tokens == self.tokenizer.tokens
        reading = embedding if shares else nn.Embedding(len(self.source_tokenizer), embedding_size)
        shared: dict[str, Any] = {"num_layers": num_layers, "dropout": dropout}
        ways = {**shared, "bidirectional": bidirectional, **encoder_options}
        reader = RNN(encoder_cell, embedding_size, encoder_size or -(-hidden_size // (1 + bidirectional)), **ways)
        decoder = AttentionalDecoder(
            cell,
            embedding_size,
            hidden_size,
            features=embedding_size if tie_weights else hidden_size,
            memory_size=reader.output_size,
            attention=attention,
            attention_size=attention_size,
            input_feeding=input_feeding,
            **shared,
            **options,
        )
        encoder = Encoder(reading, reader, dropout)
        self.network = EncoderDecoder(encoder, decoder, embedding, tie_weights, dropout)
        self._scores = {stage: TranslationScores() for stage in ("val", "test")}

    @property
    def rnn(self) -> RNN:  # type: ignore[override]  # of a part here
        """The decoder's network."""
        return self.network.decoder.rnn

    def forward(
        self, source: Int[Tensor, "S B"], source_lengths: Int[Tensor, " B"], tokens: Int[Tensor, "T B"]
    ) -> Float[Tensor, "T B V"]:
        """Scores of the token after each token of the targets.

        Args:
            source: Tokens of the sources, each ended by its line end.
            source_lengths: How many each has, the end included.
            tokens: The targets, each after the token that begins it.
        """
        features, _ = self.network(tokens, self.network.begin(source, source_lengths))
        return self.network.scores(features)

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """Adam, whose learning rate is halved after ``patience`` epochs without a better ``val_loss``."""
        optimizer = super().configure_optimizers()
        if self.hparams["patience"] is None:
            return {"optimizer": optimizer}
        schedule = ReduceLROnPlateau(optimizer, factor=0.5, patience=self.hparams["patience"] - 1)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "monitor": "val_loss"}}

    # --- training and evaluation ----------------------------------------------------------------------------------

    def training_step(self, batch: PairBatch, batch_idx: int, hiddens: Any = None) -> dict[str, Any]:
        """Mean nats a token over the batch's targets, less what ``label_smoothing`` takes."""
        scores, target = self._scored(batch, self.network.begin(batch.source, batch.source_lengths))
        smoothing = self.hparams["label_smoothing"]
        total = F.cross_entropy(scores, target, reduction="sum", label_smoothing=smoothing)
        loss = self._mean_over_ranks(total, torch.tensor(len(target), device=target.device))
        self.log("train_loss", loss.detach(), prog_bar=True, batch_size=len(batch.references))
        return {"loss": loss, "hiddens": None}

    def _scored(self, batch: PairBatch, state: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Scores [N, V] and targets [N], padding left out before the product with the vocabulary."""
        features, _ = self.network(batch.input, state)
        (real,) = (batch.target.flatten() != NOT_SCORED).nonzero(as_tuple=True)
        return self.network.scores(features.flatten(0, 1).index_select(0, real)), batch.target.flatten()[real]

    def validation_step(self, batch: PairBatch, batch_idx: int) -> None:
        self._evaluate("val", batch)

    def test_step(self, batch: PairBatch, batch_idx: int) -> None:
        self._evaluate("test", batch)

    def _evaluate(self, stage: str, batch: PairBatch) -> None:
        state = self.network.begin(batch.source, batch.source_lengths)
        scores, target = self._scored(batch, state)
        nats = F.cross_entropy(scores, target, reduction="sum")
        correct = int((scores.argmax(-1) == target).sum())
        options = {name: self.hparams[name] for name in ("beam_size", "max_length", "length_penalty")}
        writer = self._writer()
        found = writer.write(state, len(batch.references), n_best=1, **options)
        written = [writer.text(best.tokens) for (best,) in found]
        self._scores[stage].update(float(nats), len(target), correct, written, batch.references)

    def on_validation_epoch_end(self) -> None:
        self._log_scores("val", self.trainer.val_dataloaders)

    def on_test_epoch_end(self) -> None:
        self._log_scores("test", self.trainer.test_dataloaders)
        for name, signature in self._scores["test"].signatures.items():
            rank_zero_info(f"{name}: {signature}")

    def _log_scores(self, stage: str, loader: Any) -> None:
        records = len(loader.dataset) if self.trainer.world_size > 1 else None
        for name, value in self._scores[stage].compute(records).items():
            self.log(f"{stage}_{name}", value, prog_bar=name in ("loss", "bleu"), sync_dist=True)

    def write_results(self, path: str) -> None:
        """The translations of the last test (or validation), one a line, in the order of the data.

        Raises:
            DataError: If the file can't be written.
        """
        (self._scores["test"] if self._scores["test"].written else self._scores["val"]).write(path)

    # --- writing --------------------------------------------------------------------------------------------------

    def translate(
        self,
        text: str | Sequence[str],
        beam_size: int = 5,
        max_length: int | None = None,
        n_best: int = 1,
        length_penalty: float = 1.0,
        groups: int = 1,
        diversity: float = 0.5,
        constraints: decoding.Constraints | None = None,
        batch_size: int = 32,
        attention: bool = False,
    ) -> list[list[Translation]]:
        """Translations of each text by beam search, the best first.

        Args:
            text: One text or several, in any order; those of similar length are read together.
            beam_size: Beams; 1 takes the likeliest token each time.
            max_length: Tokens at most; None: as in validation.
            n_best: How many translations of each; there may be fewer.
            length_penalty: Scores are divided by length to this power; above 0 favours longer ones.
            groups: Of diverse beam search; 1 is plain beam search.
            diversity: How strongly a group avoids the tokens of those before it.
            constraints: Minimum length, tokens to avoid or begin with, n-grams not to repeat.
            batch_size: Texts read together.
            attention: Whether each shall have its ``attention``, to look at.

        Raises:
            InputError: If a text is empty, has several lines, or a character that the model has never seen.
            OptionError: If an option is out of range.
        """
        if batch_size < 1:
            raise OptionError(f"batch_size is {batch_size}; use 1 or more")
        if attention and self.hparams["attention"] == "none":
            raise OptionError("attention: this model was trained without; leave it away")
        options: dict[str, Any] = {"beam_size": beam_size, "n_best": n_best, "length_penalty": length_penalty}
        length = self.hparams["max_length"] if max_length is None else max_length
        options |= {"max_length": length, "constraints": constraints}
        if groups != 1:
            options |= {"groups": groups, "diversity": diversity}
        with evaluating(self):
            return self._writer().translate([text] if isinstance(text, str) else text, batch_size, attention, **options)

    def _writer(self) -> Writer:
        return Writer(self.network, self.tokenizer, self.source_tokenizer)

    def describe(self) -> str:
        """One line: the networks and their size."""
        reader, layers = self.network.encoder.rnn, self.hparams["num_layers"]
        reads = f"{layers} x {reader.hidden_size} {self.hparams['encoder_cell']}{' both ways' * reader.bidirectional}"
        writes = f"{layers} x {self.rnn.hidden_size} {self.hparams['cell']}"
        size = f"{parameter_count(self):,} parameters"
        return f"Translator: {reads}, {self.hparams['attention']} attention, {writes}, {size}"


def _check(settings: dict[str, Any]) -> None:
    for name in ("dropout", "label_smoothing"):
        probability(name, settings[name])
    if not 0 <= settings["length_penalty"] <= 10:
        raise OptionError(f"Translator: length_penalty is {settings['length_penalty']}; use 0 to 10")
