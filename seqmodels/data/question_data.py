"""``QuestionData``: questions about pictures, with their answers."""

# No `from __future__ import annotations`: LightningCLI reads the types of the constructor.
from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from seqmodels.data.held_out import PARTS, warn_without_test
from seqmodels.data.picture_data import PictureData
from seqmodels.data.pictures import Pictures
from seqmodels.data.plain_words import plain_words
from seqmodels.data.position import check_positive
from seqmodels.data.questions import (
    ImageArrays,
    VisualQuestion,
    answer_vocabulary,
    question_table,
    read_easy_vqa,
    read_question_csv,
    read_shapes,
    read_vqa,
    soft_targets,
)
from seqmodels.data.questions.image_arrays import ENDING
from seqmodels.data.sequences import pad
from seqmodels.data.tokenizer import Tokenizer
from seqmodels.errors import DataError, OptionError
from seqmodels.metrics import normalise_answer

EASY_VQA, VQA = "easy-vqa", "vqa"


class QuestionBatch(NamedTuple):
    """B questions about pictures."""

    image: Tensor
    """Features [B, F] or [B, R, F], or pictures [B, 3, S, S]."""
    question: Int64[Tensor, "T B"]
    lengths: Int64[Tensor, " B"]
    answer: Int64[Tensor, " B"]
    """The most common answer among the K; -1 where it isn't one of them, or where there is none."""
    scores: Float[Tensor, "B K"]
    """min(1, annotators / 3) of each answer; 1 for the only answer of sets with one."""
    answers: tuple[tuple[str, ...], ...]
    """What the annotators said; a lone one's answer is spelled as those that the model chooses from."""
    answer_types: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def token_count(self) -> int:
        """Tokens of the questions, padding included."""
        return self.question.numel()


