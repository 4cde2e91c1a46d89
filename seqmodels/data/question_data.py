"""``QuestionData``: questions about pictures, with their answers."""

# No `from __future__ import annotations`: LightningCLI reads the types of the constructor.
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seqmodels.data.held_out import PARTS
from seqmodels.data.picture_data import PictureData
from seqmodels.data.pictures import Pictures
from seqmodels.data.plain_words import plain_words
from seqmodels.data.position import check_positive
from seqmodels.data.questions import (
    ImageArrays,
    VisualQuestion,
    answer_vocabulary,
    read_easy_vqa,
    read_shapes,
    read_vqa,
    soft_targets,
)
from seqmodels.data.sequences import pad
from seqmodels.data.tokenizer import Tokenizer
from seqmodels.errors import DataError, OptionError
from seqmodels.metrics import normalise_answer


class QuestionBatch(NamedTuple):
    """B questions about pictures."""

    image: Tensor
    """Features [B, F] or [B, R, F], or pictures [B, 3, S, S]."""
    question: Int64[Tensor, "T B"]
    lengths: Int64[Tensor, "B"]
    answer: Int64[Tensor, "B"]
    """The most common answer among the K; -1 where it isn't one of them, or where there is none."""
    scores: Float[Tensor, "B K"]
    """min(1, annotators / 3) of each answer; 1 for the only answer of sets with one."""
    answers: tuple[tuple[str, ...], ...]
    """What the annotators said."""
    answer_types: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def token_count(self) -> int:
        """Tokens of the questions, padding included."""
        return self.question.numel()


