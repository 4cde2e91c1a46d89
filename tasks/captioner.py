"""Image captioning: a picture in, a sentence out."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels import decoding
from seqmodels.cell import Cell
from seqmodels.data.caption_data import CaptionBatch
from seqmodels.data.captions import write_captions
from seqmodels.data.picture_data import PictureData
from seqmodels.data.streams import NOT_SCORED
from seqmodels.data.tokenizer import Tokenizer
from seqmodels.dropout import probability
from seqmodels.errors import OptionError
from seqmodels.evaluating import evaluating
from seqmodels.rnn import RNN
from seqmodels.tasks.caption_scores import CaptionScores
from seqmodels.tasks.cell_record import cell_record
from seqmodels.tasks.image_conditioning import CONDITIONINGS, ImageConditioning
from seqmodels.tasks.image_input import ImageInput
from seqmodels.tasks.picture_rows import shown_records, thumbnail
from seqmodels.tasks.recurrent import RecurrentTask, check_numbers, refuse_bidirectional, refuse_options
from seqmodels.tasks.self_critical import CaptionReward, draw
from seqmodels.tasks.writing import line_of, without_unknown


class Caption(NamedTuple):
    """A sentence about a picture."""

    text: str
    log_probability: float
    """Sum over its tokens, in nats, that of ending included."""
    score: float
    """What it was ranked by: the log-probability, divided by length ** length_penalty."""
    group: int = 0
    """Of diverse beam search."""
    attention: Tensor | None = None
    """[tokens, regions], if asked for: where each token looked, region by region; rows sum to 1."""
    tokens: tuple[str, ...] = ()
    """Of its rows, the end included."""


class Captioner(RecurrentTask):
    """A language model that is shown a picture: embedding, any cell, softmax over the words.

    Logs of validation and test: ``loss`` (nats a token, ends included), and for the captions written by beam search
    ``bleu_1`` to ``bleu_4``, ``rouge_l``, ``cider_d`` and ``exact_match``.

    Args:
        tokenizer: Of captions, its line end both begins and ends one; kept in the checkpoint, as is the next.
        image: Of what the data module's pictures are; see :class:`seqmodels.tasks.image_input.ImageInput`.
        cell: Any cell: a name, ``package.module:Class``, a class or an instance.
        hidden_size: Size of the state.
        num_layers: Layers of the network.
        embedding_size: Of a word, and of the picture where it stands beside words.
        conditioning: How the picture enters. "input": it is read before the first word (NIC, neuraltalk2). "state": it
            gives the initial state. "every_step": it is read beside every word. "attention": at every step a mean of
            its regions, weighted by what was written so far (Show, Attend and Tell); needs features of regions.
            "none": not at all, a language model to compare with.
        attention_size: Of the attention's hidden layer.
        dropout: On words and picture, between layers and before the softmax.
        scheduled_sampling: Probability of reading, in training, the word that the model would have written instead of
            the true one (Bengio et al. 2015, arXiv 1506.03099).
        self_critical: Train by the CIDEr-D of captions drawn from the model, against that of its likeliest captions
            (Rennie et al. 2017, arXiv 1612.00563); begin with a trained model (--ckpt_path).
        fine_tune: Train the backbone too; the data must hold pictures. None: if it is one that begins untrained.
        rnn_options: Further options of RNN and of the cell.
        learning_rate: Of Adam.
        beam_size: Of the captions written in validation and test; 1 writes the likeliest word each time.
        max_length: Tokens of these at most.

    Raises:
        OptionError: If an option is out of range.

    Source: Vinyals et al. 2015, arXiv 1411.4555; Karpathy and Fei-Fei 2015; Xu et al. 2015, arXiv 1502.03044.

    Example:
        >>> import torch
        >>> from seqmodels.data import build_tokenizer
        >>> from seqmodels.tasks import Captioner
        >>> words = build_tokenizer("word", "two people and two horses .\\n")
        >>> image = {"feature_size": 4096, "regions": None, "backbone": None, "pixels": False}
        >>> model = Captioner(words, image, cell="gru", hidden_size=8, embedding_size=8)
        >>> [len(model.caption(torch.rand(4096), beam_size=3)), model.caption(torch.rand(4096))[0].group]
        [3, 0]
    """

    picture_table = "val_captions"
    """What the table of ``picture_rows`` is called."""

    kept = ("tokenizer",)

    def __init__(
        self,
        tokenizer: Tokenizer | dict[str, Any],
        image: dict[str, Any],
        cell: str | type[Cell] | Cell = "lstm",
        hidden_size: int = 512,
        num_layers: int = 1,
        embedding_size: int = 512,
        conditioning: Literal["input", "state", "every_step", "attention", "none"] = "input",
        attention_size: int = 512,
        dropout: float = 0.5,
        scheduled_sampling: float = 0.0,
        self_critical: bool = False,
        fine_tune: bool | None = None,
        rnn_options: dict[str, Any] | None = None,
        learning_rate: float = 4e-4,
        beam_size: int = 3,
        max_length: int = 20,
    ) -> None:
        settings = {k: v for k, v in locals().items() if k not in ("self", "__class__", "tokenizer")}
        super().__init__()
        check_numbers("Captioner", settings)
        self.save_hyperparameters(cell_record("Captioner", settings))
        self.tokenizer = Tokenizer.restored(tokenizer)
        _check(settings)
        options = rnn_options or {}
        refuse_options("Captioner", options)
        refuse_bidirectional("a captioner", options)
        self._dropout = probability("dropout", dropout)
        self._sampling = probability("scheduled_sampling", scheduled_sampling)
        self.image_input = ImageInput(image, fine_tune)
        beside = {"every_step": embedding_size, "attention": self.image_input.size}.get(conditioning, 0)
        self.embedding = nn.Embedding(len(self.tokenizer), embedding_size)
        self.rnn = RNN(cell, embedding_size + beside, hidden_size, num_layers, dropout=dropout, **options)
        self.conditioning = ImageConditioning(
            conditioning, self.image_input, self.rnn, embedding_size, attention_size, self._dropout
        )
        self.decoder = nn.Linear(self.rnn.output_size, len(self.tokenizer))
        self._scores = {stage: CaptionScores() for stage in ("val", "test")}
        self._reward: CaptionReward | None = None

    @property
    def end(self) -> int:
        """The token that begins and ends a caption."""
        return self.tokenizer.line_end_id

    def forward(
        self, image: Tensor, tokens: Int[Tensor, "T N"], owner: Int[Tensor, " N"] | None = None
    ) -> Float[Tensor, "T N V"]:
        """Scores of the token after each token.

        Args:
            image: Features [B, F] or [B, R, F], or pictures [B, 3, S, S].
            tokens: N captions, each after the token that begins it.
            owner: The picture that each caption is of; the n-th of the n-th if not given.
        """
        return self._scores_of(self.image_input(image), tokens, owner)

    def _scores_of(self, features: Tensor, tokens: Tensor, owner: Tensor | None) -> Tensor:
        state = self.conditioning.begin(features, self.rnn, owner)
        if self.conditioning.looks_again or (self.training and self._sampling):
            return self._step_by_step(tokens, state)
        output, _ = self.rnn(self.conditioning.beside(self._embed(tokens), state), state["rnn"])
        return self.decoder(self._drop(output))

    def _step_by_step(self, tokens: Tensor, state: Any) -> Tensor:
        """Where what is read depends on what was written before it."""
        scores: list[Tensor] = []
        for time, true in enumerate(tokens):
            read = true
            if time and self.training and self._sampling:
                own = torch.multinomial(scores[-1].detach().float().softmax(-1), 1)[:, 0]
                read = torch.where(torch.rand(true.shape, device=true.device) < self._sampling, own, true)
            logits, state = self.step(read, state)
            scores.append(logits)
        return torch.stack(scores)

    def step(self, tokens: Int[Tensor, " N"], state: Any) -> tuple[Float[Tensor, "N V"], Any]:
        """One token further: the form that ``seqmodels.decoding`` takes."""
        read, state = self.conditioning.look(self._embed(tokens), state)
        output, carried = self.rnn(read[None], state["rnn"])
        return self.decoder(self._drop(output[0])), {**state, "rnn": carried, "output": output[0]}

    def _embed(self, tokens: Tensor) -> Tensor:
        return self._drop(self.embedding(tokens))

    def _drop(self, values: Tensor) -> Tensor:
        return F.dropout(values, self._dropout, self.training)

    # --- training and evaluation ----------------------------------------------------------------------------------

    def training_step(self, batch: CaptionBatch, batch_idx: int, hiddens: Any = None) -> dict[str, Any]:
        """Mean nats a token over the batch's captions; or the self-critical loss."""
        if self.hparams["self_critical"]:
            total, count = self._self_critical(batch)
        else:
            total, count = self._nats(batch, self.image_input(batch.image))
        loss = self._mean_over_ranks(total, count)
        self.log("train_loss", loss.detach(), prog_bar=True, batch_size=len(batch.owner))
        return {"loss": loss, "hiddens": None}

    def _nats(self, batch: CaptionBatch, features: Tensor) -> tuple[Tensor, Tensor]:
        """Summed cross-entropy, and the number of scored targets."""
        scores = self._scores_of(features, batch.input, batch.owner)
        nats = F.cross_entropy(scores.flatten(0, 1), batch.target.flatten(), ignore_index=NOT_SCORED, reduction="sum")
        return nats, (batch.target != NOT_SCORED).sum()

    def validation_step(self, batch: CaptionBatch, batch_idx: int) -> None:
        self._evaluate("val", batch)

    def test_step(self, batch: CaptionBatch, batch_idx: int) -> None:
        self._evaluate("test", batch)

    def _evaluate(self, stage: str, batch: CaptionBatch) -> None:
        features = self.image_input(batch.image)
        nats, count = self._nats(batch, features)
        options = {name: self.hparams[name] for name in ("beam_size", "max_length")}
        best = _search([self], [features], **options)
        texts = [line_of(hypotheses[0].tokens, self.tokenizer) for hypotheses in best]
        self._scores[stage].update(float(nats), int(count), batch.keys, texts, batch.references)

    def on_validation_epoch_end(self) -> None:
        self._log_scores("val")

    def on_test_epoch_end(self) -> None:
        self._log_scores("test")

    def _log_scores(self, stage: str) -> None:
        for name, value in self._scores[stage].compute().items():
            self.log(f"{stage}_{name}", value, prog_bar=name in ("loss", "cider_d"), sync_dist=True)

    def write_results(self, path: str) -> None:
        """The captions of the last test (or validation): a CSV if the name ends so, else COCO's result file.

        Raises:
            InputError: For COCO's, if the pictures' keys are not the whole numbers that its ids are.
            DataError: If the file can't be written.
        """
        write_captions(path, self._scores["test"].written or self._scores["val"].written)

    def _self_critical(self, batch: CaptionBatch) -> tuple[Tensor, Tensor]:
        """Summed loss of what is drawn, and the number of its tokens."""
        features, longest = self.image_input(batch.image), self.hparams["max_length"]
        with evaluating(self):
            start, state = self._beginning(features)
            likeliest = decoding.greedy(self._decode, state, start, longest, end=self.end)
        start, state = self._beginning(features)
        drawn = draw(self._decode, state, start, longest, self.end)
        if self._reward is None:
            data = self.trainer.datamodule  # type: ignore[attr-defined]
            self._reward = CaptionReward(data, self.tokenizer)
        reward = self._reward(drawn.tokens, batch.references) - self._reward(likeliest, batch.references)
        self.log("train_reward", reward.mean(), prog_bar=True, batch_size=len(reward))
        return drawn.loss(reward)

    # --- writing --------------------------------------------------------------------------------------------------

    def caption(
        self,
        image: Any,
        beam_size: int = 5,
        max_length: int = 20,
        n_best: int | None = None,
        groups: int = 1,
        diversity: float = 0.5,
        length_penalty: float = 0.0,
        constraints: decoding.Constraints | None = None,
        ensemble: "Sequence[Captioner]" = (),
        attention: bool = False,
    ) -> list[Caption]:
        """Captions of a picture by beam search, the best first.

        Args:
            image: A file, a PIL image, or one of a batch: features [F] or [R, F], or a preprocessed picture.
            beam_size: Beams; 1 takes the likeliest word each time.
            max_length: Tokens at most.
            n_best: How many captions; all beams', if not given.
            groups: Of diverse beam search; 1 is plain beam search.
            diversity: How strongly a group avoids the words of those before it.
            length_penalty: Scores are divided by length to this power; above 0 favours longer captions.
            constraints: Minimum length, words to avoid or begin with, n-grams not to repeat.
            ensemble: Captioners of the same words that write with this one: words have the mean of all models'
                probabilities.
            attention: Whether each shall have its ``attention``, that of this model.

        Raises:
            DataError: If the file is missing or no picture.
            OptionError: If an option is out of range, a model of the ensemble has other words, or attention is wanted
                where there is none.
        """
        if attention and not self.conditioning.looks_again:
            raise OptionError("attention: this model was trained without; train it with conditioning 'attention'")
        if any(model.tokenizer != self.tokenizer for model in ensemble):
            raise OptionError("ensemble: the models have different words; give models trained on the same data")
        models = (self, *ensemble)
        with evaluating(*models):
            features = [model.image_input.read(image, model.device) for model in models]
            (found,) = _search(
                models,
                features,
                beam_size=beam_size,
                max_length=max_length,
                n_best=n_best,
                length_penalty=length_penalty,
                constraints=constraints,
                **({"groups": groups, "diversity": diversity} if groups != 1 else {}),
            )
            looked = [self._attention(features[0], one) if attention else (None, ()) for one in found]
        return [
            Caption(line_of(one.tokens, self.tokenizer), one.log_probability, one.score, one.group, *where)
            for one, where in zip(found, looked, strict=True)
        ]

    def _attention(self, features: Tensor, found: decoding.Hypothesis) -> tuple[Tensor, tuple[str, ...]]:
        """Where each token of a caption looked, and these tokens."""
        written = [*found.tokens, self.end] if found.ended else list(found.tokens)
        state, weights = self.conditioning.begin(features, self.rnn), []
        for token in [self.end, *written][: len(written)]:
            _, state = self.step(torch.tensor([token], device=features.device), state)
            weights.append(state["weights"][0].cpu())
        return torch.stack(weights), tuple(self.tokenizer.tokens[token] for token in written)

    def picture_rows(self, data: PictureData, count: int) -> list[dict[str, Any]]:
        """What the model says of some validation pictures, for a table; see ``seqmodels.training.PictureTable``.

        Args:
            data: Such as :class:`seqmodels.data.CaptionData`.
            count: Pictures at most.

        Returns:
            A dictionary for each picture: ``picture`` (a PIL image of at most 256 x 256 pixels, None if only its
            features are there), ``key``, ``references`` (what people said, a line each), ``caption``,
            ``log_probability`` (nats), and ``beam``: all captions of the beam, the best first, as lines of
            log-probability and text. The beam is that of validation.
        """
        beam_size, max_length = self.hparams["beam_size"], self.hparams["max_length"]
        sources = data.picture_sources()
        rows = []
        for image, record in shown_records(data, count):
            beam = self.caption(image.to(self.dtype), beam_size, max_length)
            rows.append(
                {
                    "picture": thumbnail(sources[record.key]),
                    "key": record.key,
                    "references": "\n".join(record.captions),
                    "caption": beam[0].text,
                    "log_probability": beam[0].log_probability,
                    "beam": "\n".join(f"{one.log_probability:.2f}  {one.text}" for one in beam),
                }
            )
        return rows

    def _beginning(self, features: Tensor) -> tuple[Tensor, Any]:
        start = torch.full((len(features),), self.end, device=features.device)
        return start, self.conditioning.begin(features, self.rnn)

    def _decode(self, tokens: Tensor, state: Any) -> tuple[Tensor, Any]:
        logits, state = self.step(tokens, state)
        return without_unknown(logits, self.tokenizer), state


def _search(models: Sequence[Captioner], features: Sequence[Tensor], **options: Any) -> list[list[decoding.Hypothesis]]:
    """The best captions of the pictures that each model has its own features of."""
    begun = [model._beginning(seen) for model, seen in zip(models, features, strict=True)]
    (start, *_), states = zip(*begun, strict=True)
    steps, batch_dims = zip(*((model._decode, model.conditioning.batch_dim) for model in models), strict=True)
    several = len(models) > 1
    search = decoding.diverse_beam_search if "groups" in options else decoding.beam_search
    return search(
        decoding.ensemble(steps) if several else steps[0],
        states if several else states[0],
        start,
        end=models[0].end,
        batch_dim=batch_dims if several else batch_dims[0],
        **options,
    )


def _check(settings: dict[str, Any]) -> None:
    if settings["conditioning"] not in CONDITIONINGS:
        raise OptionError(
            f"Captioner: conditioning is {settings['conditioning']!r}; use one of {', '.join(CONDITIONINGS)}"
        )