class QuestionData(PictureData):
    """Questions, pictures and answers: easy-VQA (from pip alone), a CSV, the official VQA v1 and v2 files, or SHAPES.

    The vocabulary and the K answers are those of the training questions.

    Args:
        source: "easy-vqa"; a CSV with the columns image, question and answer, see
            ``seqmodels.data.questions.read_question_csv``, or a folder of pictures with questions.csv in it; "vqa"
            (give the files); or a folder of SHAPES.
        questions: The official JSON of training questions; with ``annotations`` and ``images``, the folder.
        annotations: The official JSON of their answers.
        images: The folder of training pictures; of a CSV's pictures, or one above it.
        valid_questions: The same three of validation; without them, a tenth of the training pictures with all their
            questions is taken for it.
        valid_annotations: See above.
        valid_images: See above; None: ``images``.
        test_questions: Questions to answer at last; they need no annotations. None: those of validation.
        test_annotations: See above.
        test_images: See above; None: ``images``.
        valid_source: A CSV of its own for validation; all of ``source`` is then trained on.
        test_source: The same for the test; None: what validation has.
        fractions: Shares of training, validation and test where a CSV doesn't say, by a hash of the picture's name.
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
        num_workers: Processes that read pictures; 0: this one. Pictures that stay in memory (up to 96 x 96 as the
            model sees them) don't need any after the first epoch.
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
        valid_source: str | None = None,
        test_source: str | None = None,
        fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
        answers: int = 1000,
        min_count: int = 1,
        backbone: str = "small_cnn",
        layer: str | None = None,
        image_size: int | None = None,
        features: str | None = None,
        store_features: bool = False,
        folder: str = "features",
        max_bad: int = 0,
        num_workers: int = 0,
        batch_size: int = 64,
        eval_batch_size: int | None = None,
        seed: int = 0,
    ) -> None:
        check_positive(answers=answers, min_count=min_count)
        pictures = (backbone, layer, image_size, features, store_features, folder, max_bad)
        super().__init__(min_count, pictures, batch_size, eval_batch_size, seed, num_workers)
        self.files = {
            "train": (questions, annotations, images),
            "validation": (valid_questions, valid_annotations, valid_images or images),
            "test": (test_questions, test_annotations, test_images or images),
        }
        self.tables = {"train": source, "validation": valid_source, "test": test_source}
        self.source, self.images, self.fractions = source, images, fractions
        self.features, self.most_answers, self.max_bad = features, answers, max_bad
        official = {
            "questions": questions,
            "annotations": annotations,
            "valid_questions": valid_questions,
            "valid_annotations": valid_annotations,
            "valid_images": valid_images,
            "test_questions": test_questions,
            "test_annotations": test_annotations,
            "test_images": test_images,
        }
        _check_sources(self.tables, images, official)
        self._answers: list[str] | None = None
        self.save_hyperparameters(logger=False)

    @property
    def answers(self) -> list[str]:
        """The K answers. Set them to ask a trained model."""
        if self._answers is None:
            spell = normalise_answer if self._several_people else str
            self._answers = list(answer_vocabulary(self.records["train"], self.most_answers, normalise=spell))
        return self._answers

    @answers.setter
    def answers(self, answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.__dict__.pop("_numbers", None)

    @cached_property
    def records(self) -> Mapping[str, list[VisualQuestion]]:
        """The questions of each part."""
        if self.source == EASY_VQA:
            return _by_split(read_easy_vqa())
        if self.source == VQA:
            return self._official()
        table = question_table(self.source)
        if table is not None:
            return self._own(table)
        if not any(Path(self.source).glob(f"*{ENDING}")):
            raise DataError(
                f"{self.source}: is no CSV, and no folder with questions.csv or SHAPES (NAME{ENDING}) in it; check "
                f"--data.source (now in {Path.cwd()})"
            )
        return _by_split(read_shapes(self.source))

    def _own(self, table: Path) -> dict[str, list[VisualQuestion]]:
        images = self.images
        if images is None and str(table) != self.source:
            images = self.source  # the folder that the table is in
        elif images is None and self.features is None:
            raise OptionError(f"{table} needs its pictures; give the folder of them as images (--data.images)")
        several = {part: file for part, file in self.tables.items() if file is not None} | {"train": table}
        read = read_question_csv(
            table if len(several) == 1 else several, images, fractions=self.fractions, max_bad=self.max_bad
        )
        found = _by_split(read, self.fractions if self.tables["validation"] is None else None)
        for part in PARTS:
            if not found[part]:
                raise DataError(
                    f"{self.source}: has no questions for {part}; use other shares, such as --data.fractions "
                    f"[0.6,0.2,0.2], write a column split, or give --data.valid_source"
                )
        return found

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
        is_shapes = self.source not in (EASY_VQA, VQA) and question_table(self.source) is None
        arrays = ImageArrays(self.source) if is_shapes else None
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
        given = [self._spelled(one.answers) for one in asked]
        for row, said in enumerate(given):
            targets = soft_targets(said, numbers)
            scores[row, list(targets.indices)] = torch.tensor(targets.scores)
            answer[row] = numbers.get(targets.common, -1)
        return QuestionBatch(
            self.pictures.stacked(images, [one.key for one in asked]),
            tokens,
            lengths,
            answer,
            scores,
            tuple(one.answers if len(one.answers) > 1 else said for one, said in zip(asked, given, strict=True)),
            tuple(one.answer_type for one in asked),
            tuple(one.key for one in asked),
        )

    @cached_property
    def _several_people(self) -> bool:
        """Whether some question has several answers; all answers are then spelled in one way."""
        return any(len(one.answers) > 1 for part in PARTS for one in self.records[part])

    def _spelled(self, answers: Sequence[str]) -> tuple[str, ...]:
        """As they are compared."""
        return tuple(map(normalise_answer, answers) if self._several_people else answers)

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


def _check_sources(tables: dict[str, str | None], images: str | None, official: dict[str, str | None]) -> None:
    """Refuse files that don't go together."""
    source, given = tables["train"], {option: file for option, file in official.items() if file is not None}
    for option, file in given.items():
        if file.lower().endswith(".csv"):
            raise OptionError(
                f"{option} is {file!r}, but VQA's files are JSON; give a CSV as source, and one for validation or test "
                f"as valid_source or test_source"
            )
    if source == VQA and "questions" not in given:
        raise OptionError("source 'vqa' needs questions, annotations and images: the official files and a folder")
    if source != VQA and given:
        raise OptionError(f"{next(iter(given))} belongs to source 'vqa', not to {source!r}; give source='vqa'")
    if source == EASY_VQA and images is not None:
        raise OptionError("images are given, but easy-VQA has its own; give a CSV of questions about yours as source")
    for part, option in (("validation", "valid_source"), ("test", "test_source")):
        if source in (EASY_VQA, VQA) and tables[part] is not None:
            raise OptionError(f"{option} belongs to a CSV as source, not to {source!r}; leave it out")
    if tables["test"] is not None and tables["validation"] is None:
        raise OptionError("test_source needs valid_source; otherwise the parts come from source")


def _by_split(
    questions: list[VisualQuestion], fractions: Sequence[float] | None = None
) -> dict[str, list[VisualQuestion]]:
    """Those of each part; fractions: shares of what was cut, so that the test should have some of its own."""
    found = {part: [one for one in questions if one.split == part] for part in PARTS}
    if fractions is not None:
        warn_without_test(found, fractions)
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
