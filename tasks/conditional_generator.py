"""One to many: a class or a vector in, a text out."""

from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels import decoding
from seqmodels.cell import Cell
from seqmodels.data.sequences import SequenceBatch
from seqmodels.data.streams import NOT_SCORED
from seqmodels.data.tokenizer import Tokenizer
from seqmodels.dropout import probability
from seqmodels.errors import InputError, OptionError
from seqmodels.evaluating import evaluating
from seqmodels.rnn import RNN
from seqmodels.tasks.cell_record import cell_record
from seqmodels.tasks.recurrent import RecurrentTask, check_numbers, refuse_bidirectional, refuse_options
from seqmodels.tasks.writing import check_way_of_writing, generator_of, line_of, without_unknown
from seqmodels.training import TokenLoss

CONDITIONINGS = ("state", "every_step")


class ConditionalGenerator(RecurrentTask):
    """A language model of single lines, such as names, that is told a class or a vector: embedding, any cell, softmax.

    Trained with Adam on :class:`seqmodels.data.sequences.SequenceBatch` with tokens [T, B] as input, without line ends,
    and as target what they are written from: classes [B] or vectors [B, C]. Logs of validation and test: ``loss`` (nats
    a token, ends included), ``perplexity``, and ``bits_per_character`` where tokens are text.

    Args:
        tokenizer: Of the lines, its line end both begins and ends one; kept in the checkpoint, as are the labels.
        labels: Names of the classes.
        condition_size: C, where lines are written from vectors instead.
        cell: Any cell: a name, ``package.module:Class``, a class or an instance.
        hidden_size: Size of the state.
        num_layers: Layers of the network.
        embedding_size: Of a token, and of the class where it stands beside tokens.
        conditioning: How the class or vector c enters. "every_step": W c + b is read beside every token. "state":
            tanh(W c + b) is the initial state. A class is a vector of zeros with a one.
        dropout: On tokens and W c + b, between layers and before the softmax.
        rnn_options: Further options of RNN and of the cell.
        learning_rate: Of Adam.

    Raises:
        OptionError: If an option is out of range.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> from seqmodels.tasks import ConditionalGenerator
        >>> letters = build_tokenizer("character", "rossi\\nnovak\\n")
        >>> model = ConditionalGenerator(letters, ["Czech", "Italian"], cell="gru", hidden_size=8, embedding_size=8)
        >>> len(model.generate("Italian", count=3, seed=0))
        3
    """

    kept = ("tokenizer", "labels")

    def __init__(
        self,
        tokenizer: Tokenizer | dict[str, Any],
        labels: list[str] | None = None,
        condition_size: int | None = None,
        cell: str | type[Cell] | Cell = "lstm",
        hidden_size: int = 256,
        num_layers: int = 1,
        embedding_size: int = 64,
        conditioning: Literal["state", "every_step"] = "every_step",
        dropout: float = 0.0,
        rnn_options: dict[str, Any] | None = None,
        learning_rate: float = 2e-3,
    ) -> None:
        settings = {k: v for k, v in locals().items() if k not in ("self", "__class__", "tokenizer", "labels")}
        super().__init__()
        check_numbers("ConditionalGenerator", settings)
        self.save_hyperparameters(cell_record("ConditionalGenerator", settings))
        self.tokenizer = Tokenizer.restored(tokenizer)
        self.labels = labels
        options = rnn_options or {}
        self.condition_size = _checked_size(settings, labels, options)
        self._dropout = probability("dropout", dropout)
        beside = embedding_size if conditioning == "every_step" else 0
        self.embedding = nn.Embedding(len(self.tokenizer), embedding_size)
        self.rnn = RNN(cell, embedding_size + beside, hidden_size, num_layers, dropout=dropout, **options)
        widths = [beside] if beside else [num_layers * size for size in self.rnn.cell.state_sizes]
        self.from_condition = nn.ModuleList(nn.Linear(self.condition_size, width) for width in widths)
        self.decoder = nn.Linear(self.rnn.output_size, len(self.tokenizer))
        self.validation_loss, self.test_loss = (TokenLoss(self.tokenizer.characters_per_token()) for _ in range(2))

    @property
    def end(self) -> int:
        """The token that begins and ends a line."""
        return self.tokenizer.line_end_id

    def forward(
        self, condition: Int[Tensor, " B"] | Float[Tensor, "B C"], tokens: Int[Tensor, "T B"]
    ) -> Float[Tensor, "T B V"]:
        """Scores of the token after each token.

        Args:
            condition: Classes, or vectors.
            tokens: Lines, each after the token that begins it.
        """
        state = self.begin(condition)
        output, _ = self.rnn(self._read(tokens, state), state["rnn"])
        return self.decoder(self._drop(output))

    def step(self, tokens: Int[Tensor, " N"], state: Any) -> tuple[Float[Tensor, "N V"], Any]:
        """One token further: the form that ``seqmodels.decoding`` takes."""
        output, carried = self.rnn(self._read(tokens[None], state), state["rnn"])
        logits = self.decoder(self._drop(output[0]))
        return without_unknown(logits, self.tokenizer), {**state, "rnn": carried}

    def begin(self, condition: Int[Tensor, " B"] | Float[Tensor, "B C"]) -> dict[str, Any]:
        """The state before the first token: ``rnn``, [L, B, H]; for "every_step" also ``beside``, [B, E]."""
        if condition.dim() == 1:
            condition = F.one_hot(condition, self.condition_size)
        made = [linear(condition.to(self.decoder.weight.dtype)) for linear in self.from_condition]
        if self.hparams["conditioning"] == "every_step":
            return {"rnn": None, "beside": self._drop(made[0])}
        layers = self.rnn.num_layers
        states = (torch.tanh(one).unflatten(-1, (layers, -1)).transpose(0, 1).contiguous() for one in made)
        return {"rnn": self.rnn.cell.unpack_state(tuple(states))}

    @property
    def batch_dim(self) -> dict[str, int]:
        """Where the batch is in each part of the state."""
        return {"rnn": 1, "beside": 0} if self.hparams["conditioning"] == "every_step" else {"rnn": 1}

    def _read(self, tokens: Tensor, state: dict[str, Any]) -> Tensor:
        """What the network reads [T, B, I]."""
        embedded = self._drop(self.embedding(tokens))
        if "beside" not in state:
            return embedded
        return torch.cat([embedded, state["beside"].expand(len(tokens), -1, -1)], -1)

    def _drop(self, values: Tensor) -> Tensor:
        return F.dropout(values, self._dropout, self.training)

    # --- training and evaluation ----------------------------------------------------------------------------------

    def training_step(self, batch: SequenceBatch, batch_idx: int, hiddens: Any = None) -> dict[str, Any]:
        """Mean nats a token over the batch's lines (over all ranks), their ends included."""
        nats, count, _ = self._nats(batch)
        loss = self._mean_over_ranks(nats, count)
        self.log("train_loss", loss.detach(), prog_bar=True, batch_size=len(batch.target))
        return {"loss": loss, "hiddens": None}

    def _nats(self, batch: SequenceBatch) -> tuple[Tensor, Tensor, Tensor]:
        """Summed cross-entropy, the number of targets, and the targets [T + 1, B]."""
        input, target = self._shifted(batch)
        scores = self(batch.target, input)
        nats = F.cross_entropy(scores.flatten(0, 1), target.flatten(), ignore_index=NOT_SCORED, reduction="sum")
        return nats, (target != NOT_SCORED).sum(), target

    def _shifted(self, batch: SequenceBatch) -> tuple[Tensor, Tensor]:
        """The line end and the tokens; the tokens and the line end, ``NOT_SCORED`` past it."""
        tokens = batch.input
        end = tokens.new_full((1, tokens.shape[1]), self.end)
        if batch.lengths is None:
            return torch.cat([end, tokens]), torch.cat([tokens, end])
        step = torch.arange(len(tokens) + 1, device=tokens.device)[:, None]
        target = torch.cat([tokens, end]).masked_fill(step == batch.lengths, self.end)
        return torch.cat([end, tokens]), target.masked_fill(step > batch.lengths, NOT_SCORED)

    def validation_step(self, batch: SequenceBatch, batch_idx: int) -> None:
        self.validation_loss.update(*self._nats(batch))

    def test_step(self, batch: SequenceBatch, batch_idx: int) -> None:
        self.test_loss.update(*self._nats(batch))

    def on_validation_epoch_end(self) -> None:
        self._log_losses("val", self.validation_loss)

    def on_test_epoch_end(self) -> None:
        self._log_losses("test", self.test_loss)

    def _log_losses(self, stage: str, metric: TokenLoss) -> None:
        for name, value in metric.compute().items():
            # Of all ranks already; sync_dist only tells Lightning so.
            self.log(f"{stage}_{name}", value, prog_bar=name == "loss", sync_dist=True)
        metric.reset()

    # --- writing --------------------------------------------------------------------------------------------------

    def generate(
        self,
        label: str | Tensor,
        count: int = 5,
        max_length: int = 100,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        min_p: float | None = None,
        beam_size: int | None = None,
        seed: int | None = None,
    ) -> list[str]:
        """Texts of a class: drawn from the model's distribution, or the likeliest that beam search finds.

        Args:
            label: The name of the class; or a vector [C].
            count: How many texts; beam search gives ``beam_size`` at most.
            max_length: Tokens at most, the end included.
            temperature: Below 1 safer, above 1 wilder; 0 for the text of the likeliest token each time, as
                ``beam_size=1``.
            top_k: Draw from the k likeliest tokens only.
            top_p: Draw from the likeliest tokens that make up this probability only.
            min_p: Draw from the tokens that are at least this many times as probable as the likeliest only.
            beam_size: Beams of beam search; nothing is drawn, so none of the options of drawing may be given.
            seed: Of the random draws; the same seed writes the same texts. None: one that torch's generator gives.

        Raises:
            InputError: If there is no such class, or the vector has another size.
            OptionError: If an option is out of range.
        """
        check_way_of_writing(locals())
        if count < 1:
            raise OptionError(f"count is {count}; use 1 or more")
        if temperature < 0:
            raise OptionError(f"temperature must be 0 or more, not {temperature}")
        condition = self._condition(label)
        with evaluating(self):
            if beam_size is not None or temperature == 0:
                return self._likeliest(condition, count, max_length, beam_size or 1)
            state = self.begin(condition.repeat_interleave(count, 0))
            start = torch.full((count,), self.end, device=self.device)
            written = decoding.sample(
                self.step, state, start, max_length, temperature, top_k, top_p, generator_of(seed), min_p=min_p,
                end=self.end,
            )  # fmt: skip
        return [line_of(tokens, self.tokenizer) for tokens in written.tolist()]

    def _likeliest(self, condition: Tensor, count: int, max_length: int, beam_size: int) -> list[str]:
        start = torch.full((1,), self.end, device=self.device)
        (found,) = decoding.beam_search(
            self.step, self.begin(condition), start, beam_size=beam_size, max_length=max_length, end=self.end,
            n_best=min(count, beam_size), batch_dim=self.batch_dim,
        )  # fmt: skip
        return [line_of(one.tokens, self.tokenizer) for one in found]

    def _condition(self, label: str | Tensor) -> Tensor:
        """A batch of one class or vector."""
        if isinstance(label, Tensor):
            if label.shape != (self.condition_size,):
                raise InputError(f"the vector has the shape {list(label.shape)}; give [{self.condition_size}] numbers")
            return label[None].to(self.device)
        labels = self.labels or []
        if label not in labels:
            known = f"use one of {', '.join(labels)}" if labels else f"give a vector of {self.condition_size} numbers"
            raise InputError(f"the model knows no class {label!r}; {known}")
        return torch.tensor([labels.index(label)], device=self.device)


def _checked_size(settings: dict[str, Any], labels: list[str] | None, rnn_options: dict[str, Any]) -> int:
    """The size of what lines are written from."""
    refuse_options("ConditionalGenerator", rnn_options)
    refuse_bidirectional("a generator", rnn_options)
    if settings["conditioning"] not in CONDITIONINGS:
        raise OptionError(
            f"ConditionalGenerator: conditioning is {settings['conditioning']!r}; use one of {', '.join(CONDITIONINGS)}"
        )
    if (labels is None) == (settings["condition_size"] is None):
        raise OptionError("ConditionalGenerator: give either labels, the names of classes, or condition_size")
    size = settings["condition_size"] if labels is None else len(labels)
    for name, value in (("embedding_size", settings["embedding_size"]), ("condition_size", size)):
        if value < 1:
            raise OptionError(f"ConditionalGenerator: {name} is {value}; use 1 or more")
    return int(size)