class QuestionData(PictureData):
    """Questions, pictures and answers: easy-VQA (from pip alone), the official VQA v1 and v2 files, or SHAPES.

    The vocabulary and the K answers are those of the training questions.

    Args:
        source: "easy-vqa"; "vqa" (give the files); or a folder of SHAPES.
        questions: The official JSON of training questions; with ``annotations`` and ``images``, the folder.
        annotations: The official JSON of their answers.
        images: The folder of training pictures.
        valid_questions: The same three of validation; without them, a tenth of the training pictures with all their
            questions is taken for it.
        valid_annotations: See above.
        valid_images: See above; None: ``images``.
        test_questions: Questions to answer at last; they need no annotations. None: those of validation.
        test_annotations: See above.
        test_images: See above; None: ``images``.
        answers: K, the most common answers, that the model chooses from.
        min_count: How often a word must occur to get a token.
        backbone: What makes features of the pictures; see ``seqmodels.images.Backbone``. "small_cnn" learns from
            scratch, for pictures as small as those of easy-VQA and SHAPES.
        layer: Where it is cut; its usual place if not given.
        image_size: Pixels to which the backbone's pictures are made; its usual size if not given.
        features: A file or folder of features made elsewhere, instead of ``backbone``.
        store_features: Compute features once and keep them. False: batches hold pictures, for a backbone in the model.
        folder: Where computed features are kept.
        max_bad: How many records and pictures may be faulty; they are named, and left out.
        batch_size: B, the questions of each process.
        eval_batch_size: those in validation and test; None: ``batch_size``.
        seed: of the order of the training questions.

    Raises:
        OptionError: An option out of range, or files that don't go together.
        DataError: While reading: a file is missing or damaged.

    Source: easy-VQA: Zhou 2019; VQA: Antol et al. 2015, Goyal et al. 2017; SHAPES: Andreas et al. 2016.

    Example:
        >>> from seqmodels.data import QuestionData
        >>> data = QuestionData("easy-vqa", batch_size=32)
        >>> data.batch_size
        32
    """

    def __init__(
        self,
        source: str = "easy-vqa",
        questions: str | None = None,
        annotations: str | None = None,
        images: str | None = None,
        valid_questions: str | None = None,
        valid_annotations: str | None = None,
        valid_images: str | None = None,
        test_questions: str | None = None,
        test_annotations: str | None = None,
        test_images: str | None = None,
        answers: int = 1000,
        min_count: int = 1,
        backbone: str = "small_cnn",
        layer: str | None = None,
        image_size: int | None = None,
        features: str | None = None,
        store_features: bool = False,
        folder: str = "features",
        max_bad: int = 0,
        batch_size: int = 64,
        eval_batch_size: int | None = None,
        seed: int = 0,
    ) -> None:
        check_positive(answers=answers, min_count=min_count)
        pictures = (backbone, layer, image_size, features, store_features, folder, max_bad)
        super().__init__(min_count, pictures, batch_size, eval_batch_size, seed)
        if source == "vqa" and questions is None:
            raise OptionError("source 'vqa' needs questions, annotations and images: the official files and a folder")
        if source != "vqa" and questions is not None:
            raise OptionError(f"questions belong to source 'vqa', not to {source!r}; give source='vqa'")
        self.source, self.most_answers, self.max_bad = source, answers, max_bad
        self.files = {
            "train": (questions, annotations, images),
            "validation": (valid_questions, valid_annotations, valid_images or images),
            "test": (test_questions, test_annotations, test_images or images),
        }
        self._answers: list[str] | None = None
        self.save_hyperparameters(logger=False)

    @property
    def answers(self) -> list[str]:
        """The K answers. Set them to ask a trained model."""
        if self._answers is None:
            training = self.records["train"]
            several = any(len(one.answers) > 1 for one in training)
            self._answers = list(
                answer_vocabulary(training, self.most_answers, normalise=normalise_answer if several else str)
            )
        return self._answers

    @answers.setter
    def answers(self, answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.__dict__.pop("_numbers", None)

    @cached_property
    def records(self) -> Mapping[str, list[VisualQuestion]]:
        """The questions of each part."""
        if self.source == "easy-vqa":
            return _by_split(read_easy_vqa())
        if self.source == "vqa":
            return self._official()
        return _by_split(read_shapes(self.source))

    def _official(self) -> dict[str, list[VisualQuestion]]:
        found = {
            part: read_vqa(questions, annotations, images, split=part, max_bad=self.max_bad)
            for part, (questions, annotations, images) in self.files.items()
            if questions is not None
        }
        if "validation" not in found:
            pictures = sorted({one.image for one in found["train"]})
            held_out = set(pictures[::10])
            found["validation"] = [one for one in found["train"] if one.image in held_out]
            found["train"] = [one for one in found["train"] if one.image not in held_out]
        found.setdefault("test", found["validation"])
        return {part: found[part] for part in PARTS}

    def training_text(self) -> str:
        """The training questions."""
        return "\n".join(plain_words(one.question) for one in self.records["train"])

    def picture_sources(self) -> dict[str, Any]:
        """The pictures of all parts."""
        every = [one for part in PARTS for one in self.records[part]]
        arrays = ImageArrays(self.source) if self.source not in ("easy-vqa", "vqa") else None
        return {one.image: one.path or partial(_inside, arrays, one.image) for one in every}

    def read_parts(self) -> dict[str, "_Questions"]:
        """The questions whose pictures can be read."""
        return {part: _Questions(self.pictures, self.records[part], self.tokenizer, part) for part in PARTS}

    def collate(self, records: list[Any]) -> QuestionBatch:
        """Pictures, questions and answers as one batch."""
        images, questions, asked = zip(*records, strict=True)
        tokens, lengths = pad(list(questions))
        numbers = self._numbers
        scores = torch.zeros(len(asked), len(numbers))
        answer = torch.full((len(asked),), -1)
        given = [_given(one) for one in asked]
        for row, said in enumerate(given):
            targets = soft_targets(said, numbers)
            scores[row, list(targets.indices)] = torch.tensor(targets.scores)
            answer[row] = numbers.get(targets.common, -1)
        return QuestionBatch(
            torch.stack(images),
            tokens,
            lengths,
            answer,
            scores,
            tuple(one.answers for one in asked),
            tuple(one.answer_type for one in asked),
            tuple(one.key for one in asked),
        )

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {answer: number for number, answer in enumerate(self.answers)}

    def describe(self) -> str:
        """One line: the questions and how many of them there are."""
        return f"QuestionData: {self.source}, {self.sizes()} questions, {len(self.answers)} answers"


def _inside(arrays: ImageArrays | None, key: str) -> Any:
    """A picture that is inside another file."""
    from PIL import Image

    if arrays is None:
        raise DataError(f"picture {key!r}: has no file; give the folder of pictures as images")
    return Image.fromarray(arrays[key])


def _given(one: VisualQuestion) -> tuple[str, ...]:
    """The answers as they are compared: normalised where several annotators wrote them."""
    return tuple(map(normalise_answer, one.answers)) if len(one.answers) > 1 else tuple(one.answers)


def _by_split(questions: list[VisualQuestion]) -> dict[str, list[VisualQuestion]]:
    found = {part: [one for one in questions if one.split == part] for part in PARTS}
    found["test"] = found["test"] or found["validation"]
    return found


class _Questions:
    """What ``ResumableLoader`` reads: a picture, the question's tokens and the record."""

    def __init__(self, pictures: Pictures, questions: list[VisualQuestion], tokenizer: Tokenizer, part: str) -> None:
        self.name = f"the {part} part of the questions"
        self._pictures, self._tokenizer = pictures, tokenizer
        self._questions = [one for one in questions if one.image in pictures]

    def __len__(self) -> int:
        return len(self._questions)

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor, VisualQuestion]:
        one = self._questions[number]
        return self._pictures[one.image], self._tokenizer.encode(plain_words(one.question)), one
