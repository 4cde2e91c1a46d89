"""Visual question answering: a picture and a question in, one of K answers out."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from seqmodels.cell import Cell
from seqmodels.data.picture_data import PictureData
from seqmodels.data.plain_words import plain_words
from seqmodels.data.question_data import QuestionBatch
from seqmodels.data.questions import write_vqa_results
from seqmodels.data.tokenizer import Tokenizer
from seqmodels.dropout import probability
from seqmodels.errors import InputError, OptionError
from seqmodels.evaluating import evaluating
from seqmodels.metrics import normalise_answer
from seqmodels.rnn import RNN
from seqmodels.tasks.answer_scores import AnswerScores
from seqmodels.tasks.cell_record import cell_record
from seqmodels.tasks.class_reader import likeliest
from seqmodels.tasks.image_input import ImageInput
from seqmodels.tasks.picture_rows import shown_records, thumbnail
from seqmodels.tasks.recurrent import RecurrentTask, check_numbers, refuse_options

INPUTS = ("both", "question", "image")
TARGETS = ("common", "soft")


class VisualQuestionAnswerer(RecurrentTask):
    """The softmax over K answers of "deeper LSTM Q + norm I", with any cell.

    The words of the question are embedded (and tanh taken), read by the cell; all its states after the last word, of
    every layer, are joined. They and the features of the picture, divided by their Euclidean norm, are each mapped to
    ``common_size`` (tanh); the product of the two is mapped to the answers.

    Logs of validation and test: ``loss`` (nats a question), ``accuracy``: the official accuracy of visual question
    answering in [0, 1], which for sets with one answer a question is the share of right answers; and the same for
    each type of answer, such as ``accuracy_yes_no``.

    Args:
        tokenizer: Of questions; kept in the checkpoint, as are the next two.
        answers: The K answers.
        image: Of what the data module's pictures are; see :class:`seqmodels.tasks.image_input.ImageInput`.
        cell: Any cell: a name, ``package.module:Class``, a class or an instance.
        hidden_size: Size of the state.
        num_layers: Layers of the network.
        embedding_size: Of a word.
        common_size: Of question and picture where they meet.
        inputs: What the model sees: "both", or "question" or "image" alone, to know how far these get.
        normalise_image: Divide the picture's features by their norm ("norm I").
        fine_tune: Train the backbone too; the data must hold pictures. None: if it is one that begins untrained.
        dropout: Between layers, and on what question and picture are mapped from, and on their product.
        targets: "common": cross-entropy with the answer that most annotators gave. "soft": a binary cross-entropy for
            each answer with min(1, annotators / 3), as Teney et al. 2018.
        rnn_options: Further options of RNN and of the cell.
        learning_rate: Of Adam.

    Raises:
        OptionError: If an option is out of range.

    Source: Antol et al. 2015, arXiv 1505.00468; its released code for the sizes.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> from seqmodels.tasks import VisualQuestionAnswerer
        >>> words = build_tokenizer("word", "how many horses are in this image ?")
        >>> image = {"feature_size": 4096, "regions": None, "backbone": None, "pixels": False}
        >>> model = VisualQuestionAnswerer(words, ["one", "two"], image, cell="gru")
        >>> model(torch.rand(3, 4096), torch.zeros(8, 3, dtype=torch.long), torch.tensor([8, 5, 2])).shape
        torch.Size([3, 2])
    """

    picture_table = "val_answers"
    """What the table of ``picture_rows`` is called."""

    kept = ("tokenizer", "answers")

    def __init__(
        self,
        tokenizer: Tokenizer | dict[str, Any],
        answers: list[str],
        image: dict[str, Any],
        cell: str | type[Cell] | Cell = "lstm",
        hidden_size: int = 512,
        num_layers: int = 2,
        embedding_size: int = 200,
        common_size: int = 1024,
        inputs: Literal["both", "question", "image"] = "both",
        normalise_image: bool = True,
        fine_tune: bool | None = None,
        dropout: float = 0.5,
        targets: Literal["common", "soft"] = "common",
        rnn_options: dict[str, Any] | None = None,
        learning_rate: float = 3e-4,
    ) -> None:
        settings = {k: v for k, v in locals().items() if k not in ("self", "__class__", "tokenizer", "answers")}
        super().__init__()
        check_numbers("VisualQuestionAnswerer", settings)
        self.save_hyperparameters(cell_record("VisualQuestionAnswerer", settings))
        self.tokenizer = Tokenizer.restored(tokenizer)
        self.answers = list(answers)
        _check(settings, len(self.answers))
        options = rnn_options or {}
        refuse_options("VisualQuestionAnswerer", options)

        self._dropout = probability("dropout", dropout)
        self.image_input = ImageInput(image, fine_tune)
        self.embedding = nn.Embedding(len(self.tokenizer), embedding_size)
        self.rnn = RNN(cell, embedding_size, hidden_size, num_layers, dropout=dropout, **options)
        directions = 2 if self.rnn.bidirectional else 1
        question_size = num_layers * directions * sum(self.rnn.cell.state_sizes)
        self.from_question = nn.Linear(question_size, common_size)
        self.from_image = nn.Linear(self.image_input.size, common_size)
        self.to_answer = nn.Linear(common_size, len(self.answers))
        unused = {
            "question": (self.image_input, self.from_image),
            "image": (self.embedding, self.rnn, self.from_question),
        }
        for module in unused.get(inputs, ()):
            module.requires_grad_(False)  # DDP waits for a gradient of all that may have one
        self._scores = {stage: AnswerScores() for stage in ("val", "test")}

    def forward(self, image: Tensor, question: Int[Tensor, "T B"], lengths: Int[Tensor, " B"]) -> Float[Tensor, "B K"]:
        """The scores of the answers.

        Args:
            image: Features [B, F] or [B, R, F] (of which the mean is taken), or pictures [B, 3, S, S].
            question: Tokens of the questions.
            lengths: Tokens of each question.
        """
        features = image if self.hparams["inputs"] == "question" else self.image_input(image)
        return self._answer_scores(features, question, lengths)

    def _answer_scores(self, features: Tensor, question: Tensor, lengths: Tensor) -> Tensor:
        parts = []
        if self.hparams["inputs"] != "image":
            words = torch.tanh(self.embedding(question))
            _, states = self.rnn(self._drop(words), lengths=lengths)
            states = (states,) if isinstance(states, Tensor) else states
            joined = torch.cat([state.transpose(0, 1).flatten(1) for state in states], -1)
            parts.append(torch.tanh(self.from_question(self._drop(joined))))
        if self.hparams["inputs"] != "question":
            features = features.mean(1) if features.dim() == 3 else features
            if self.hparams["normalise_image"]:
                features = F.normalize(features, dim=-1)
            parts.append(torch.tanh(self.from_image(self._drop(features))))
        return self.to_answer(self._drop(parts[0] * parts[-1] if len(parts) == 2 else parts[0]))

    def _drop(self, values: Tensor) -> Tensor:
        return F.dropout(values, self._dropout, self.training)

    # --- training and evaluation ----------------------------------------------------------------------------------

    def training_step(self, batch: QuestionBatch, batch_idx: int, hiddens: Any = None) -> dict[str, Any]:
        """Mean loss of the batch's questions whose answer is among the K."""
        loss, count = self._loss(self(batch.image, batch.question, batch.lengths), batch)
        mean = self._mean_over_ranks(loss, count)
        self.log("train_loss", mean.detach(), prog_bar=True, batch_size=len(batch.lengths))
        return {"loss": mean, "hiddens": None}

    def _loss(self, scores: Tensor, batch: QuestionBatch) -> tuple[Tensor, Tensor]:
        """Summed loss, and the number of questions in it."""
        if self.hparams["targets"] == "soft":
            loss = F.binary_cross_entropy_with_logits(scores, batch.scores.to(scores.dtype), reduction="sum")
            return loss, torch.tensor(len(scores), device=scores.device)
        known = batch.answer >= 0
        loss = F.cross_entropy(scores, batch.answer, ignore_index=-1, reduction="sum")
        return loss, known.sum()

    def validation_step(self, batch: QuestionBatch, batch_idx: int) -> None:
        self._evaluate("val", batch)

    def test_step(self, batch: QuestionBatch, batch_idx: int) -> None:
        self._evaluate("test", batch)

    def _evaluate(self, stage: str, batch: QuestionBatch) -> None:
        scores = self(batch.image, batch.question, batch.lengths)
        loss, count = self._loss(scores, batch)
        written = [self.answers[k] for k in scores.argmax(-1).tolist()]
        self._scores[stage].update(float(loss), int(count), written, batch)

    def on_validation_epoch_end(self) -> None:
        self._log_scores("val")

    def on_test_epoch_end(self) -> None:
        self._log_scores("test")

    def _log_scores(self, stage: str) -> None:
        for name, value in self._scores[stage].compute().items():
            self.log(f"{stage}_{name}", value, prog_bar=name in ("loss", "accuracy"), sync_dist=True)

    def write_results(self, path: str) -> None:
        """The answers of the last test (or validation) as the official result file, which EvalAI takes.

        Raises:
            DataError: If the questions' keys are not the whole numbers that the official ids are.
        """
        write_vqa_results(path, self._scores["test"].written or self._scores["val"].written)

    # --- answering ------------------------------------------------------------------------------------------------

    def answer(
        self, image: Any, question: str, top: int = 5, choices: Sequence[str] | None = None
    ) -> list[tuple[str, float]]:
        """The likeliest answers to a question about a picture, with their probabilities.

        Those of a model with "soft" targets don't add up to 1: of each answer it is told by itself how right it is.

        Args:
            image: A file, a PIL image, or one of a batch: features [F] or [R, F], or a preprocessed picture.
            question: In words; those that the model has never seen are read as unknown.
            top: How many answers.
            choices: Of a multiple-choice question the answers to choose from; probabilities are those given that it is
                one of them. None: all that the model knows.

        Raises:
            DataError: If the file is missing or no picture.
            InputError: If the question is empty.
            OptionError: If ``top`` is less than 1, or the model doesn't know a choice.
        """
        answers = self.answers if choices is None else list(dict.fromkeys(map(self._known, choices)))
        with evaluating(self):
            tokens = self.tokenizer.encode(plain_words(question)).to(self.device)
            if len(tokens) == 0:
                raise InputError("the question is empty; ask something")
            features = self.image_input.read(image, self.device)
            lengths = torch.tensor([len(tokens)], device=self.device)
            scores = self._answer_scores(features, tokens[:, None], lengths)[0].float()
        if choices is not None:
            scores = scores[[self.answers.index(answer) for answer in answers]]
        soft = self.hparams["targets"] == "soft"
        return likeliest(scores.sigmoid() if soft else scores.softmax(-1), answers, top)

    def _known(self, choice: str) -> str:
        """A choice as the model's answers are spelled."""
        for answer in (choice, normalise_answer(choice)):
            if answer in self.answers:
                return answer
        raise OptionError(f"{choice!r} is none of the {len(self.answers)} answers that the model knows; leave it out")

    def picture_rows(self, data: PictureData, count: int) -> list[dict[str, Any]]:
        """What the model answers to some validation questions, for a table; see ``seqmodels.training.PictureTable``.

        Args:
            data: Such as :class:`seqmodels.data.QuestionData`.
            count: Questions at most.

        Returns:
            A dictionary for each question: ``picture`` (a PIL image of at most 256 x 256 pixels, None if only its
            features are there), ``key``, ``question``, ``people`` (the answers given, a line each, with how many gave
            it where there are several), ``answer`` (the model's), ``probability``, and ``likeliest``: its 5 likeliest
            answers as lines of probability and answer.
        """
        sources = data.picture_sources()
        rows = []
        for image, _, record in shown_records(data, count):
            answers = self.answer(image.to(self.dtype), record.question)
            rows.append(
                {
                    "picture": thumbnail(sources[record.image]),
                    "key": record.key,
                    "question": record.question,
                    "people": _counted(record.answers),
                    "answer": answers[0][0],
                    "probability": answers[0][1],
                    "likeliest": "\n".join(f"{probability:.2%}  {answer}" for answer, probability in answers),
                }
            )
        return rows


def _counted(answers: tuple[str, ...]) -> str:
    """Answers as lines, the most common first: "8  red"; just "red" if only one person answered."""
    if len(answers) == 1:
        return answers[0]
    return "\n".join(f"{count}  {answer}" for answer, count in Counter(answers).most_common())


def _check(settings: dict[str, Any], answers: int) -> None:
    for name, allowed in (("inputs", INPUTS), ("targets", TARGETS)):
        if settings[name] not in allowed:
            raise OptionError(f"VisualQuestionAnswerer: {name} is {settings[name]!r}; use one of {', '.join(allowed)}")
    if answers < 1:
        raise OptionError("VisualQuestionAnswerer: there are no answers to choose from; give at least one")
